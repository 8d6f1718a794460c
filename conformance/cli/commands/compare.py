"""`conformance compare URL URL`: two endpoints, or two models of one, asked the same and shown side by side."""

import argparse
import subprocess
import sys
import webbrowser
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from conformance.cli.parser import Parser
from conformance.errors import ExitCode, UserError
from conformance.runs.log import read_log

PASSED_ON = ("target", "profile", "select", "concurrency", "attempts", "timeout", "budget")
"""Options that mean the same for every server that is asked."""
NOT_ASKED = (ExitCode.OUR_FAULT, ExitCode.BAD_USAGE, ExitCode.INTERRUPTED)


class ComparedColumn(Struct, frozen=True):
    """One column of the comparison."""

    url: str
    model: str | None
    key: str | None
    """The name of the variable with its key."""


def declare(parser: Parser) -> None:
    parser.add_argument("urls", nargs="+", metavar="URL", help="where the endpoints listen; one URL with two --model")
    parser.add_argument(
        "--model", metavar="M", action="append", default=[], help="the model to ask: one for all, or one for each"
    )
    parser.add_argument(
        "--api-key-env",
        metavar="VAR",
        action="append",
        default=[],
        help="the variable of the key: one, or one for each",
    )
    parser.add_argument(
        "--target", metavar="NAME|none", help="target whose documented gaps apply; recognised by default"
    )
    parser.add_argument("--profile", metavar="P", help="a named selection, such as quick or claude-code")
    parser.add_argument("--select", metavar="EXPR", help="such as 'area:tools level:must'")
    for name in ("concurrency", "attempts", "timeout", "budget"):
        parser.add_argument(f"--{name}", metavar="N", help="as in `conformance run`")
    parser.add_argument("--out", metavar="DIR", type=Path, help="default: reports/compare-<time>/")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")


def run(arguments: argparse.Namespace) -> int:
    asked = columns_of(arguments.urls, arguments.model, arguments.api_key_env)
    from conformance.report.write import refuse_others

    out = arguments.out or Path("reports", f"compare-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    refuse_others(out)
    folders = [out / f"{number}" for number, _ in enumerate(asked, start=1)]
    for number, (one, folder) in enumerate(zip(asked, folders, strict=True), start=1):
        named = ", ".join(filter(None, (one.url, one.model)))
        print(f"{number} of {len(asked)}: {named}", file=sys.stderr, flush=True)
        code = subprocess.run(_command(one, folder, arguments), check=False).returncode  # noqa: S603 - our own program
        if code in NOT_ASKED and not (folder / "index.html").exists():
            return code
        if code == ExitCode.INTERRUPTED:
            return code
    page = _show(folders, out)
    if arguments.open:
        webbrowser.open(page.resolve().as_uri())
    return ExitCode.AS_EXPECTED


def columns_of(urls: Sequence[str], models: Sequence[str], keys: Sequence[str]) -> list[ComparedColumn]:
    """The columns: each URL with its model and key; UserError where the numbers do not go together."""
    count = max(len(urls), len(models))
    if count < 2:
        raise UserError("nothing to compare: name two URLs, or one URL and two --model")
    if runs := [url for url in urls if "://" not in url and "/" in url and Path(url).exists()]:
        raise UserError(f"{runs[0]} is a file or folder here, and no address: `conformance diff` compares two runs")
    spread: list[list[str]] = []
    for name, given in (("URL", urls), ("--model", models), ("--api-key-env", keys)):
        if len(given) not in (0, 1, count):
            raise UserError(f"{len(given)} times {name} for {count} columns: give one for all, or one for each")
        spread.append(list(given) if len(given) == count else [*given, ""][:1] * count)
    columns = [ComparedColumn(url, model or None, key or None) for url, model, key in zip(*spread, strict=True)]
    if len(set(columns)) < len(columns):
        raise UserError("two columns would be the same: the same URL with the same model")
    return columns


def _command(asked: ComparedColumn, folder: Path, arguments: argparse.Namespace) -> list[str]:
    words = [sys.executable, "-P", "-m", "conformance", "run", "--base-url", asked.url, "--out", str(folder), "--quiet"]
    for name in PASSED_ON:
        if (value := getattr(arguments, name)) is not None:
            words += [f"--{name}", value]
    words += ["--model", asked.model] if asked.model else []
    return words + (["--api-key-env", asked.key] if asked.key else [])


def _show(folders: Sequence[Path], out: Path) -> Path:
    """The rows that differ as a table, and one page of all."""
    from rich.console import Console

    from conformance.report.query import parse
    from conformance.report.terminal import print_table
    from conformance.report.write import render, write_summaries

    runs = [read_log(folder) for folder in folders]
    page = render(runs, out)
    write_summaries(runs, out)
    print_table(runs, parse("differs"), Console())
    print(f"Both, with the evidence of every cell: {page.resolve().as_uri()}")
    return page

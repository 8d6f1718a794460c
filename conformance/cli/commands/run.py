"""`conformance run`: asks an endpoint, judges its answers, writes log and report."""

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from conformance.cli.configuration import configured
from conformance.cli.display import Display
from conformance.cli.parser import Parser, from_one
from conformance.errors import UserError
from conformance.runs.options import RunOptions

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h)?")
LONGEST = 366 * 24 * 3600
"""Seconds: a clock takes no time without end."""
SECONDS = {"s": 1, "m": 60, "h": 3600}


def declare(parser: Parser) -> None:
    ask = parser.add_argument_group("who is asked")
    ask.add_argument(
        "url", nargs="?", metavar="URL", help="the same as --base-url: http://localhost:11434, or localhost:11434"
    )
    ask.add_argument(
        "--target", metavar="NAME[@VERSION]|FILE|none", help="target whose documented gaps apply; recognised by default"
    )
    ask.add_argument(
        "--base-url", metavar="URL", help="where it listens; without it, the embedded reference endpoint is asked"
    )
    ask.add_argument("--model", metavar="M", help="the model to ask; needed where a server has several")
    ask.add_argument("--api-key-env", metavar="VAR", help="the environment variable that holds the key")
    ask.add_argument(
        "--capability", metavar="X", action="append", default=[], help="the model can do this (repeatable)"
    )
    ask.add_argument(
        "--no-capability", metavar="X", action="append", default=[], help="the model cannot do this (repeatable)"
    )
    ask.add_argument("--simulated", action="store_true", help="mark this run as one of a simulation in all outputs")
    what = parser.add_argument_group("what is asked")
    what.add_argument(
        "--profile", metavar="P", help="a named selection with a question of its own, such as claude-code or quick"
    )
    what.add_argument("--select", metavar="EXPR", help="such as 'tools.*', 'area:tools and level:must'")
    what.add_argument("--shard", metavar="I/N", help="one of N parts, for N machines; `conformance merge` joins them")
    what.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")
    what.add_argument("--thorough", action="store_true", help="also what costs many bytes or tokens (`size: large`)")
    how = parser.add_argument_group("how")
    how.add_argument(
        "--concurrency", metavar="N", type=from_one, help="requests in flight (default: the target's, else 4)"
    )
    how.add_argument(
        "--attempts", metavar="K", type=from_one, default=3, help="tries where the model must play along (default: 3)"
    )
    how.add_argument(
        "--timeout",
        metavar="S",
        type=_seconds,
        default=300.0,
        help="to the first byte, and between bytes (default: 300)",
    )
    how.add_argument("--budget", metavar="TIME", type=duration, help="end the run after this time, such as 90s, 20m")
    how.add_argument("--resume", metavar="RUN", type=Path, help="go on where a killed run stopped")
    how.add_argument("--no-witness", action="store_true", help="do not show the answers to the official SDK")
    how.add_argument("--no-evidence", action="store_true", help="keep no requests and answers")
    how.add_argument("--debug", action="store_true", help="print each exchange as it happens, keys removed")
    verdict = parser.add_argument_group("what counts")
    verdict.add_argument("--baseline", metavar="RUN", type=Path, help="expect what this earlier run found")
    verdict.add_argument("--strict", action="store_true", help="exit 3 where something required was not verified")
    verdict.add_argument("--allow-improvements", action="store_true", help="do not fail on what got better")
    verdict.add_argument("--out", metavar="DIR", type=Path, help="default: reports/runs/<target>-<version>-<time>/")
    shown = parser.add_argument_group("what is shown")
    shown.add_argument("--json", action="store_true", help="print the rows of the log as they are written")
    shown.add_argument("--quiet", action="store_true", help="print one line at the end, and what went wrong")
    shown.add_argument("--open", action="store_true", help="open the page in a browser when the run is over")
    parser.words_after_dashes("pytest_arguments", "PYTEST ARGUMENT", "such as -k, -x, --lf, --html FILE")


def run(arguments: argparse.Namespace) -> int:
    options = configured(options_of(arguments, sys.argv), Path.cwd())
    from conformance.cli.run_suite import run_suite

    return run_suite(options, Display(json=arguments.json, quiet=arguments.quiet, open=arguments.open))


def _check_pytest_arguments(words: Sequence[str]) -> None:
    """Refuses, with what to do instead, the arguments for pytest that cannot work here."""
    if any(word == "-n" or word.startswith(("-n=", "--numprocesses", "--dist")) for word in words):
        raise UserError("xdist is not needed: requests are in flight together already; use --concurrency N")
    if any(word.startswith("--html") for word in words) and find_spec("pytest_html") is None:
        raise UserError(
            "--html needs pytest-html, which is not installed: pip install 'messages-conformance[html]' (in a clone: "
            "pip install '.[html]')"
        )


def options_of(arguments: argparse.Namespace, words: list[str]) -> RunOptions:
    """The options as the run takes them; UserError where two of them cannot go together."""
    _check_pytest_arguments(arguments.pytest_arguments)
    if arguments.url and arguments.base_url and arguments.url != arguments.base_url:
        raise UserError(f"two addresses, {arguments.url} and {arguments.base_url}: `conformance compare` asks both")
    address = arguments.url or ""
    if "://" not in address and Path(address).exists() and "/" in address:
        raise UserError(
            f"{address} is a file or folder here, and no address: `conformance report {address}` shows a run, "
            f"`conformance run --resume {address}` goes on with one"
        )
    if arguments.select is not None and not arguments.select.strip():
        raise UserError("--select is empty; leave it out to ask everything, or write such as 'area:tools'")
    taken = set(arguments.capability) & set(arguments.no_capability)
    if taken:
        raise UserError(f"--capability and --no-capability both name {min(taken)!r}; keep one")
    return RunOptions(
        target=arguments.target,
        base_url=arguments.url or arguments.base_url,
        model=arguments.model,
        api_key_env=arguments.api_key_env,
        profile=arguments.profile,
        select=arguments.select,
        shard=arguments.shard,
        thorough=arguments.thorough,
        capability=tuple(arguments.capability),
        no_capability=tuple(arguments.no_capability),
        concurrency=arguments.concurrency,
        attempts=arguments.attempts,
        timeout=arguments.timeout,
        budget=arguments.budget,
        baseline=arguments.baseline,
        out=arguments.out,
        strict=arguments.strict,
        allow_improvements=arguments.allow_improvements,
        resume=arguments.resume,
        debug=arguments.debug,
        witness=not arguments.no_witness,
        evidence=not arguments.no_evidence,
        simulated=arguments.simulated,
        cases=arguments.cases,
        command=shlex.join(["conformance", *words[1:]]),
        pytest_arguments=tuple(arguments.pytest_arguments),
    )


def _seconds(text: str) -> float:
    return duration(text)


def duration(text: str) -> float:
    """Seconds of a time as it is typed; ArgumentTypeError where it is none."""
    match = DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * SECONDS[match[2] or "s"] if match else 0.0
    if not 0 < seconds <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time such as 90, 90s, 20m, 1h")
    return seconds

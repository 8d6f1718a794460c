"""`conformance report RUN...`: one matrix from any number of runs of any version of the suite."""

import argparse
from pathlib import Path

from conformance.cli.commands.diff import read_run
from conformance.report.answers import annotations
from conformance.report.matrix import matrix_of

DETECTION = "detection.json"


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders or run.jsonl files")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("reports"), help="folder of the page (default: %(default)s)"
    )
    parser.add_argument(
        "--format",
        choices=["html", "text", "annotations"],
        default="html",
        help="the page (default), a table, or one line for each red cause that GitHub Actions shows on top of a job",
    )
    parser.add_argument("--query", default="", help="as in the page's search box: 'verdict:ignored area:tools'")
    parser.add_argument(
        "--detection", type=Path, help="what the suite catches (default: detection.json in the out folder)"
    )


def run(arguments: argparse.Namespace) -> int:
    runs = [read_run(path) for path in arguments.runs]
    if arguments.format == "annotations":
        print(*(line for column in matrix_of(runs).columns for line in annotations(column)), sep="\n")
        return 0
    if arguments.format == "text":
        return _table(runs, arguments.query)
    from conformance.report.write import render, write_summaries

    page = render(runs, arguments.out, detection=arguments.detection or arguments.out / DETECTION)
    write_summaries(runs, page.parent)
    print(page)
    return 0


def _table(runs: list, words: str) -> int:  # type: ignore[type-arg]
    from rich.console import Console

    from conformance.report.query import parse
    from conformance.report.terminal import print_table

    query = parse(words)
    print_table(runs, query, Console())
    return 0

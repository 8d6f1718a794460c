"""`conformance ollama`: asks one version of Ollama, started for this run alone."""

import argparse
from pathlib import Path

from conformance.cli.parser import Parser


def declare(parser: Parser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument(
        "--version",
        metavar="V",
        action="append",
        default=[],
        help="a release such as 0.33.0: downloaded, its checksum compared (repeatable: one report of all)",
    )
    which.add_argument(
        "--binary",
        metavar="PATH",
        type=Path,
        action="append",
        default=[],
        help="an ollama that is here already (repeatable)",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--model", metavar="M", help="a model to pull and ask (default: the scripted stub)")
    what.add_argument("--scripted", action="store_true", help="the scripted model behind it: no weights (default)")
    parser.add_argument("--out", metavar="DIR", type=Path, help="where run log, report and server log go")
    parser.add_argument(
        "--cache", metavar="DIR", type=Path, default=Path(".nox/ollama"), help="where releases are kept"
    )
    parser.words_after_dashes("run_arguments", "ARGUMENT", "of `conformance run`, such as --select or --strict")


def run(arguments: argparse.Namespace) -> int:
    from conformance.cli.ollama_release import ask_release

    return ask_release(arguments)

"""`conformance evidence RUN [ID]`: the exchanges of a run, all by their ids or one as a whole."""

import argparse
import sys
from pathlib import Path

import msgspec

from conformance.cli.commands.diff import read_run
from conformance.errors import UserError
from conformance.report.wording import printable
from conformance.runs.evidence_store import EvidenceStore


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("id", nargs="?", metavar="ID", help="one exchange, as `case.mode.attempt`; all ids without it")


def run(arguments: argparse.Namespace) -> int:
    folder = arguments.run if arguments.run.is_dir() else read_run(arguments.run).folder
    store = EvidenceStore(folder, lambda line: print(line, file=sys.stderr))
    if arguments.id is not None:
        exchange = store.read(arguments.id)
        print(printable(msgspec.json.format(msgspec.json.encode(exchange), indent=2).decode()))
        return 0
    names = sorted(store)
    if not names:
        raise UserError(f"{folder} holds no evidence: it is no run, or was asked with --no-evidence")
    print("\n".join(map(printable, names)))
    return 0

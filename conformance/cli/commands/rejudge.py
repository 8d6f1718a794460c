"""`conformance rejudge RUN`: judges the evidence of a run again with today's rules, without the endpoint."""

import argparse
import sys
from pathlib import Path

from conformance.catalog.load import load_catalog
from conformance.cli.commands.diff import read_run
from conformance.errors import UserError
from conformance.runs.evidence_store import copy_evidence
from conformance.runs.log import FILE, PACKED


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("-o", "--out", type=Path, help="where the new log goes (default: RUN-rejudged)")
    parser.add_argument("--baseline", metavar="RUN", type=Path, help="where the run lies now that it was compared with")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run(arguments: argparse.Namespace) -> int:
    from conformance.cli.write_outputs import publish
    from conformance.engine.rejudge import rejudge

    log = read_run(arguments.run)
    if not any(row.exchanges for row in log.cases):
        raise UserError(f"{log.folder} holds no evidence, so there is nothing to judge again")
    out = arguments.out or log.folder.with_name(log.folder.name + "-rejudged")
    if out.resolve() == log.folder.resolve() or any((out / name).exists() for name in (FILE, PACKED)):
        raise UserError(f"{out} holds a run already; name another folder with --out")
    catalog = load_catalog(arguments.cases)
    out.mkdir(parents=True, exist_ok=True)
    copy_evidence(log.folder, out)
    rejudged = rejudge(log, catalog, out, baseline=arguments.baseline)
    print(out)
    publish(out)
    if left_out := rejudged.left_out():
        print(left_out, file=sys.stderr)
    return rejudged.ended.logged.exit

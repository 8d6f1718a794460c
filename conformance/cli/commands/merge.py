"""`conformance merge RUN RUN ...`: joins the shards of a run into one, judged together."""

import argparse
import sys
from pathlib import Path

from conformance.catalog.load import load_catalog
from conformance.cli.commands.diff import read_run
from conformance.errors import UserError
from conformance.runs.log import FILE, PACKED
from conformance.runs.run_folder import RunFolder


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="the folders of all shards, in any order")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="where the whole run goes")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run(arguments: argparse.Namespace) -> int:
    from conformance.cli.write_outputs import publish
    from conformance.engine.merge import merge

    logs = [read_run(path) for path in arguments.runs]
    out = arguments.out
    if any((out / name).exists() for name in (FILE, PACKED)):
        raise UserError(f"{out} holds a run already; name another folder with --out")
    with RunFolder(out, resumed=False):
        merged = merge(logs, load_catalog(arguments.cases), out)
        print(out)
        publish(out)
    if left_out := merged.left_out():
        print(left_out, file=sys.stderr)
    return merged.ended.logged.exit

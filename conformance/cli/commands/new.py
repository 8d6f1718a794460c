"""`conformance new ID`: writes the skeleton of a case into the file where it belongs."""

import argparse
from pathlib import Path

from conformance.catalog.load import load_catalog
from conformance.catalog.skeleton import write_skeleton


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="such as tools.choice.any: area, thing, variant")
    parser.add_argument("--surface", metavar="ROW", help="the row that it is about, such as request.stop_sequences")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run(arguments: argparse.Namespace) -> int:
    print(write_skeleton(load_catalog(arguments.cases), arguments.id, arguments.surface))
    return 0

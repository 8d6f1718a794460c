"""`conformance variants`: lists the legal variants of the reference endpoint."""

import argparse

from conformance.cli.commands.faults import print_listing


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace) -> int:
    return print_listing("variants", as_json=arguments.json)

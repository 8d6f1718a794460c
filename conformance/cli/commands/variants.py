"""`conformance variants`: the legal ways in which the reference endpoint can answer otherwise."""

import argparse

from conformance.cli.commands.faults import print_listing


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace) -> int:
    return print_listing("variants", as_json=arguments.json)

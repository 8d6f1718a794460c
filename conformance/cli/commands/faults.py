"""`conformance faults`: lists the faults of the reference endpoint."""

import argparse
import subprocess
import sys


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace) -> int:
    return print_listing("faults", as_json=arguments.json)


def print_listing(what: str, *, as_json: bool) -> int:
    """Prints what the scripted model lists of itself; the exit code."""
    command = [sys.executable, "-m", "conformance.scripted", what, *(["--json"] if as_json else [])]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    print(done.stdout, end="", flush=True)
    return done.returncode

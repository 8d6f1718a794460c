"""`conformance faults`: what the reference endpoint can be told to do wrong."""

import argparse
import subprocess
import sys


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace) -> int:
    command = [sys.executable, "-m", "conformance.scripted", "faults", *(["--json"] if arguments.json else [])]
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own module

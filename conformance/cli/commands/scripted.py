"""The scripted model, a program of its own: `conformance serve` starts it, `faults` and `variants` list its own."""

import argparse
import os
import subprocess
import sys
from typing import NoReturn

from conformance.cli.parser import from_one


def declare_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--face", choices=["anthropic", "openai", "ollama"], default="anthropic", help="the wire it speaks"
    )
    parser.add_argument("--port", type=_port, default="8123", help="0 for a free one (default: %(default)s)")
    parser.add_argument("--fault", metavar="ID", help="commit this fault in every answer")
    parser.add_argument("--variant", metavar="ID", help="answer in this legal variant")
    parser.add_argument("--api-key", metavar="KEY", help="ask for this key")
    parser.add_argument("--like", metavar="TARGET@VERSION", help="behave like this server, as far as it is known")
    parser.add_argument("--upstream", metavar="URL", help="be a gateway in front of this chat completions server")
    parser.add_argument("--disobey", metavar="N", type=from_one, help="ignore every N-th prompt, as a weak model would")


def _port(text: str) -> str:
    if not (text.isascii() and text.isdigit() and int(text[:9]) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: a number from 0 to 65535, 0 for a free one")
    return text


def run_serve(arguments: argparse.Namespace) -> NoReturn:
    given = {"--" + name.replace("_", "-"): value for name, value in vars(arguments).items() if value is not None}
    words = [str(word) for pair in given.items() for word in pair]
    sys.stdout.flush()
    # becomes that program rather than its parent: a signal to this process ends it, and nothing is left behind
    os.execv(sys.executable, [sys.executable, "-P", "-m", "conformance.scripted", "serve", *words])  # noqa: S606 - our own module


def _declare_listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for programs")


declare_faults = declare_variants = _declare_listing


def run_faults(arguments: argparse.Namespace) -> int:
    return _print_listing("faults", as_json=arguments.json)


def run_variants(arguments: argparse.Namespace) -> int:
    return _print_listing("variants", as_json=arguments.json)


def _print_listing(what: str, *, as_json: bool) -> int:
    """Prints what the scripted model lists of itself; the exit code."""
    command = [sys.executable, "-P", "-m", "conformance.scripted", what, *(["--json"] if as_json else [])]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own module
    print(done.stdout, end="", flush=True)
    return done.returncode

"""`conformance doctor`: finds what keeps a target from working, with the command that mends it."""

import argparse
import asyncio
from typing import TYPE_CHECKING

from conformance.cli.commands.ollama_arguments import cloud_ollama, local_ollama, target_arguments
from conformance.errors import ExitCode

if TYPE_CHECKING:
    from conformance.targets.ollama.doctor import Diagnosis

SIGNS = {"good": "ok  ", "note": "note", "warning": "warn", "problem": "BAD "}
UNREACHABLE = {"unreachable", "not-running", "not-installed"}


def declare(parser: argparse.ArgumentParser) -> None:
    target_arguments(parser, ("ollama", "ollama-cloud"))
    parser.add_argument("--model", metavar="M", help="the model to examine; not needed where one is installed")
    parser.add_argument("--json", action="store_true", help="the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    return asyncio.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> int:
    from conformance.targets.ollama.doctor import Machine, examine

    cloud = arguments.target == "ollama-cloud"
    async with cloud_ollama() if cloud else local_ollama(arguments) as ollama:
        tell = (lambda _: None) if arguments.json else _tell
        found = await examine(ollama, arguments.model, Machine.here(), tell)
    if arguments.json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(found)).decode())
    if any(diagnosis.id in UNREACHABLE for diagnosis in found):
        return ExitCode.OUR_FAULT
    return ExitCode.UNEXPECTED if any(diagnosis.severity == "problem" for diagnosis in found) else 0


def _tell(diagnosis: "Diagnosis") -> None:
    print(f"{SIGNS[diagnosis.severity]}  {printable(diagnosis.says)}", flush=True)
    if diagnosis.mend:
        print(f"      mend: {printable(diagnosis.mend)}", flush=True)


def printable(text: str) -> str:
    """The text without what could steer a terminal: a server wrote part of it."""
    return "".join(character if character.isprintable() else " " for character in text)

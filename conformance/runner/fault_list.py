"""The faults that the reference endpoint can commit, as it lists them itself: it is a program of its own."""

import subprocess
import sys

import msgspec
from msgspec import Struct

from conformance.runner.mistakes import OUR_FAULT, Mistake


class NamedFault(Struct, frozen=True):
    """One deliberate violation."""

    id: str
    sentence: str
    group: str = ""
    strength: str = "fault"
    needs: list[str] = []


def named_faults() -> list[NamedFault]:
    """Every fault that `conformance faults` lists."""
    command = [sys.executable, "-m", "conformance.scripted", "faults", "--json"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own module
    if done.returncode != 0:
        raise Mistake("the scripted model does not list its faults; `conformance faults` shows why", OUR_FAULT)
    return msgspec.json.decode(done.stdout, type=list[NamedFault])

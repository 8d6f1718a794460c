"""The faults that the reference endpoint can commit, as it lists them itself: it is a program of its own."""

import subprocess
import sys

import msgspec
from msgspec import Struct

from conformance.runner.mistakes import OUR_FAULT, Mistake


class NamedFault(Struct, frozen=True):
    """One deliberate violation."""

    id: str
    says: str
    group: str = ""
    strength: str = "fault"
    needs: list[str] = []


def named_faults() -> list[NamedFault]:
    """Every fault that `conformance faults` lists."""
    return _listed("faults")


def named_variants() -> list[NamedFault]:
    """Every legal variant in which the reference endpoint can answer."""
    return _listed("variants")


def named_models() -> list[NamedFault]:
    """Every odd model that can answer behind the reference endpoint."""
    return _listed("models")


def _listed(what: str) -> list[NamedFault]:
    command = [sys.executable, "-m", "conformance.scripted", what, "--json"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own module
    if done.returncode != 0:
        raise Mistake(f"the scripted model does not list its {what}; `conformance faults` shows why", OUR_FAULT)
    return msgspec.json.decode(done.stdout, type=list[NamedFault])

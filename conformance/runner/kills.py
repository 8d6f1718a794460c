"""What turns a rule red, from the published detection figures."""

from pathlib import Path

import msgspec
from msgspec import Struct

DETECTION = Path("reports", "detection.json")


class Killed(Struct, frozen=True):
    """One fault as detection found it; the keys that a reader of other figures needs are left alone."""

    id: str
    sentence: str = ""
    rules: list[str] = []


class Detection(Struct, frozen=True):
    each_fault: list[Killed] = []


def killed_by(rule: str, file: Path = DETECTION) -> list[str]:
    """The faults that this rule caught when detection was last measured; empty without a measurement at hand."""
    if not file.is_file():
        return []
    measured = msgspec.json.decode(file.read_bytes(), type=Detection)
    return [f"{fault.id}: {fault.sentence}" for fault in measured.each_fault if rule in fault.rules]

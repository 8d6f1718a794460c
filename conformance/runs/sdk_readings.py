"""The official SDKs' readings of faulty answers, as `sdk-readings.tsv` keeps them for each fault of the reference."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

import msgspec
from msgspec import Struct

from conformance.errors import UserError
from conformance.words import SdkTestimony

FILE = Path(__file__).with_name("sdk-readings.tsv")
HEAD = (
    "# What the official SDKs make of each fault of the reference endpoint; `nox -s witnesses` writes it. Columns:\n"
    "# the fault, what is wrong in it, the rules and cases that are about it, then each SDK: accepts, rejects (and\n"
    "# what it throws) or misreads (and which parts its program sees otherwise, without being told).\n"
)
COLUMNS = ("fault", "says", "of")


class Witnessed(Struct, frozen=True):
    """An SDK's reaction to a fault: accepted, thrown (with its name), or read differently (with the part)."""

    says: SdkTestimony
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.says}: {self.detail}" if self.detail else self.says


class SdkReading(Struct, frozen=True, kw_only=True):
    """What each SDK makes of one fault."""

    fault: str
    says: str
    """What is wrong, in words."""
    of: tuple[str, ...] = ()
    """The rules and cases of which a reader learns at once that it is wrong."""
    by: Mapping[str, Witnessed] = {}
    """SDK and version to its reaction."""

    def __str__(self) -> str:
        return f"{self.says}: {', '.join(f'{sdk} {witnessed}' for sdk, witnessed in self.by.items())}"


def written(readings: Iterable[SdkReading], sdks: Sequence[str]) -> str:
    """The table as text, one line for each fault."""
    lines = ["\t".join([*COLUMNS, *sdks])]
    for one in sorted(readings, key=lambda one: one.fault):
        cells = [str(one.by.get(sdk, "")) for sdk in sdks]
        lines.append("\t".join([one.fault, one.says, " ".join(one.of), *cells]))
    return HEAD + "".join(f"{line}\n" for line in lines)


def read_readings(file: Path = FILE) -> dict[str, SdkReading]:
    """Fault to its readings; UserError with the line of what cannot be read."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    sdks = lines[0].split("\t")[len(COLUMNS) :] if lines else []
    return {(one := _reading(line, sdks, file.name)).fault: one for line in lines[1:]}


def readings_of(name: str, readings: Mapping[str, SdkReading]) -> list[SdkReading]:
    """The readings of the faults that a rule or case is about."""
    return [one for one in readings.values() if name in one.of]


def _reading(line: str, sdks: Sequence[str], file: str) -> SdkReading:
    parts = line.split("\t")
    if len(parts) != len(COLUMNS) + len(sdks):
        raise UserError(f"{file}: {parts[0]}: {len(parts)} columns, where the head has {len(COLUMNS) + len(sdks)}")
    fault, says, of, *cells = parts
    by = {sdk: _cell(cell, f"{file}: {fault}") for sdk, cell in zip(sdks, cells, strict=True) if cell}
    return SdkReading(fault=fault, says=says, of=tuple(of.split()), by=by)


def _cell(text: str, place: str) -> Witnessed:
    says, _, detail = text.partition(": ")
    try:
        return Witnessed(msgspec.convert(says, SdkTestimony), detail)
    except msgspec.ValidationError:
        raise UserError(f"{place}: {says!r} is none of {', '.join(get_args(SdkTestimony))}") from None

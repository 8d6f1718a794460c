"""What the detection keeps: its figures in `reports/detection.json`, and the official SDKs' readings of each fault."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec
from msgspec import Struct

from conformance.doors import UNDECODABLE
from conformance.errors import UserError
from conformance.files import LARGEST_TEXT, read_within
from conformance.words import ReadinessVerdict, SdkTestimony

FaultOutcome = Literal["killed", "foreign", "silent", "note", "false alarm"]
"""`foreign`: something turned red, and none of it names this fault. `note`: legal, and left alone as it should be."""


ClientOutcome = Literal["works", "degraded", "limited", "wrong", "fails", "not-exercised", "unclear"]
"""What a real client did with an endpoint in one session."""


class FaultFigure(Struct, frozen=True, kw_only=True):
    """The outcome of one fault."""

    id: str
    says: str
    strength: str
    outcome: FaultOutcome
    rules: list[str]
    cases: list[str]
    first: str = ""
    """The first cause that a run against it names."""
    named: bool = False
    """Whether that, or its first row, is one of the few of which a reader learns at once what is wrong."""
    red_rows: list[str] = []
    """The rows of the matrix that it turns worse; blocked ones excluded."""
    blocked: int = 0
    """The questions that its causes kept from being judged."""


class AlarmFigure(Struct, frozen=True, kw_only=True):
    """The outcome of one legal variant or odd model: every alarm is a mistake of the suite."""

    id: str
    says: str
    alarms: list[str]


class ClientFigure(Struct, frozen=True, kw_only=True):
    """Readiness for one fault, beside the outcome of the real client."""

    id: str
    outcome: ClientOutcome
    verdict: ReadinessVerdict
    needs: list[str] = []
    """The needs that are not met, in the order in which they are reported."""


class ClientSession(Struct, frozen=True, kw_only=True):
    """A session of the real client on a server that others wrote."""

    server: str
    versions: list[str]
    """Versions of the server for which it holds."""
    client: str
    outcome: ClientOutcome
    seen: str
    """What it showed, in one sentence or two."""


class GatewayMutant(Struct, frozen=True):
    """The outcome of one mutant of the gateway."""

    outcome: Literal["noticed", "explained", "silent"]
    by: str = ""
    """The row that noticed it, or the reason why none has to, or what it does."""


class Detection(Struct, frozen=True, kw_only=True):
    """All figures; the summaries first, as readers of the short of it expect them."""

    faults: dict[str, int]
    named: dict[str, int] = {}
    """Faults that the first cause names, of how many."""
    red_rows: dict[str, int] = {}
    """The rows that one fault turns red: the median, and for how many faults they are at most five."""
    variants: dict[str, int]
    mutants: dict[str, int]
    models: dict[str, int] = {}
    gateway: dict[str, dict[str, int]] = {}
    """Mutants of the gateway, by direction: noticed, of how many that are violations, and how many are none."""
    readiness: dict[str, dict[str, int]] = {}
    """What the real client did, to what readiness says, to the number of faults."""
    first_reasons: dict[str, int] = {}
    """Faults that break the real client, and for how many of them readiness tells a true reason first."""
    each_fault: list[FaultFigure] = []
    each_variant: list[AlarmFigure] = []
    each_model: list[AlarmFigure] = []
    """Odd models behind the correct endpoint: every alarm is held against the wrong one."""
    each_client: list[ClientFigure] = []
    each_server: list[ClientSession] = []
    each_gateway_mutant: dict[str, GatewayMutant] = {}
    """All that were measured, by their ids: a measuring asks a part of them, and leaves the others as they are."""
    silent_mutants: dict[str, str] = {}
    """Mutant to what was done wrong in it."""
    equivalent_mutants: dict[str, str] = {}
    """Mutant to the written reason why it is no violation."""
    mutant_alarms: dict[str, list[str]] = {}
    """Legal changes that a rule took for a violation."""


def read_figures(file: Path) -> Detection | None:
    """The figures of a `detection.json`, None without one; UserError where the file is something else."""
    if not file.is_file():
        return None
    try:
        return msgspec.json.decode(read_within(file, LARGEST_TEXT), type=Detection)
    except UNDECODABLE as problem:
        raise UserError(f"{file} holds no figures of the detection ({problem}); `nox -s detect` writes it") from problem


def write_figures(file: Path, figures: Detection) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=1) + b"\n")


READINGS = Path(__file__).with_name("sdk-readings.tsv")
READINGS_HEAD = (
    "# What the official SDKs make of each fault of the reference endpoint; `nox -s witnesses` writes it. Columns:\n"
    "# the fault, what is wrong in it, the rules and cases that are about it, then each SDK: accepts, rejects (and\n"
    "# what it throws) or misreads (and which parts its program sees otherwise, without being told).\n"
)
READINGS_COLUMNS = ("fault", "says", "of")


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
    lines = ["\t".join([*READINGS_COLUMNS, *sdks])]
    for one in sorted(readings, key=lambda one: one.fault):
        cells = [str(one.by.get(sdk, "")) for sdk in sdks]
        lines.append("\t".join([one.fault, one.says, " ".join(one.of), *cells]))
    return READINGS_HEAD + "".join(f"{line}\n" for line in lines)


def read_readings(file: Path = READINGS) -> dict[str, SdkReading]:
    """Fault to its readings; UserError with the line of what cannot be read."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    sdks = lines[0].split("\t")[len(READINGS_COLUMNS) :] if lines else []
    return {(one := _reading(line, sdks, file.name)).fault: one for line in lines[1:]}


def readings_of(name: str, readings: Mapping[str, SdkReading], faults: Collection[str] = ()) -> list[SdkReading]:
    """The readings of the faults that a rule or case is about, where one of the SDKs does not accept.

    Where each accepts, the fault may well be one that the answers to a text and two calls do not show.
    """
    about = (one for one in readings.values() if name in one.of or one.fault in faults)
    return [one for one in about if any(witnessed.says != "accepts" for witnessed in one.by.values())]


def _reading(line: str, sdks: Sequence[str], file: str) -> SdkReading:
    parts = line.split("\t")
    if len(parts) != len(READINGS_COLUMNS) + len(sdks):
        raise UserError(
            f"{file}: {parts[0]}: {len(parts)} columns, where the head has {len(READINGS_COLUMNS) + len(sdks)}"
        )
    fault, says, of, *cells = parts
    by = {sdk: _cell(cell, f"{file}: {fault}") for sdk, cell in zip(sdks, cells, strict=True) if cell}
    return SdkReading(fault=fault, says=says, of=tuple(of.split()), by=by)


def _cell(text: str, place: str) -> Witnessed:
    says, _, detail = text.partition(": ")
    try:
        return Witnessed(msgspec.convert(says, SdkTestimony), detail)
    except msgspec.ValidationError:
        raise UserError(f"{place}: {says!r} is none of {', '.join(get_args(SdkTestimony))}") from None

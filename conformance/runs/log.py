"""The run log `run.jsonl`: the only primary output of a run, one row a line, flushed as it grows."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, get_args

import msgspec
from msgspec import Struct

from conformance.judge.finding import ABSENT as ABSENT
from conformance.judge.finding import Finding as Finding
from conformance.words import Basis, ConformanceLevel, Kind, Level, Mode, SdkTestimony, Status, Tier, Verdict

FORMAT = 1
FILE = "run.jsonl"


class SuiteInfo(Struct, frozen=True):
    version: str
    cases_sha256: str


class TargetInfo(Struct, frozen=True):
    name: str
    version: str | None
    base_url: str
    model: str
    simulated: bool = False


class RunRow(Struct, frozen=True, tag="run", kw_only=True):
    """The head of a log: who was asked, with what, when."""

    format: int = FORMAT
    suite: SuiteInfo
    target: TargetInfo
    capabilities: dict[str, bool]
    options: dict[str, Any]
    profile: str | None
    expectations_sha256: str
    command: str
    started: str
    """ISO 8601, UTC."""


class RowInfo(Struct, frozen=True):
    id: str
    title: str
    area: str
    tier: Tier
    consequence: str
    source: list[str]
    weight: Level = "must"
    level: ConformanceLevel | None = None
    seen_in: list[str] = []
    since: str | None = None
    observable: bool = True
    reason: str | None = None
    """Why no client can see the effect, where `observable` is false."""
    unasked: str | None = None
    renamed_from: list[str] = []


class RuleInfo(Struct, frozen=True):
    id: str
    law: str
    level: Level
    source: str
    surface: str = ""
    basis: Basis | None = None


class CaseInfo(Struct, frozen=True):
    """What a reader needs to know of a case that its row does not say."""

    id: str
    title: str
    says: str = ""
    url: str = ""
    basis: Basis | None = None
    renamed_from: list[str] = []


class ProfileInfo(Struct, frozen=True):
    """A profile as the report needs it; `must` and `should` map a row to the consequence for the user."""

    title: str
    question: str
    must: dict[str, str] = {}
    should: dict[str, str] = {}


class CatalogRow(Struct, frozen=True, tag="catalog", kw_only=True):
    """The questions as they were when the run began, so that an old log explains itself."""

    rows: list[RowInfo]
    rules: list[RuleInfo]
    profiles: dict[str, ProfileInfo] = {}
    areas: dict[str, str] = {}
    cases: list[CaseInfo] = []


class CaseRow(Struct, frozen=True, tag="case", kw_only=True):
    """The verdict of one case in one mode."""

    case: str
    case_sha256: str
    mode: Mode
    kind: Kind
    surface: str
    touches: list[str]
    level: Level
    verdict: Verdict
    status: Status
    reason: str
    findings: list[Finding]
    marks: list[Finding]
    """Findings of its exchanges that belong to rules: shown here, counted there."""
    attempts: int
    sdk: SdkTestimony | None
    seconds: float
    exchanges: list[str]
    expected_by: str = ""
    """The source or reason of the expectation that this row met, where it is not the API's promise."""
    capable: bool | None = True
    """Whether the target has what the case needs; None where nobody knows."""
    confirmed: bool = True
    """False where the control of a witnessed effect was not shown every time that it was asked again."""
    accepted: bool = False
    """True where a readable 200 was all that was asked, of a row whose effect can be seen: `supported` says nothing of
    the row then.
    """
    drift: bool = False
    """The shape of the answer differs from the committed snapshot."""


class LawRow(Struct, frozen=True, tag="rule", kw_only=True):
    """The verdict of one rule over all answers of a run."""

    rule: str
    surface: str
    level: Level
    verdict: Verdict
    status: Status
    seen: int
    violations: int
    findings: list[Finding]
    expected_by: str = ""


class NoteRow(Struct, frozen=True, tag="note", kw_only=True):
    """Something worth reading that no verdict follows from: a tendency, a stale entry, a readiness."""

    about: str
    text: str
    data: dict[str, Any] = {}


class EndRow(Struct, frozen=True, tag="end", kw_only=True):
    """The footer; a log without it is incomplete."""

    finished: str
    counts: dict[str, int]
    """Verdict to the number of case and rule rows."""
    complete: bool
    exit: int


LogRow = RunRow | CatalogRow | CaseRow | LawRow | NoteRow | EndRow


class LogError(Exception):
    """A run log that cannot be read; the message says which line, and what to do."""


class LogWriter:
    """Appends rows to `run.jsonl` in a folder, each flushed at once: a killed run keeps what it had."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._file = (folder / FILE).open("ab")

    def write(self, row: LogRow) -> None:
        self._file.write(msgspec.json.encode(row) + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RunLog(Struct, frozen=True, kw_only=True):
    """A whole run as read back."""

    folder: Path
    run: RunRow
    catalog: CatalogRow
    cases: tuple[CaseRow, ...]
    rules: tuple[LawRow, ...]
    notes: tuple[NoteRow, ...]
    end: EndRow | None

    @property
    def complete(self) -> bool:
        return self.end is not None and self.end.complete


_DECODER = msgspec.json.Decoder(LogRow)


def read_rows(path: Path) -> Iterator[LogRow]:
    """The rows of a log file; a cut last line, as a killed run leaves it, is dropped; LogError for any other defect."""
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            yield _decoded(line)
        except msgspec.MsgspecError as problem:
            if number == len(lines):
                return
            raise LogError(f"{path}, line {number}: {problem}") from problem


def _decoded(line: bytes) -> LogRow:
    row: LogRow
    if line.startswith(b'{"type":"catalog"'):
        row = msgspec.convert(_with_weights(msgspec.json.decode(line)), CatalogRow)
    else:
        row = _DECODER.decode(line)
    return row


def _with_weights(catalog: dict[str, Any]) -> dict[str, Any]:
    """A catalog line in which `level` is no longer the name of the weight, as it was before rows had levels."""
    rows = catalog.get("rows")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get("level") in get_args(Level):
            row["weight"] = row.pop("level")
    return catalog


def read_log(path: Path) -> RunLog:
    """A run from its folder or its `run.jsonl`; LogError when it is no run log."""
    file = path / FILE if path.is_dir() else path
    if not file.is_file():
        raise LogError(f"{path}: no {FILE} here; give the folder that `conformance run --out` wrote")
    run: RunRow | None = None
    catalog = CatalogRow(rows=[], rules=[])
    cases: dict[tuple[str, Mode], CaseRow] = {}
    rules: dict[str, LawRow] = {}
    notes: list[NoteRow] = []
    end: EndRow | None = None
    for row in read_rows(file):
        match row:
            case RunRow():
                run = run or row
                end = None  # a resumed run goes on after an earlier end
            case CatalogRow():
                catalog = row
            case CaseRow():
                cases[row.case, row.mode] = row
            case LawRow():
                rules[row.rule] = row
            case NoteRow():
                notes.append(row)
            case EndRow():
                end = row
    if run is None:
        raise LogError(f"{file}: the head of the log is missing; this is not a run log, or its first line was lost")
    if run.format > FORMAT:
        raise LogError(
            f"{file}: written in format {run.format}; this suite reads up to {FORMAT}: update messages-conformance"
        )
    return RunLog(
        folder=file.parent,
        run=run,
        catalog=catalog,
        cases=tuple(cases.values()),
        rules=tuple(rules.values()),
        notes=tuple(notes),
        end=end,
    )

"""The run log `run.jsonl`: the only primary output of a run, one row a line, flushed as it grows."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from conformance.doors import UNDECODABLE, values_in
from conformance.errors import UserError
from conformance.files import LineFile, refuse_to_leave, replace_file, replacing
from conformance.judge.finding import ABSENT as ABSENT
from conformance.judge.finding import Finding as Finding
from conformance.judge.wording import place as place
from conformance.judge.wording import sentence as sentence
from conformance.judge.wording import shown as shown
from conformance.judge.wording import wanted as wanted
from conformance.runs.format1 import Upgrade
from conformance.runs.frames import FrameError, bounded_lines, pack_whole, unpacking
from conformance.runs.options import RunOptions, options_in
from conformance.runs.rows import FORMAT as FORMAT
from conformance.runs.rows import Behind as Behind
from conformance.runs.rows import CaseInfo as CaseInfo
from conformance.runs.rows import CaseRow as CaseRow
from conformance.runs.rows import CatalogRow as CatalogRow
from conformance.runs.rows import CauseRow as CauseRow
from conformance.runs.rows import EndRow as EndRow
from conformance.runs.rows import JudgedNeed as JudgedNeed
from conformance.runs.rows import LogRow as LogRow
from conformance.runs.rows import ObedienceRow as ObedienceRow
from conformance.runs.rows import ProfileInfo as ProfileInfo
from conformance.runs.rows import ReadinessRow as ReadinessRow
from conformance.runs.rows import RowInfo as RowInfo
from conformance.runs.rows import RuleInfo as RuleInfo
from conformance.runs.rows import RuleRow as RuleRow
from conformance.runs.rows import RunRow as RunRow
from conformance.runs.rows import SuiteInfo as SuiteInfo
from conformance.runs.rows import TargetInfo as TargetInfo
from conformance.runs.rows import TendencyRow as TendencyRow
from conformance.runs.rows import VersionReadiness as VersionReadiness
from conformance.runs.values import LONGEST, bounded, with_absent
from conformance.targets.address import AddressError, origin
from conformance.words import NeedLevel as NeedLevel
from conformance.words import ReadinessVerdict as ReadinessVerdict

FILE = "run.jsonl"
PACKED = "run.jsonl.zst"
"""The log of a published run, which `zstdcat` unpacks."""
LONGEST_LINE = 4 * 2**20
LARGEST = 40 * 2**20
MOST_VALUES = 750_000
"""Bytes of a line and of a log, and values in it, above which it is not read: seven times those of the longest run."""
LOCK = ".running"
"""Locked by the run that writes a folder; it holds the number of its process."""


class LogError(UserError):
    """A run log that cannot be read; the message says which line, and what to do."""


class LogWriter:
    """Appends rows to `run.jsonl` in a folder, each flushed at once: a killed run keeps what it had."""

    def __init__(self, folder: Path, echo: Callable[[bytes], object] | None = None) -> None:
        """`echo` is handed each line that is written, without its end."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._echo = echo
        if (folder / PACKED).is_file():  # a published run goes on in the form in which it can grow
            with unpacking(folder / PACKED) as packed, replacing(folder / FILE) as plain:
                plain.writelines(bounded_lines(folder / PACKED, packed, longest=LONGEST_LINE, most=LARGEST))
            (folder / PACKED).unlink()
        self._file = LineFile(folder / FILE)
        self.cut = self._file.cut
        """Bytes of a torn last line that were cut."""

    def write(self, row: LogRow) -> None:
        line = encoded(row)
        self._file.write(line)
        if self._echo is not None:
            self._echo(line)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class RunLog(Struct, frozen=True, kw_only=True):
    """A whole run as read back; of several rows about the same thing the last one counts."""

    folder: Path
    run: RunRow
    catalog: CatalogRow
    cases: tuple[CaseRow, ...] = ()
    rules: tuple[RuleRow, ...] = ()
    causes: tuple[CauseRow, ...] = ()
    """Worst first."""
    readiness: tuple[ReadinessRow, ...] = ()
    """One for each profile that the run can answer."""
    obedience: ObedienceRow | None = None
    tendencies: tuple[TendencyRow, ...] = ()
    end: EndRow | None = None

    @property
    def complete(self) -> bool:
        return self.end is not None and self.end.complete

    @property
    def behind(self) -> Behind | None:
        """What stood behind the endpoint: what somebody said, else what the run found out."""
        return self.run.target.behind or (self.end.behind if self.end else None)

    @property
    def shard(self) -> str:
        """`2/4` where this is the second of four parts of a run, else empty."""
        return self.options.shard or ""

    @property
    def options(self) -> RunOptions:
        """The options of the caller, as the head has them."""
        return options_in(self.run.options)

    @property
    def lacks(self) -> str:
        """The defect of a run that is not whole, in two words; empty where there is none."""
        if not self.complete:
            return "incomplete"
        return f"shard {self.shard}" if self.shard else ""


class _Head(Struct):
    """As much of the first line as tells the format, whatever a later suite put beside it."""

    type: str
    format: int = 1


_DECODER: msgspec.json.Decoder[LogRow] = msgspec.json.Decoder(LogRow)


def encoded(row: LogRow) -> bytes:
    """A row as one line of the log, without its end; values that are too long for a log are cut."""
    line = msgspec.json.encode(row)
    if isinstance(row, CaseRow | RuleRow | CauseRow) and (len(line) > LONGEST or b'"absent"' in line):
        line = msgspec.json.encode(bounded(row))
    return line


def read_rows(path: Path) -> Iterator[LogRow]:
    """The rows of a log file; a cut last line, as a killed run leaves it, is dropped; LogError for any other defect.

    Rows of format 1 come as format 2 has them.
    """
    upgrade: Upgrade | None = None
    for number, line in enumerate(_lines(path), start=1):
        if number == 1:
            upgrade = Upgrade() if _format_of(path, line) == 1 else None
        if line == b"\n":
            continue
        try:
            row = upgrade.row(line) if upgrade else _DECODER.decode(line)
        except UNDECODABLE as problem:
            if not line.endswith(b"\n"):
                return
            raise LogError(f"{path}, line {number}: {problem}") from problem
        if row is not None:
            yield with_absent(row) if b'"absent"' in line else row


def _lines(path: Path) -> Iterator[bytes]:
    """The lines of a log with their ends, one at a time: a log can be longer than what fits into memory."""
    try:
        values = 0
        with unpacking(path) if path.suffix == ".zst" else path.open("rb") as file:
            for line in bounded_lines(path, file, longest=LONGEST_LINE, most=LARGEST):
                values += values_in(line) + 1
                if values > MOST_VALUES:
                    raise LogError(f"{path}: has more than {MOST_VALUES} values, which no run writes")
                yield line
    except FrameError as problem:
        raise LogError(str(problem)) from problem


def _format_of(path: Path, head: bytes) -> int:
    """The format of a log from its first line; LogError when it is later than this suite."""
    try:
        first = msgspec.json.decode(head, type=_Head)
    except UNDECODABLE:
        return FORMAT  # reading the line as a row says better what is wrong with it
    if first.format > FORMAT:
        raise LogError(
            f"{path}: written in format {first.format}; this suite reads up to {FORMAT}: update messages-conformance"
        )
    return first.format


def read_log(path: Path) -> RunLog:
    """A run from its folder or its `run.jsonl`, packed or not; LogError when it is no run log."""
    file = path
    if path.is_dir():
        file = path / (PACKED if (path / PACKED).is_file() and not (path / FILE).is_file() else FILE)
        refuse_to_leave(file)
    if not file.is_file():
        raise LogError(f"{path}: no {FILE} here; {_what_to_give(path)}")
    gathered = _Gathered()
    for row in read_rows(file):
        gathered.take(row)
    if gathered.run is None:
        raise LogError(f"{file}: the head of the log is missing; this is not a run log, or its first line was lost")
    _check_head(file, gathered.run)
    log = gathered.log(file.parent, gathered.run)
    _check_causes(file, log)
    return log


def _what_to_give(path: Path) -> str:
    """What to write in place of a path where no run lies: an address is asked, a folder of runs has them."""
    scheme, _, place = str(path).partition(":/")  # a path has lost one of its slashes
    if scheme in ("http", "https"):
        return f"an address is asked: conformance run {scheme}://{place.lstrip('/')}"
    if path.is_dir():
        within = sorted(one.parent.name for one in path.glob("*/run.jsonl*") if one.name in (FILE, PACKED))
        if within:
            more = f" and {len(within) - 1} more" if len(within) > 1 else ""
            return f"it holds the run {within[0]}{more}: name one, or all with {path}/*"
    return "give the folder that `conformance run --out` wrote"


def _check_head(file: Path, run: RunRow) -> None:
    """LogError where what later commands go by is of another type, or no address."""
    if any("\0" in str(value) for value in run.options.values()):
        raise LogError(f"{file}, line 1: options: a character that no path and no address has")
    try:
        options_in(run.options)
        origin(run.target.base_url)
    except msgspec.ValidationError as problem:
        raise LogError(f"{file}, line 1: options: {problem}") from problem
    except AddressError as problem:
        raise LogError(f"{file}, line 1: target.base_url: {problem}") from problem


def _check_causes(file: Path, log: RunLog) -> None:
    """LogError where a cause explains nothing: its rows are what a reader goes on to."""
    there = {f"{case.case}[{case.mode}]" for case in log.cases} | {rule.rule for rule in log.rules}
    for cause in log.causes:
        lost = [name for name in cause.rows if name not in there]
        if lost or not cause.rows:
            what = f"the row {lost[0]}, which is not in this log" if lost else "no row"
            raise LogError(f"{file}: the cause {cause.id} names {what}; rejudge the run from its evidence")


BEGINS = b'{"type":"run"'
"""How the head of a log begins."""


def is_unbegun(folder: Path) -> bool:
    """Whether a folder holds what a run leaves that was killed before its head was written: no row, or half of one."""
    if not folder.is_dir() or (folder / PACKED).is_file():
        return False
    file = folder / FILE
    if not file.is_file():
        return (folder / LOCK).is_file() or not any(folder.iterdir())
    with file.open("rb") as log:
        line = log.readline()
    return not line.endswith(b"\n") and line[: len(BEGINS)] == BEGINS[: len(line)]


def lacks_head(folder: Path) -> bool:
    """Whether a log has rows, but not the head in which a run begins."""
    file = folder / FILE
    if not file.is_file():
        return False
    with file.open("rb") as log:
        line = log.readline()
    return line.startswith(b'{"type":"') and not line.startswith(BEGINS) and line.endswith(b"\n")


def write_head(folder: Path, head: RunRow) -> None:
    """Puts a head before the rows of a log; nothing is lost where this is interrupted."""
    replace_file(folder / FILE, encoded(head) + b"\n" + (folder / FILE).read_bytes())


def pack_log(folder: Path) -> None:
    """Packs the log of a folder, as a published run has it."""
    with replacing(folder / PACKED) as file:
        pack_whole((folder / FILE).read_bytes(), file)
    (folder / FILE).unlink()


class _Gathered:
    """The rows of a log by what they are about."""

    def __init__(self) -> None:
        self.run: RunRow | None = None
        self._catalog = CatalogRow(rows=[], rules=[])
        self._cases: dict[object, CaseRow] = {}
        self._rules: dict[str, RuleRow] = {}
        self._tendencies: dict[object, TendencyRow] = {}
        self._ended()

    def _ended(self) -> None:
        """Forgets how an earlier part of a resumed run ended."""
        self._causes: dict[str, CauseRow] = {}
        self._readiness: dict[str, ReadinessRow] = {}
        self._obedience: ObedienceRow | None = None
        self._end: EndRow | None = None

    def take(self, row: LogRow) -> None:
        match row:
            case RunRow():
                self.run = self.run or row
                self._ended()
            case CatalogRow():
                self._catalog = row
            case CaseRow():
                self._cases[row.case, row.mode] = row
            case RuleRow():
                self._rules[row.rule] = row
            case CauseRow():
                self._causes[row.id] = row
            case ReadinessRow():
                self._readiness[row.profile] = row
            case ObedienceRow():
                self._obedience = row
            case TendencyRow():
                self._tendencies[row.case, row.mode] = row
            case EndRow():
                self._end = row

    def log(self, folder: Path, run: RunRow) -> RunLog:
        return RunLog(
            folder=folder,
            run=run,
            catalog=self._catalog,
            cases=tuple(self._cases.values()),
            rules=tuple(self._rules.values()),
            causes=tuple(self._causes.values()),
            readiness=tuple(self._readiness.values()),
            obedience=self._obedience,
            tendencies=tuple(self._tendencies.values()),
            end=self._end,
        )

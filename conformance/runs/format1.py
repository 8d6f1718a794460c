"""Reads logs of format 1, whose readiness, obedience and tendencies were notes, as format 2 has them."""

from typing import Any, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from conformance.judge.finding import Finding
from conformance.runs.rows import (
    CaseRow,
    CatalogRow,
    EndRow,
    JudgedNeed,
    LogRow,
    ObedienceRow,
    ReadinessRow,
    RuleRow,
    RunRow,
    TendencyRow,
)
from conformance.words import Level, Mode, NeedLevel, ReadinessVerdict, Verdict


class _Note(Struct, frozen=True, tag="note", kw_only=True):
    about: str
    text: str
    data: dict[str, Any] = {}


class _Missing(Struct, frozen=True):
    row: str
    level: str = "must"
    consequence: str = ""
    evidence: str = ""


class _Readiness(Struct, frozen=True):
    profile: str
    verdict: ReadinessVerdict = "not verified"
    missing: list[_Missing] = []
    unverified: list[str] = []
    timing: dict[str, float] = {}
    warnings: list[str] = []


class _Tendency(Struct, frozen=True):
    case: str
    mode: Mode
    shown: int
    of: int
    exchanges: list[str] = []


_DECODER: msgspec.json.Decoder[RunRow | CatalogRow | CaseRow | RuleRow | _Note | EndRow] = msgspec.json.Decoder(
    RunRow | CatalogRow | CaseRow | RuleRow | _Note | EndRow
)


class Upgrade:
    """Turns the lines of one log of format 1 into rows of format 2, in their order."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        self._verdicts: dict[str, Verdict] = {}
        """Case or rule to its worst verdict so far; notes come after them."""
        self._exchanges: dict[str, str] = {}

    def row(self, line: bytes) -> LogRow | None:
        """The row of a line; None for a note that format 2 has no place for. MsgspecError when it is no row."""
        if line.startswith(b'{"type":"catalog"'):
            line = msgspec.json.encode(_with_weights(msgspec.json.decode(line)))
        row = _DECODER.decode(line)
        match row:
            case RunRow():
                return replace(row, format=2)
            case CatalogRow():
                self._titles = {info.id: info.title for info in row.rows}
                return row
            case CaseRow():
                return self._case(row)
            case RuleRow():
                return self._rule(row)
            case _Note():
                return self._note(row)
            case _:
                return row

    def _case(self, row: CaseRow) -> CaseRow:
        exchanges = [id_from_path(path) for path in row.exchanges]
        self._verdicts.setdefault(row.case, row.verdict)
        self._exchanges.setdefault(row.case, exchanges[0] if exchanges else "")
        return replace(row, exchanges=exchanges, findings=_findings(row.findings), marks=_findings(row.marks))

    def _rule(self, row: RuleRow) -> RuleRow:
        self._verdicts[row.rule] = row.verdict
        findings = _findings(row.findings)
        self._exchanges[row.rule] = findings[0].exchange if findings else ""
        return replace(row, findings=findings)

    def _note(self, note: _Note) -> LogRow | None:
        try:
            match note.about:
                case "obedience":
                    return msgspec.convert(note.data, ObedienceRow)
                case "tendency":
                    old = msgspec.convert(note.data, _Tendency)
                    exchanges = [id_from_path(path) for path in old.exchanges]
                    return TendencyRow(case=old.case, mode=old.mode, shown=old.shown, of=old.of, exchanges=exchanges)
                case "readiness":
                    return self._readiness(msgspec.convert(note.data, _Readiness))
                case _:
                    return None
        except msgspec.ValidationError:
            return None  # a note was free text with any data; no verdict followed from it

    def _readiness(self, old: _Readiness) -> ReadinessRow:
        missing = [self._missing(one) for one in old.missing]
        unverified = [
            JudgedNeed(id=row, level="blocks", verdict="inconclusive", says=self._titles.get(row, row))
            for row in old.unverified
        ]
        return ReadinessRow(
            profile=old.profile,
            verdict=old.verdict,
            needs=[*missing, *unverified],
            timing=old.timing,
            warnings=old.warnings,
        )

    def _missing(self, old: _Missing) -> JudgedNeed:
        level: NeedLevel = "blocks" if old.level == "must" else "degrades"
        return JudgedNeed(
            id=old.row,
            level=level,
            verdict=self._verdicts.get(old.evidence, "broken"),
            says=self._titles.get(old.row, old.row),
            meets=old.consequence,
            question=old.evidence,
            exchange=self._exchanges.get(old.evidence, ""),
        )


def _with_weights(catalog: dict[str, Any]) -> dict[str, Any]:
    """A catalog line in which `level` is no longer the name of the weight, as it was before rows had levels."""
    rows = catalog.get("rows")
    for row in rows if isinstance(rows, list) else []:
        if isinstance(row, dict) and row.get("level") in get_args(Level):
            row["weight"] = row.pop("level")
    return catalog


def id_from_path(path: str) -> str:
    """The id of an exchange from the path of its file: format 1 named `evidence/ID.json`."""
    return path.removeprefix("evidence/").removesuffix(".json")


def _findings(findings: list[Finding]) -> list[Finding]:
    return [replace(finding, exchange=id_from_path(finding.exchange)) for finding in findings]

"""The JSON document that the page's script reads: the matrix, with packed details and evidence."""

import shlex
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from conformance.keys import shortened
from conformance.report.causes import homes
from conformance.report.matrix import Cell, Column, Matrix
from conformance.report.packing import pack_evidence, packed
from conformance.report.summary import reason
from conformance.report.trend import Changes, changed_shapes, is_shaped_otherwise
from conformance.report.wording import SDK_MEANS, STATUS_MEANS, VERDICT_MEANS
from conformance.runs.detection import read_readings, readings_of
from conformance.runs.log import CaseRow, Finding, RuleRow
from conformance.runs.snapshots import question_of
from conformance.words import STATUSES, VERDICTS, SdkTestimony

ROWS_IN_A_PACK = 24
PAGE = 2_800_000
"""Bytes that the page may have; evidence that does not fit is left out."""
LEAST_EVIDENCE = 200_000
CODE = 120_000
"""About what templates, style and script take."""
REASONS_UP_TO = 3
"""With more columns than this, a cell has no room for its reason."""
READINGS_UP_TO = 3
"""Faults that a cell tells of a rule or case, at most."""

Alike = dict[tuple[str, str], str]
"""Row and fingerprint to a character that tells it from the other fingerprints of the row."""

_SDK: tuple[SdkTestimony, ...] = ("accepts", "rejects", "misreads")


def page_data(matrix: Matrix) -> dict[str, Any]:
    """The document; verdicts and statuses are indices into its lists, one character per row and column."""
    shapes = changed_shapes(matrix)
    data = _small(matrix, shapes)
    details, waiting = _details(matrix, shapes)
    spent = CODE + len(msgspec.json.encode(data)) + _estimate(details)
    packs, places = pack_evidence(matrix, max(LEAST_EVIDENCE, PAGE - spent))
    for key, exchange in waiting:
        exchange += places.get(key, ())
    return {
        **data,
        "rowsInAPack": ROWS_IN_A_PACK,
        "details": [
            packed(details[start : start + ROWS_IN_A_PACK]) for start in range(0, len(details), ROWS_IN_A_PACK)
        ],
        "evidence": packs,
    }


def _small(matrix: Matrix, shapes: Sequence[Changes]) -> dict[str, Any]:
    """All that the page needs before any cell is opened."""
    questions, found = _alike(matrix, "question"), _alike(matrix, "found")
    return {
        "verdicts": [{"id": verdict, "means": VERDICT_MEANS[verdict]} for verdict in VERDICTS],
        "statuses": [{"id": status, "means": STATUS_MEANS[status]} for status in STATUSES],
        "sdk": [{"id": word, "means": SDK_MEANS[word]} for word in _SDK],
        "areas": [{"id": area, "title": title} for area, title in matrix.areas.items()],
        "rows": _rows(matrix),
        "cases": {
            case.id: [case.title, case.says, case.url, case.basis or ""]
            for column in reversed(matrix.columns)
            for case in column.log.catalog.cases
        },
        "rules": {
            rule.id: [rule.law, rule.level, rule.source, rule.basis or ""]
            for column in reversed(matrix.columns)
            for rule in column.log.catalog.rules
        },
        "columns": [
            _column(column, matrix, questions, found, changes)
            for column, changes in zip(matrix.columns, shapes, strict=True)
        ],
        "readings": _readings(matrix),
    }


def _readings(matrix: Matrix) -> dict[str, list[str]]:
    """Rule or case that somebody fails to what the official SDKs make of answers with such a fault, a line for each."""
    readings = read_readings()
    cells = [cell for column in matrix.columns for cell in column.cells.values()]
    seen = [(law.rule, law.verdict) for cell in cells for law in cell.rules]
    seen += [(case.case, case.verdict) for cell in cells for case in cell.cases]
    failed = dict.fromkeys(name for name, verdict in seen if verdict in ("broken", "ignored", "partial"))
    told = {name: readings_of(name, readings) for name in failed}
    return {name: [str(one) for one in found[:READINGS_UP_TO]] for name, found in told.items() if found}


def _rows(matrix: Matrix) -> list[dict[str, Any]]:
    asked = _questions(matrix)
    areas = list(matrix.areas)
    return [
        {
            "id": row.id,
            "title": row.title,
            "area": areas.index(row.area),
            "tier": row.tier,
            "level": row.weight,
            "consequence": row.consequence,
            "source": row.source,
            "observable": row.observable,
            "unasked": row.unasked,
            "thorough": row.thorough,
            "asked": asked.get(row.id, []),
        }
        for row in matrix.rows
    ]


def _questions(matrix: Matrix) -> dict[str, list[str]]:
    """Row to the ids of its cases and rules, for the search."""
    found: dict[str, dict[str, None]] = {}
    for column in matrix.columns:
        for row, cell in column.cells.items():
            ids = [case.case for case in cell.cases] + [rule.rule for rule in cell.rules]
            found.setdefault(row, {}).update(dict.fromkeys(ids))
    return {row: list(ids) for row, ids in found.items()}


def _column(column: Column, matrix: Matrix, questions: Alike, found: Alike, changes: Changes) -> dict[str, Any]:
    run = column.log.run
    cells = [column.cells.get(row.id) for row in matrix.rows]
    asked = list(zip(matrix.rows, cells, strict=True))
    return {
        "id": column.id,
        "title": column.title,
        "name": run.target.name,
        "version": run.target.version or "",
        "model": run.target.model,
        "simulated": run.target.simulated,
        "started": run.started,
        "lacks": column.log.lacks,
        "again": again(column),
        "home": column.log.run.target.base_url,
        "known": [row.id for row in column.log.catalog.rows] != [row.id for row in matrix.rows]
        and _known(column, matrix),
        "verdicts": "".join(_verdict(cell) for cell in cells),
        "statuses": "".join(str(STATUSES.index(cell.status)) if cell else "." for cell in cells),
        "sdk": "".join(str(_SDK.index(cell.sdk)) if cell and cell.sdk else "." for cell in cells),
        "unverified": {n: [cell.unverified, cell.asked] for n, cell in enumerate(cells) if cell and cell.unverified},
        "drift": [n for n, cell in enumerate(cells) if cell and cell.drift],
        "shaped": [n for n, cell in enumerate(cells) if cell and is_shaped_otherwise(cell, changes)],
        "questions": "".join(questions[row.id, cell.question] if cell else "." for row, cell in asked),
        "found": "".join(found[row.id, cell.found] if cell else "." for row, cell in asked),
        "reasons": {n: reason(cell) for n, cell in enumerate(cells) if cell and cell.verdict != "supported"}
        if len(matrix.columns) <= REASONS_UP_TO
        else {},
    }


def again(column: Column) -> str:
    """The command that asks this target again, up to the `--select` that follows."""
    run = column.log.run
    words = ["conformance", "run"]
    if "--base-url" in run.command:
        words += ["--base-url", run.target.base_url]
        if run.target.model:
            words += ["--model", run.target.model]
    return shlex.join(words)


def _known(column: Column, matrix: Matrix) -> str:
    """One character per row: whether the suite of this run knew it."""
    known = {row.id for row in column.log.catalog.rows} | set(column.cells)
    return "".join("1" if row.id in known else "0" for row in matrix.rows)


def _alike(matrix: Matrix, name: str) -> Alike:
    """The characters for one of the fingerprints of cells: `question` or `found`."""
    known: dict[str, dict[str, str]] = {}
    for column in matrix.columns:
        for row, cell in column.cells.items():
            codes = known.setdefault(row, {})
            codes.setdefault(getattr(cell, name), chr(ord("A") + len(codes)))
    return {(row, print_): code for row, codes in known.items() for print_, code in codes.items()}


def _verdict(cell: Cell | None) -> str:
    if cell is None:
        return "."
    return "-" if cell.verdict is None else str(VERDICTS.index(cell.verdict))


Exchange = list[Any]
"""The id of an exchange, then its pack and position where the page has it."""
Waiting = list[tuple[tuple[int, str], Exchange]]


def _details(matrix: Matrix, shapes: Sequence[Changes]) -> tuple[list[Any], Waiting]:
    """Row, then column, then what stands in the cell; and the exchanges that wait for their places."""
    waiting: Waiting = []
    where = [homes(column.log) for column in matrix.columns]
    rows = [
        [
            _cell(column.cells.get(row.id), number, waiting, where[number], shapes[number])
            for number, column in enumerate(matrix.columns)
        ]
        for row in matrix.rows
    ]
    return rows, waiting


def _estimate(details: list[Any]) -> int:
    """About how many bytes the packs of the details take, and their places in the evidence."""
    return len(zlib.compress(msgspec.json.encode(details), 1)) * 4 // 3


def _cell(
    cell: Cell | None, number: int, waiting: Waiting, where: Mapping[str, str], changes: Changes
) -> list[dict[str, Any]]:
    if cell is None:
        return []
    return [
        *(_case(case, number, waiting, where, changes) for case in cell.cases),
        *(_law(law, number, waiting) for law in cell.rules),
    ]


def _case(case: CaseRow, number: int, waiting: Waiting, where: Mapping[str, str], changes: Changes) -> dict[str, Any]:
    fields = {
        "case": case.case,
        "mode": case.mode,
        "kind": case.kind,
        "level": case.level,
        "verdict": case.verdict,
        "status": case.status,
        "reason": case.reason,
        "attempts": case.attempts,
        "sdk": case.sdk,
        "seconds": float(f"{case.seconds:.2g}"),
        "expected_by": case.expected_by,
        "by": [case.by, where.get(case.by, "")] if case.by else None,
        "drift": case.drift,
        "shape": changes.get(question_of(case)),
        "findings": [_finding(finding) for finding in case.findings],
        "marks": [_mark(mark) for mark in case.marks],
        "exchanges": [_exchange(path, number, waiting) for path in case.exchanges],
    }
    return {key: value for key, value in fields.items() if value}


def _law(law: RuleRow, number: int, waiting: Waiting) -> dict[str, Any]:
    paths = dict.fromkeys(finding.exchange for finding in law.findings if finding.exchange)
    return {
        "rule": law.rule,
        "level": law.level,
        "verdict": law.verdict,
        "status": law.status,
        "seen": law.seen,
        "violations": law.violations,
        "expected_by": law.expected_by,
        "findings": [_finding(finding) for finding in law.findings],
        "exchanges": [_exchange(path, number, waiting) for path in paths],
    }


def _exchange(path: str, number: int, waiting: Waiting) -> Exchange:
    exchange: Exchange = [path]
    waiting.append(((number, path), exchange))
    return exchange


def _mark(mark: Finding) -> dict[str, Any]:
    """What a cell shows of a finding that is judged in another row."""
    fields = _finding(mark)
    return {name: fields[name] for name in ("id", "at", "observed", "exchange")}


def _finding(finding: Finding) -> dict[str, Any]:
    """A finding whose values are cut where no page could show them."""
    fields: dict[str, Any] = msgspec.to_builtins(finding)
    for side in ("expected", "observed"):
        text = msgspec.json.encode(fields[side]).decode()
        if len(text) > 4000:
            fields[side] = f"{shortened(text, 4001)} ({len(text)} characters)"
    return fields

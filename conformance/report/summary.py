"""The small files beside the log: `summary.md`, `badge.json` and `matrix.json`."""

import re
from collections.abc import Sequence
from typing import Any

from conformance.errors import ExitCode
from conformance.harmless import harmless
from conformance.report.causes import counted, observed, red_causes
from conformance.report.closing import Closing, basis_of, closing_of
from conformance.report.matrix import UNEXPECTED, Cell, Column, Matrix, disputed, most_important
from conformance.report.servers import ServerLine, servers_of
from conformance.runs.log import RowInfo, RunLog, sentence
from conformance.words import ConformanceLevel, Verdict

SUMMARY_ROWS = 60
"""Rows of the summary's table: a CI step summary is cut at 1 MiB, and nobody reads more."""
SUMMARY_CAUSES = 40
"""Causes that are listed, for the same reason."""


def reason(cell: Cell) -> str:
    """The reason for a cell, in one line: its first finding, else the text of its first question."""
    if cell.verdict is None:
        return cell.disputed
    judged = sorted(cell.judged, key=lambda row: (row.verdict != cell.verdict, row.level == "may"))
    for row in judged:
        if row.verdict == cell.verdict and row.findings:
            return sentence(row.findings[0])
    return next((case.reason for case in cell.cases if case.verdict == cell.verdict and case.reason), "")


def headline(column: Column) -> str:
    """The sentence beside `conformant` or not: how many rows, and what was not verified."""
    asked = len(column.cells)
    unproven = f"{len(column.unproven)} core row{' was' if len(column.unproven) == 1 else 's were'} not verified"
    match column.conformance:
        case "conformant":
            return f"All that the API promises was seen, over {asked} rows."
        case "not conformant":
            breaking = f"{len(column.breaches)} of {asked} rows break the API's promise"
            return f"{breaking}; {unproven}." if column.unproven else f"{breaking}."
        case "not verified" if errors := column.counts.get("error"):
            named = "question was" if errors == 1 else "questions were"
            return f"{errors} {named} not judged: the suite itself failed, or the endpoint was gone; {unproven}."
        case "not verified":
            return f"Nothing broken was seen, but {unproven if column.log.complete else 'the run is incomplete'}."


def summary_md(matrix: Matrix, *, page: str = "index.html") -> str:
    """The run as Markdown for a CI step summary: what must be acted upon first, then counts, then the rest."""
    rows = {row.id: row for row in matrix.rows}
    parts = [_target_md(column, rows) for column in matrix.columns]
    if len(parts) > 1:
        parts.insert(0, "\n".join(_servers_md(servers_of(matrix))))
    return "\n\n".join([*parts, f"The whole matrix with the evidence of every cell: `{page}`."]) + "\n"


def _servers_md(servers: Sequence[ServerLine]) -> list[str]:
    """One line per server, by its newest version: what the page's first view says."""
    lines = ["| server | answer | client | what stood behind | first broken promise |", "|---|---|---|---|---|"]
    for server in servers:
        clients = ", ".join(f"{_md(client.name)}: {client.verdict}" for client in server.clients[:1]) or "not asked"
        answer = f"{server.column.conformance}; {server.level}"
        first = _md(server.first.says) if server.first else ""
        lines.append(f"| {_md(server.column.title)} | {answer} | {clients} | {server.behind} | {first} |")
    return lines


def _target_md(column: Column, rows: dict[str, RowInfo]) -> str:
    run = column.log.run
    closing = closing_of(column)
    lines = [f"## {_md(column.title)}: {column.conformance}"]
    for text in filter(None, [closing.level, closing.change, *closing.clients]):
        lines += ["", _md(text)]
    for text in closing.warnings:
        lines += ["", f"**{_md(text)}**"]
    lines += _left_open_md(closing) if closing.heading else _causes_md(column.log)
    for text in filter(None, [closing.less, closing.extra, closing.again]):
        lines += ["", _md(text)]
    listed = most_important(column, rows, limit=SUMMARY_ROWS)
    unexpected = [pair for pair in listed if pair[1].status in UNEXPECTED or pair[1].verdict == "error"]
    known = [pair for pair in listed if pair not in unexpected]
    lines += _table_md("Unexpected", unexpected)
    lines += ["", _md(closing.counts)]
    lines += _table_md("Known and expected gaps", known)
    lines += _disputed_md(column, rows)
    ours = ", the suite's own probe model" if column.log.behind == "probe model" else ""
    asked = f"suite {_md(run.suite.version)} · model {_md(run.target.model)}{ours} · {_md(run.started)}"
    return "\n".join([*lines, "", f"<sub>{asked} · {_code(run.command)}</sub>"])


def _causes_md(log: RunLog) -> list[str]:
    """Every red cause, worst first, with what the server said."""
    causes = red_causes(log)[:SUMMARY_CAUSES]
    lines = ["", "### Causes", ""] if causes else []
    for number, cause in enumerate(causes, start=1):
        lines.append(f"{number}. {_code(cause.id)} {_md(cause.says)} ({_md(counted(cause, log))})")
        if said := cause.quote or observed(cause, log):
            lines.append(f"   <br>{_md(said)}")
    return lines


def _left_open_md(closing: Closing) -> list[str]:
    """Known gaps and what weighs too little to be red, where nothing is red."""
    lines = ["", _md(closing.heading), ""]
    for number, cause in enumerate(closing.causes, start=1):
        lines.append(f"{number}. {_code(cause.id)} {_md(cause.says)} ({_md(cause.counted)})")
        lines += [f"   <br>{_md(cause.quote)}"] if cause.quote else []
    return [*lines, "", _md(f"And {closing.more} more: {closing.others}.")] if closing.more else lines


def _table_md(title: str, pairs: Sequence[tuple[RowInfo, Cell]]) -> list[str]:
    if not pairs:
        return []
    lines = ["", f"### {title}", "", "| row | verdict | status | what was seen |", "|---|---|---|---|"]
    for row, cell in pairs:
        words = f"{_code(row.id)}<br>{_md(row.title)} | {cell.verdict} | {cell.status} | {_md(reason(cell))}"
        lines.append(f"| {words} |")
    return lines


def _disputed_md(column: Column, rows: dict[str, RowInfo]) -> list[str]:
    """What the makers of the server challenge, with both texts."""
    found = disputed(column)
    if not found:
        return []
    lines = [f"| {_code(row)}<br>{_md(rows[row].title)} | {_md(both)} |" for row, both in found.items()]
    return ["", "### Disputed", "", "| row | what both sides say |", "|---|---|", *lines]


def _md(text: str) -> str:
    """Text that Markdown shows and does not obey: no link, image, mention, tag or table column comes of it."""
    flat = " ".join(harmless(text).split())
    no_tags = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]!|~@#])", r"\\\1", no_tags)


def _code(text: str) -> str:
    plain = re.fullmatch(r"[\w ./:@=,'\"+-]+", text)
    return f"`{text}`" if plain else f"<code>{_md(text)}</code>"


_COLOURS: dict[ConformanceLevel | None, str] = {
    "full": "brightgreen",
    "agent": "green",
    "basic": "yellowgreen",
    None: "orange",
}
"""Colour of a run that ended as expected, by the level that it reached."""


def _colour(column: Column) -> str:
    """Red where the run failed for what it found, yellow where it cannot tell, else after the level."""
    code = column.log.end.exit if column.log.end else None
    if code == ExitCode.UNEXPECTED:
        return "red"
    if code != ExitCode.AS_EXPECTED or column.log.lacks:
        return "yellow"
    return _COLOURS[column.level.reached]


def badge(matrix: Matrix) -> dict[str, Any]:
    """A shields.io endpoint: the counts of the only, or the last, column.

    Source of the format: https://shields.io/badges/endpoint-badge
    """
    if not matrix.columns:
        return {"schemaVersion": 1, "label": "messages api", "message": "no run", "color": "lightgrey"}
    column = matrix.columns[-1]
    bad: tuple[Verdict, ...] = ("broken", "ignored", "refused", "partial")
    counts = [f"level {column.level.reached}"] if column.level.reached else []
    counts.append(f"{column.counts.get('supported', 0)} supported")
    counts += [f"{column.counts[verdict]} {verdict}" for verdict in bad if verdict in column.counts]
    if column.log.lacks:
        counts.append(column.log.lacks)
    return {
        "schemaVersion": 1,
        "label": f"messages api · {harmless(column.title)}",
        "message": " · ".join(counts),
        "color": _colour(column),
    }


def matrix_document(matrix: Matrix) -> dict[str, Any]:
    """The matrix for other programs: ids and words as in the run log, one object per target."""
    return {
        "format": 1,
        "areas": matrix.areas,
        "rows": matrix.rows,
        "targets": [_target_document(column) for column in matrix.columns],
    }


def _short(column: Column) -> list[str]:
    """The rows that keep a run from the next level."""
    return [*column.level.broken, *column.level.unproven, *column.level.unasked]


def _target_document(column: Column) -> dict[str, Any]:
    run = column.log.run
    return {
        "id": column.id,
        "title": column.title,
        "target": run.target,
        "suite": run.suite,
        "started": run.started,
        "complete": column.log.complete,
        "conformance": column.conformance,
        "level": {"reached": column.level.reached, "next": column.level.next, "short": _short(column)},
        "exit": column.log.end.exit if column.log.end else None,
        "causes": column.log.causes,
        "breaches": column.breaches,
        "not_verified": column.unproven,
        "obeyed": column.obeyed,
        "counts": column.counts,
        "basis": basis_of(column.log),
        "cells": {
            row: {
                "verdict": cell.verdict,
                "status": cell.status,
                "asked": cell.asked,
                "not_verified": cell.unverified,
                "drift": cell.drift,
                "sdk": cell.sdk,
                "question": cell.question,
                "reason": reason(cell) if cell.verdict != "supported" else "",
            }
            for row, cell in column.cells.items()
        },
    }

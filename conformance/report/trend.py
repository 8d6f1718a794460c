"""The trend chart of a target over its versions: its verdicts as bars, and where answers changed their shape."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from conformance.report.matrix import Cell, Column, Matrix
from conformance.runs.log import CaseRow
from conformance.runs.snapshots import question_of, shape_changes
from conformance.words import Verdict

STACK: tuple[Verdict, ...] = (
    "supported", "partial", "refused", "ignored", "broken", "blocked", "inconclusive", "not-run", "error",
)  # fmt: skip
"""Bottom to top; what does not apply is not counted."""

HEIGHT, BAR, STEP, LEFT, FOOT = 160, 34, 52, 34, 34


class TrendPiece(Struct, frozen=True):
    verdict: Verdict
    count: int
    y: float
    height: float


class Bar(Struct, frozen=True):
    """One version: its pieces from the bottom, and how many rows are supported."""

    label: str
    column: str
    x: int
    pieces: list[TrendPiece]
    supported: int
    rows: int


class Trend(Struct, frozen=True):
    """One target over its versions."""

    title: str
    bars: list[Bar]
    width: int
    height: int
    ticks: list[tuple[int, float]]


def trends_of(columns: Sequence[Column]) -> list[Trend]:
    """One chart per target that was asked in two versions or more; simulated servers stand apart from real ones."""
    groups: dict[tuple[str, bool], list[Column]] = {}
    for column in columns:
        target = column.log.run.target
        groups.setdefault((target.name, target.simulated), []).append(column)
    return [
        _trend(f"{name} (simulated)" if simulated else name, group)
        for (name, simulated), group in groups.items()
        if len({column.log.run.target.version for column in group}) > 1
    ]


def _trend(title: str, group: list[Column]) -> Trend:
    most = max(sum(column.counts.get(verdict, 0) for verdict in STACK) for column in group) or 1
    scale = HEIGHT / most
    step = next(step for step in (5, 10, 20, 25, 50, 100, 200, 500, 1000, 5000) if most / step <= 5)
    return Trend(
        title=title,
        bars=[_bar(column, LEFT + 8 + number * STEP, scale) for number, column in enumerate(group)],
        width=LEFT + 8 + len(group) * STEP,
        height=HEIGHT + FOOT,
        ticks=[(count, HEIGHT - count * scale) for count in range(0, most + 1, step)],
    )


def _bar(column: Column, x: int, scale: float) -> Bar:
    pieces: list[TrendPiece] = []
    top = float(HEIGHT)
    for verdict in STACK:
        if count := column.counts.get(verdict, 0):
            top -= count * scale
            pieces.append(TrendPiece(verdict, count, round(top, 2), round(count * scale, 2)))
    return Bar(
        label=column.log.run.target.version or "?",
        column=column.id,
        x=x,
        pieces=pieces,
        supported=column.counts.get("supported", 0),
        rows=sum(piece.count for piece in pieces),
    )


PARTS = 40
"""Parts of a shape that are shown on either side."""

Changes = Mapping[str, dict[str, Any]]
"""Question, `case[mode]`, to `since` (the version before), `gone` and `new` (parts of the shape)."""


def changed_shapes(matrix: Matrix) -> list[Changes]:
    """For each column, what it answers in another shape than the version before it; nothing for a first version."""
    changes: list[Changes] = []
    last: dict[tuple[str, bool], Column] = {}
    for column in matrix.columns:
        target = column.log.run.target
        before = last.get((target.name, target.simulated))
        changes.append({} if before is None else _changes(before, column))
        last[target.name, target.simulated] = column
    return changes


def _changes(before: Column, after: Column) -> Changes:
    found = shape_changes(_by_question(before), _by_question(after))
    return {
        name: {"since": before.title, "gone": gone[:PARTS], "new": new[:PARTS]} for name, (gone, new) in found.items()
    }


def _by_question(column: Column) -> dict[str, CaseRow]:
    return {question_of(row): row for row in column.log.cases}


def is_shaped_otherwise(cell: Cell, changes: Changes) -> bool:
    """Whether one of the questions of a cell was answered in another shape than before."""
    return any(question_of(case) in changes for case in cell.cases)

"""Changed shapes: where the answers of a server differ in shape from those of the version before."""

from collections.abc import Mapping
from typing import Any

from conformance.report.matrix import Cell, Column, Matrix
from conformance.runs.log import CaseRow
from conformance.runs.snapshots import question_of, shape_changes

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

"""The query language, the same in the page (`page/query.js`) and in `conformance report --query`.

    tool choice             all of the words stand in the row, or in the id or title of one of its cases
    "stop sequence"         the words in this order
    area:tools              the row's area; also level:must, tier:core
    verdict:ignored         some column has this verdict; also status:regression, sdk:misreads, mark:drift, mark:shape
    verdict:ignored,broken  one of several; the same key twice means the same
    target:ollama           only columns whose name holds this count (and are shown)
    differs                 the columns that count do not all have the same verdict
    -status:known-gap       a minus turns a term around

What is said of cells (verdict, status, sdk, mark) must hold of one and the same cell: `verdict:ignored
-status:documented-gap` finds what is ignored in some column although no document says so. A cell in which only optional
questions were asked has no verdict, and is not looked at.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from typing import get_args

from msgspec import Struct

from conformance.errors import UserError
from conformance.report.matrix import Cell, Column, Matrix
from conformance.report.shapes import changed_shapes, is_shaped_otherwise
from conformance.runs.log import RowInfo
from conformance.words import STATUSES, VERDICTS, Level, SdkTestimony, Tier

VALUES: dict[str, tuple[str, ...]] = {
    "level": get_args(Level),
    "tier": get_args(Tier),
    "verdict": VERDICTS,
    "status": STATUSES,
    "sdk": get_args(SdkTestimony),
    "mark": ("drift", "shape", "unverified", "simulated"),
}
"""The keys with a closed list of values; `area` and `target` take any text."""

KEYS: tuple[str, ...] = ("area", "target", *VALUES)
OF_CELLS = ("verdict", "status", "sdk", "mark")

_TERM = re.compile(r'(?P<minus>-?)(?:(?P<key>[a-z]+):)?(?:"(?P<quoted>[^"]*)"?|(?P<plain>[^\s"]+)|(?<=:))')


class QueryError(UserError):
    """A query that means nothing; the message says what there is instead."""


class Term(Struct, frozen=True):
    """One condition: any of the values, or none of them."""

    key: str
    values: tuple[str, ...]
    negated: bool = False


class Query(Struct, frozen=True):
    terms: tuple[Term, ...] = ()

    def of(self, *keys: str) -> list[Term]:
        return [term for term in self.terms if term.key in keys]


def parse(text: str) -> Query:
    """A query from its text; QueryError names an unknown key or value, with the nearest that there is."""
    terms: dict[tuple[str, bool], Term] = {}
    words: list[Term] = []
    for found in _TERM.finditer(text.lower()):
        key, negated = found["key"], bool(found["minus"])
        value = found["quoted"] or found["plain"] or ""
        if key is None:
            if value == "differs" and found["quoted"] is None:
                terms["differs", negated] = Term("differs", (), negated)
            elif value not in ("", "-"):
                words.append(Term("text", (value,), negated))
            continue
        values = tuple(part for part in value.split(",") if part)
        _check(key, values)
        earlier = terms.get((key, negated), Term(key, ()))
        if values:
            terms[key, negated] = Term(key, earlier.values + values, negated)
    return Query((*words, *terms.values()))


def select(query: Query, matrix: Matrix) -> tuple[list[RowInfo], list[Column]]:
    """The rows that a query finds, and the columns that count, both in the order of the matrix."""
    columns = [column for column in matrix.columns if all(_holds(t, _in_name(column)) for t in query.of("target"))]
    titles = _case_titles(matrix)
    shaped = _shaped(matrix) if any("shape" in term.values for term in query.of("mark")) else frozenset()
    rows = [row for row in matrix.rows if _fits(query, row, columns, matrix.areas, titles, shaped)]
    return rows, columns


Titles = Mapping[str, str]
Places = frozenset[tuple[str, str]]
"""Columns and rows, by their ids."""


def _shaped(matrix: Matrix) -> Places:
    """Where an answer has another shape than in the version before."""
    changes = zip(matrix.columns, changed_shapes(matrix), strict=True)
    return frozenset(
        (column.id, row)
        for column, changed in changes
        for row, cell in column.cells.items()
        if is_shaped_otherwise(cell, changed)
    )


def _fits(query: Query, row: RowInfo, columns: list[Column], areas: Titles, titles: Titles, shaped: Places) -> bool:
    area = areas.get(row.area, row.area)
    haystack = "\n".join((row.id, row.title, row.consequence, area, titles.get(row.id, ""))).lower()
    of_row = {"text": haystack, "area": row.area.lower(), "level": row.weight, "tier": row.tier}
    if not all(_holds(term, of_row[term.key].__contains__) for term in query.of(*of_row)):
        return False
    cell_terms = query.of(*OF_CELLS)
    cells = [(column, column.cells[row.id]) for column in columns if row.id in column.cells]
    judged = [(column, cell) for column, cell in cells if cell.verdict is not None or cell.disputed]
    found = [_held(cell, column, otherwise=(column.id, row.id) in shaped) for column, cell in judged]
    if cell_terms and not any(all(_holds(term, held[term.key].__contains__) for term in cell_terms) for held in found):
        return False
    differ = len({cell.verdict for _, cell in judged} - {None}) > 1
    return all(differ is not term.negated for term in query.of("differs"))


def _holds(term: Term, test: Callable[[str], bool]) -> bool:
    return any(test(value) for value in term.values) is not term.negated


def _in_name(column: Column) -> Callable[[str], bool]:
    return f"{column.id}\n{column.title}".lower().__contains__


def _held(cell: Cell, column: Column, *, otherwise: bool) -> dict[str, set[str | None]]:
    """What can be said of a cell, by key; `otherwise`: its answers have another shape than in the version before."""
    marks = {
        "drift": cell.drift,
        "shape": otherwise,
        "unverified": cell.unverified > 0,
        "simulated": column.log.run.target.simulated,
    }
    return {
        "verdict": {cell.verdict},
        "status": {cell.status},
        "sdk": {cell.sdk},
        "mark": {mark for mark, there in marks.items() if there},
    }


def _case_titles(matrix: Matrix) -> dict[str, str]:
    """Row to the ids and titles of its cases, for the search."""
    known = {info.id: info.title for column in matrix.columns for info in column.log.catalog.cases}
    found: dict[str, dict[str, None]] = {}
    for column in matrix.columns:
        for row, cell in column.cells.items():
            for case in cell.cases:
                found.setdefault(row, {})[f"{case.case}\n{known.get(case.case, '')}"] = None
            for rule in cell.rules:
                found.setdefault(row, {})[rule.rule] = None
    return {row: "\n".join(texts) for row, texts in found.items()}


def _check(key: str, values: tuple[str, ...]) -> None:
    if key not in KEYS:
        raise QueryError(f"no filter is called {key}:{_nearest(key, KEYS)}; there are {', '.join(KEYS)}")
    for value in values:
        if key in VALUES and value not in VALUES[key]:
            there = VALUES[key]
            raise QueryError(f"no {key} is called {value}{_nearest(value, there)}; there are {', '.join(there)}")


def _nearest(word: str, there: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word, there, n=1)
    return f", did you mean {near[0]}?" if near else ""

"""Selects the rows and columns that a query names; the same as `page/query.js`.

    tool choice             both words stand in the row, or in the id or title of one of its cases
    tools.*                 the row, or one of its cases, has such an id
    area:tools              the row's area; also level:must, tier:core, surface:request.tools*
    verdict:ignored         some column has this verdict; also status:regression, sdk:misreads, mark:drift, mark:shape
    target:ollama           only columns whose name holds this count (and are shown)
    differs                 the columns that count do not all have the same verdict

What is said of cells (verdict, status, sdk, mark) must hold of one and the same cell: `verdict:ignored
-status:documented-gap` finds what is ignored in some column although no document says so. A cell in which only optional
questions were asked has no verdict, and is not looked at.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from msgspec import Struct
from msgspec.structs import replace

from conformance.errors import UserError
from conformance.expression import All, Any, Expression, ExpressionError, Not, Term, fits, is_glob, terms_of
from conformance.expression import parse as parse_expression
from conformance.report.matrix import Cell, Column, Matrix
from conformance.report.trend import changed_shapes, is_shaped_otherwise
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
"""The keys with a closed list of values; `area`, `surface` and `target` take any text."""

KEYS: tuple[str, ...] = ("area", "surface", "target", *VALUES)
OF_QUESTIONS = ("id", "family", "kind", "needs", "lacks", "fault", "mode")
"""Keys of `--select` that a matrix of rows cannot answer."""
OF_CELLS = ("verdict", "status", "sdk", "mark", "target")


class QueryError(UserError):
    """A query that means nothing; the message says what there is instead."""


class Query(Struct, frozen=True):
    """A query: which columns count, and what must hold of a row."""

    columns: tuple[Expression, ...]
    """What every column that counts is called, or not called."""
    rows: Expression


Places = frozenset[tuple[str, str]]
"""Columns and rows, by their ids."""


class Texts(Struct, frozen=True):
    """The texts that words are looked for in, by row."""

    words: dict[str, str]
    cases: dict[str, dict[str, str]]
    """The cases and rules of a row, each with its title."""


class Place(Struct, frozen=True):
    """A row, with one of its cells where the query speaks of cells."""

    row: RowInfo
    text: str
    ids: tuple[str, ...]
    differ: bool
    column: Column | None = None
    cell: Cell | None = None
    shaped: bool = False
    """Whether the answers of the cell have another shape than in the version before."""


def parse(text: str) -> Query:
    """A query from its text; QueryError names an unknown key or value, with the nearest that there is."""
    try:
        read = parse_expression(text)
    except ExpressionError as mistake:
        raise QueryError(str(mistake)) from mistake
    for term in terms_of(read):
        _check(term)
    parts = read.parts if isinstance(read, All) else (read,)
    columns = tuple(part for part in parts if _names_columns(part))
    return Query(columns, All(tuple(part for part in parts if part not in columns)))


def _names_columns(part: Expression) -> bool:
    inner = part.part if isinstance(part, Not) else part
    return isinstance(inner, Term) and inner.key == "target"


def select(query: Query, matrix: Matrix) -> tuple[list[RowInfo], list[Column]]:
    """The rows that a query finds, and the columns that count, both in the order of the matrix."""
    columns = [column for column in matrix.columns if all(_is_called(part, column) for part in query.columns)]
    texts = _texts(matrix)
    shaped = _shaped(matrix) if any("shape" in term.values for term in terms_of(query.rows)) else frozenset()
    for term in terms_of(query.rows):
        if term.key == "area" and (unknown := [one for one in term.values if not _any_fits(one, matrix.areas)]):
            raise QueryError(f"no area is called {unknown[0]}{_nearest(unknown[0], tuple(matrix.areas))}")
    of_cells = any(term.key in OF_CELLS for term in terms_of(query.rows))
    rows = [
        row
        for row in matrix.rows
        if any(_holds(query.rows, place) for place in _places(row, texts, columns, shaped, of_cells=of_cells))
    ]
    return rows, columns


def _any_fits(value: str, words: Mapping[str, str]) -> bool:
    return any(fits(value, word) for word in words)


def _is_called(part: Expression, column: Column) -> bool:
    negated = isinstance(part, Not)
    term = part.part if isinstance(part, Not) else part
    return isinstance(term, Term) and (not term.values or _in_name(term, column) is not negated)


def _in_name(term: Term, column: Column) -> bool:
    name = f"{column.id}\n{column.title}".lower()
    return any(value.lower() in name for value in term.values)


def _shaped(matrix: Matrix) -> Places:
    """Where an answer has another shape than in the version before."""
    changes = zip(matrix.columns, changed_shapes(matrix), strict=True)
    return frozenset(
        (column.id, row)
        for column, changed in changes
        for row, cell in column.cells.items()
        if is_shaped_otherwise(cell, changed)
    )


def _places(
    row: RowInfo, texts: Texts, columns: Sequence[Column], shaped: Places, *, of_cells: bool
) -> Iterator[Place]:
    """Where a query may find a row: in each of its judged cells, where it speaks of cells and there are any."""
    asked = [(column, cell) for column in columns if (cell := column.cells.get(row.id))]
    judged = [(column, cell) for column, cell in asked if cell.verdict is not None or cell.disputed]
    place = Place(
        row=row,
        text=texts.words[row.id],
        ids=(row.id, *texts.cases.get(row.id, {})),
        differ=len({cell.verdict for _, cell in judged} - {None}) > 1,
    )
    if not of_cells or not judged:
        yield place
    else:
        for column, cell in judged:
            yield replace(place, column=column, cell=cell, shaped=(column.id, row.id) in shaped)


def _holds(expression: Expression, place: Place, *, negated: bool = False) -> bool:
    """Whether an expression, or its opposite, holds; what is said of cells never holds where there is none."""
    match expression:
        case Not(part):
            return _holds(part, place, negated=not negated)
        case All(parts) | Any(parts):
            every = isinstance(expression, All) is not negated
            return (all if every else any)(_holds(part, place, negated=negated) for part in parts)
        case Term():
            if not expression.values and expression.key:
                return True
            if expression.key in OF_CELLS and place.cell is None:
                return False
            return _is_so(expression, place) is not negated


def _is_so(term: Term, place: Place) -> bool:
    if not term.key:
        return _says(term, place)
    if term.key == "target":
        return place.column is not None and _in_name(term, place.column)
    if term.key in OF_CELLS:
        words = _of_cell(place)[term.key]
    else:
        row = place.row
        words = {{"area": row.area, "surface": row.id, "level": row.weight, "tier": row.tier}[term.key]}
    return any(fits(value, word) for value in term.values for word in words if word is not None)


def _says(term: Term, place: Place) -> bool:
    (value,) = term.values
    if value.lower() == "differs" and not term.quoted:
        return place.differ
    if is_glob(value) and not term.quoted:
        return any(fits(value, id_) for id_ in place.ids)
    return value.lower() in place.text


def _of_cell(place: Place) -> Mapping[str, set[str | None]]:
    assert place.cell is not None
    assert place.column is not None
    simulated = place.column.log.run.target.simulated
    unverified = place.cell.unverified > 0
    marks = {"drift": place.cell.drift, "shape": place.shaped, "unverified": unverified, "simulated": simulated}
    return {
        "verdict": {place.cell.verdict},
        "status": {place.cell.status},
        "sdk": {place.cell.sdk},
        "mark": {mark for mark, there in marks.items() if there},
    }


def _texts(matrix: Matrix) -> Texts:
    titles = {info.id: info.title for column in matrix.columns for info in column.log.catalog.cases}
    cases: dict[str, dict[str, str]] = {}
    for column in matrix.columns:
        for row, cell in column.cells.items():
            there = cases.setdefault(row, {})
            there.update((case.case, titles.get(case.case, "")) for case in cell.cases)
            there.update((rule.rule, "") for rule in cell.rules)
    words = {}
    for info in matrix.rows:
        asked = (f"{id_}\n{title}" for id_, title in cases.get(info.id, {}).items())
        about = (info.id, info.title, info.consequence, matrix.areas.get(info.area, info.area), *asked)
        words[info.id] = "\n".join(about).lower()
    return Texts(words, cases)


def hints(query: Query, matrix: Matrix) -> list[str]:
    """Suggestions for a query that finds nothing: its words as the filters that know them."""
    found = []
    for word in (term.values[0].lower() for term in terms_of(query.rows) if not term.key):
        areas = [id_ for id_, title in matrix.areas.items() if word in (id_, title.lower())]
        keys = [key for key, values in VALUES.items() if word in values]
        if areas or keys:
            found.append(f"area:{areas[0]}" if areas else f"{keys[0]}:{word}")
        elif any(word in f"{column.id}\n{column.title}".lower() for column in matrix.columns):
            found.append(f"target:{word}")
    return found


def _check(term: Term) -> None:
    if not term.key:
        return
    if term.key in OF_QUESTIONS:
        raise QueryError(f"{term.key}: chooses questions, with --select; rows have {', '.join(KEYS)}")
    if term.key not in KEYS:
        raise QueryError(f"no filter is called {term.key}:{_nearest(term.key, KEYS)}; there are {', '.join(KEYS)}")
    for value in term.values:
        if term.key in VALUES and not any(fits(value, word) for word in VALUES[term.key]):
            there = VALUES[term.key]
            raise QueryError(f"no {term.key} is called {value}{_nearest(value, there)}; there are {', '.join(there)}")


def _nearest(word: str, there: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(word.lower(), there, n=1)
    return f", did you mean {near[0]}?" if near else ""

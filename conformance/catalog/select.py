"""Selects the cases that `--select` and profiles name, in the language of `conformance/expression.py`.

tools.choice.tool            a case by its id; `tools.*` is a glob over ids
"stop sequence"              cases with these words in their id or title
area:tools                   cases of a row in that area
surface:request.tools*       cases of a row; `tier:core`, `level:must`, `kind:invariant`, `family:tools.choice`
needs:vision  fault:TO14     cases that name this capability, this fault
mode:stream                  only this mode of each case
"""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from conformance.catalog.case import Case, modes_of
from conformance.catalog.load import Catalog
from conformance.catalog.problem import nearest
from conformance.catalog.profile import parted
from conformance.errors import UserError
from conformance.expression import All, Any, Expression, ExpressionError, Not, Term, fits, is_glob, parse, terms_of
from conformance.words import Mode


class SelectionError(UserError):
    """An expression that cannot be read, or that selects nothing; the message says what to write instead."""


class Item(Struct, frozen=True):
    """One case in one mode, with what a term may ask of it."""

    case: Case
    mode: Mode
    words: dict[str, tuple[str, ...]]
    """Key of a term to the values that it is compared with."""


KEYS = ("id", "family", "area", "tier", "surface", "level", "kind", "needs", "lacks", "fault", "mode")
OF_RUNS = ("target", "verdict", "status", "sdk", "mark")
"""Keys of the page's search box that only a run can answer."""


def select(catalog: Catalog, expression: str = "") -> list[tuple[Case, Mode]]:
    """The cases that an expression selects, each in its modes, in the order of the catalog; empty selects all.

    SelectionError for an expression that cannot be read, for a term that nothing fits, and for an empty selection.
    """
    items = list(_items(catalog))
    if not expression.strip():
        return [(item.case, item.mode) for item in items]
    try:
        read = parse(expression)
    except ExpressionError as mistake:
        raise SelectionError(str(mistake)) from mistake
    for term in terms_of(read):
        _check(term, items)
    found = [(item.case, item.mode) for item in items if _holds(read, item)]
    if not found:
        raise SelectionError(
            f"`{expression}` selects nothing: its parts exclude each other (`or` takes what fits either)"
        )
    return found


def select_profile(catalog: Catalog, name: str) -> list[tuple[Case, Mode]]:
    """The cases of a profile: those that its needs name, and those of its expressions."""
    profile = catalog.profiles.get(name)
    if profile is None:
        raise SelectionError(f"there is no profile {name}{nearest(name, catalog.profiles)}")
    named = {(question, mode) for text in profile.questions for question, modes in [parted(text)] for mode in modes}
    chosen = [(item.case, item.mode) for item in _items(catalog) if (item.case.id, item.mode) in named]
    beside = select(catalog, ", ".join(profile.select)) if profile.select else []
    return chosen + [(case, mode) for case, mode in beside if (case.id, mode) not in named]


def _items(catalog: Catalog) -> Iterator[Item]:
    for case in catalog.cases.values():
        row = catalog.rows.get(case.surface)
        words = {
            "id": (case.id, *case.renamed_from),
            "family": (catalog.families[case.id],),
            "area": (row.area,) if row else (),
            "tier": (row.tier,) if row else (),
            "surface": (case.surface,),
            "level": (case.level,),
            "kind": (case.kind,),
            "needs": tuple(case.needs),
            "lacks": tuple(case.lacks),
            "fault": tuple(case.faults),
        }
        for mode in modes_of(case):
            yield Item(case, mode, words | {"mode": (mode,)})


def _holds(expression: Expression, item: Item) -> bool:
    match expression:
        case Term(key, values, quoted):
            if quoted and not key:
                return values[0].lower() in f"{item.case.id}\n{item.case.title}".lower()
            return any(fits(value, word) for value in values for word in item.words[key or "id"])
        case Not(part):
            return not _holds(part, item)
        case All(parts):
            return all(_holds(part, item) for part in parts)
        case Any(parts):
            return any(_holds(part, item) for part in parts)


def _check(term: Term, items: Iterable[Item]) -> None:
    """SelectionError where nothing can fit a term, with what there is instead."""
    if term.key in OF_RUNS:
        raise SelectionError(
            f"`{term.key}:` is known when a run is over: ask the page, or `conformance report RUN --query`"
        )
    if term.key and term.key not in KEYS:
        raise SelectionError(f"unknown key `{term.key}`{nearest(term.key, KEYS)}")
    if not term.values:
        raise SelectionError(f"a value is missing after `{term.key}:`")
    for value in term.values:
        if not any(_holds(Term(term.key, (value,), term.quoted), item) for item in items):
            raise SelectionError(_nothing_fits(items, term, value))


def _nothing_fits(items: Iterable[Item], term: Term, value: str) -> str:
    if term.quoted and not term.key:
        return f'no case has "{value}" in its id or title'
    words = {word for item in items for word in item.words[term.key or "id"]}
    kind = f"no case has {term.key}" if term.key else "no case has the id"
    keys = {key for item in items for key, found in item.words.items() if value in found and key in KEYS}
    if not term.key and keys:
        return f"{kind} `{value}`; did you mean `{min(keys)}:{value}`?"
    return f"{kind} `{value}`{'' if is_glob(value) else nearest(value, words)}"

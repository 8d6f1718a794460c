"""The selection language of `--select`, `faults` and profiles.

    tools.choice.tool            a case by its id; `tools.*` is a glob over ids
    area:tools                   cases of a row in that area
    surface:request.tools*       cases of a row; `tier:core`, `level:must`, `kind:invariant`, `family:tools.choice`
    needs:vision  fault:TO14     cases that name this capability, this fault
    mode:stream                  only this mode of each case

Terms are joined by `and`, `or`, `not` and parentheses; a comma is a weak `or`. Every value may be a glob.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from conformance.catalog.case import Case, modes_of
from conformance.catalog.load import Catalog
from conformance.catalog.problem import nearest
from conformance.catalog.profile import parted
from conformance.errors import UserError
from conformance.words import Mode

_WORD = re.compile(r"\s*([(),]|[^\s(),]+)")
_GLOB = re.compile(r"[*?\[]")


class SelectionError(UserError):
    """An expression that cannot be read, or that selects nothing; the message says what to write instead."""


class Item(Struct, frozen=True):
    """One case in one mode, with what a term may ask of it."""

    case: Case
    mode: Mode
    words: dict[str, tuple[str, ...]]
    """Key of a term to the values that it is compared with."""


Test = Callable[[Item], bool]

KEYS = ("id", "family", "area", "tier", "surface", "level", "kind", "needs", "lacks", "fault", "mode")


def select(catalog: Catalog, expression: str = "") -> list[tuple[Case, Mode]]:
    """The cases that an expression selects, each in its modes, in the order of the catalog; empty selects all.

    SelectionError for an expression that cannot be read, for a term that nothing fits, and for an empty selection.
    """
    items = list(_items(catalog))
    if not expression.strip():
        return [(item.case, item.mode) for item in items]
    reading = _Reading(expression)
    test = reading.whole()
    for key, value in reading.terms:
        if not any(_fits(item, key, value) for item in items):
            raise SelectionError(_nothing_fits(items, key, value))
    found = [(item.case, item.mode) for item in items if test(item)]
    if not found:
        raise SelectionError(f"`{expression}` selects nothing: its parts exclude each other")
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


def _fits(item: Item, key: str, value: str) -> bool:
    return any(word == value or fnmatchcase(word, value) for word in item.words[key])


def _nothing_fits(items: Iterable[Item], key: str, value: str) -> str:
    words = {word for item in items for word in item.words[key]}
    kind = "no case has the id" if key == "id" else f"no case has {key}"
    return f"{kind} `{value}`{'' if _GLOB.search(value) else nearest(value, words)}"


class _Reading:
    """A reader of one expression, by recursive descent: comma, or, and, not, term."""

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self.terms: list[tuple[str, str]] = []
        self._parts = _WORD.findall(expression)
        self._next = 0

    def whole(self) -> Test:
        test = self._joined(",", self._either, any)
        if word := self._peek():
            raise self._error(f"say `and` or `or` before `{word}`" if word != ")" else "this `)` closes nothing")
        return test

    def _either(self) -> Test:
        return self._joined("or", self._both, any)

    def _both(self) -> Test:
        return self._joined("and", self._negated, all)

    def _joined(self, word: str, part: Callable[[], Test], combine: Callable[[Iterable[bool]], bool]) -> Test:
        tests = [part()]
        while self._peek() == word:
            self._next += 1
            tests.append(part())
        return tests[0] if len(tests) == 1 else lambda item: combine(test(item) for test in tests)

    def _negated(self) -> Test:
        if self._peek() == "not":
            self._next += 1
            test = self._negated()
            return lambda item: not test(item)
        return self._term()

    def _term(self) -> Test:
        word = self._peek()
        self._next += 1
        if word == "(":
            test = self._joined(",", self._either, any)
            if self._peek() != ")":
                raise self._error("a `(` is not closed")
            self._next += 1
            return test
        if not word or word in (",", ")", "and", "or"):
            raise self._error(f"a case id or KEY:VALUE is missing before `{word}`" if word else "it ends too early")
        key, colon, value = word.partition(":")
        key, value = (key, value) if colon else ("id", word)
        if key not in KEYS:
            raise self._error(f"unknown key `{key}`{nearest(key, KEYS)}")
        self.terms.append((key, value))
        return lambda item: _fits(item, key, value)

    def _peek(self) -> str:
        return self._parts[self._next] if self._next < len(self._parts) else ""

    def _error(self, says: str) -> SelectionError:
        return SelectionError(f"cannot read the selection `{self.expression}`: {says}")

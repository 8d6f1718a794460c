"""`conformance list WHAT`: the ids that other commands take, each with a sentence."""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from conformance.catalog.load import Catalog, load_catalog
from conformance.catalog.select import select
from conformance.cli.parser import Parser
from conformance.engine.scripted_process import NamedFault, named_faults, named_variants
from conformance.errors import UserError
from conformance.harmless import harmless
from conformance.judge.rules import RULES
from conformance.targets.load import load_target_file, target_names

WIDEST = 40
"""Characters of a column of ids: a longer id pushes its own sentence to the right, not all others."""


class Listed(Struct, frozen=True, omit_defaults=True):
    """One thing that can be named on the command line."""

    id: str
    says: str
    kind: str = ""
    """What it weighs or belongs to, such as `core, must`."""


def declare(parser: Parser) -> None:
    parser.add_argument("what", choices=LISTS, metavar="WHAT", help=", ".join(LISTS))
    parser.add_argument("--select", metavar="EXPR", help="only these cases, and the rows and rules that they ask about")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run(arguments: argparse.Namespace) -> int:
    if arguments.select is not None and arguments.what not in SELECTED:
        lists = f"{', '.join(SELECTED[:-1])} and {SELECTED[-1]}"
        raise UserError(f"--select chooses cases, and so {lists}; it says nothing of {arguments.what}")
    found = list(LISTS[arguments.what](load_catalog(arguments.cases), arguments.select or ""))
    if arguments.json:
        print(harmless(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()))
        return 0
    print_listed(found)
    return 0


def print_listed(found: list[Listed]) -> None:
    """A line for each: id, what it weighs, its sentence."""
    ids, kinds = (min(WIDEST, max(map(len, texts), default=0)) for texts in _columns(found))
    for one in found:
        parts = [f"{one.id:<{ids}}", *([f"{one.kind:<{kinds}}"] if kinds else []), one.says]
        print(harmless("  ".join(parts)))


def _columns(found: list[Listed]) -> tuple[list[str], list[str]]:
    return [one.id for one in found], [one.kind for one in found]


def _cases(catalog: Catalog, expression: str) -> Iterator[Listed]:
    for id_ in dict.fromkeys(case.id for case, _ in select(catalog, expression)):
        case = catalog.cases[id_]
        yield Listed(case.id, case.title, f"{case.level}, {case.kind}")


def _rows(catalog: Catalog, expression: str) -> Iterator[Listed]:
    asked = {case.surface for case, _ in select(catalog, expression)} if expression else set(catalog.rows)
    for row in catalog.rows.values():
        if row.id in asked:
            yield Listed(row.id, row.title, f"{row.tier}, {row.weight}")


def _rules(catalog: Catalog, expression: str) -> Iterator[Listed]:
    named = {rule for case, _ in select(catalog, expression) for rule in case.rules} if expression else set(RULES)
    for rule in RULES.values():
        if rule.id in named:
            yield Listed(rule.id, rule.law, rule.level)


def _targets(catalog: Catalog, expression: str) -> Iterator[Listed]:
    del catalog, expression
    for name in target_names():
        file = load_target_file(name)
        entries = len(file.documented) + len(file.known)
        gaps = f"{entries} listed gap{'' if entries == 1 else 's'}" if entries else "no listed gaps"
        yield Listed(name, file.title or file.name, gaps if file.asked else f"{gaps}, by its documents only")


def _profiles(catalog: Catalog, expression: str) -> Iterator[Listed]:
    del expression
    for name, profile in catalog.profiles.items():
        yield Listed(name, profile.question, profile.title)


def _variants(catalog: Catalog, expression: str) -> Iterator[Listed]:
    del catalog, expression
    yield from map(_named, named_variants())


def _faults(catalog: Catalog, expression: str) -> Iterator[Listed]:
    del catalog, expression
    yield from map(_named, named_faults())


def _named(one: NamedFault) -> Listed:
    return Listed(one.id, one.says, one.group)


LISTS: dict[str, Callable[[Catalog, str], Iterator[Listed]]] = {
    "cases": _cases,
    "rows": _rows,
    "rules": _rules,
    "targets": _targets,
    "profiles": _profiles,
    "variants": _variants,
    "faults": _faults,
}
SELECTED = ("cases", "rows", "rules")

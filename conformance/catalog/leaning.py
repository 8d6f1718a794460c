"""References from a case to others: its control, its accepted twin, and the same question without the content."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from conformance.catalog.case import Case

KEYS = ("control", "twin", "without")


def leans(case: Case) -> Iterator[tuple[str, str]]:
    """The keys of a case that name another one, each with the id that it names."""
    for key in KEYS:
        if (name := getattr(case, key)) is not None:
            yield key, name


def circle(cases: Mapping[str, Case]) -> list[str]:
    """The ids of cases that lean on each other in a circle, the first one again at the end; empty where none do."""
    try:
        TopologicalSorter({id_: [name for _, name in leans(case)] for id_, case in cases.items()}).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]
    return []

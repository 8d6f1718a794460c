"""What the fixture `asking` of `tests/fuzz/conftest.py` gives, and a search that gathers what it finds."""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from conformance.fuzz.asking import Asker
from conformance.fuzz.laws import BrokenLaw, Known
from conformance.fuzz.search import Search
from conformance.fuzz.stored import what_is_kept
from conformance.scripted.listing import VariantEntry, listing

Asking = Callable[[str], Asker]


def found_by(asker: Asker, examples: int, *, seed: int = 1, most: int = 3) -> list[BrokenLaw]:
    """What a search finds, at most so much."""
    found: list[BrokenLaw] = []
    keeps = what_is_kept(asker.ask)
    search = Search(ask=asker.ask, able=("tools", "vision"), counts=True, seed=seed, known=Known([]), keeps=keeps)
    search.run(0, examples, enough=lambda: len(found) >= most, progress=lambda _: None, tell=found.append)
    return found


def unexplained(variant: str, found: Sequence[BrokenLaw]) -> list[tuple[str, str, str]]:
    """What was found on a legal variant beyond what it honestly does worse."""
    entry = next(one for one in listing("variants") if one.id == variant)
    assert isinstance(entry, VariantEntry)
    worse = [rule.split()[0] for rule in entry.worsens]
    return [
        (one.law, one.at, one.says)
        for one in found
        if not any(fnmatchcase(one.law, glob) for glob in worse)
        and not ("refusals" in worse and one.law.startswith("bad request"))
    ]

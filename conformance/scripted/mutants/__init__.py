"""Mutants of the gateway in both directions, made from the types of what passes, to measure whether the suite bites.

One is committed below `/mutant/ID`. Below `/mutant/which-K-of-N` nothing is done wrong, and the header `x-mutants` of
an answer says which would have changed what passed, of every N-th mutant from the K-th on: a bit for each, in the order
of the list, in hexadecimal.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.scripted.anthropic.hooks import Hooks
    from conformance.scripted.mutants.mutant import Mutant

WHICH = re.compile(r"which-([0-9]{1,4})-of-([0-9]{1,4})")


@lru_cache(maxsize=1)
def mutants() -> "dict[str, Mutant]":
    """All of them by their ids, in a fixed order."""
    from conformance.scripted.mutants.downward import downward
    from conformance.scripted.mutants.heard import heard
    from conformance.scripted.mutants.upward import upward

    return {mutant.id: mutant for mutant in (*upward(), *downward(), *heard())}


def mutant_named(name: str) -> "Hooks | None":
    """The hooks of a mutant, or those that report on a part of all mutants; None for an unknown id."""
    if asked := WHICH.fullmatch(name):
        return _reporting(int(asked[1]), int(asked[2]))
    mutant = mutants().get(name)
    return mutant.hooks if mutant else None


@lru_cache(maxsize=8)
def _reporting(part: int, of: int) -> "Hooks | None":
    """The hooks that tell of one part of the mutants; None where there is no such part."""
    from conformance.scripted.mutants.which import telling

    if not 1 <= part <= of:
        return None
    return telling((at, mutant) for at, mutant in enumerate(mutants().values()) if at % of == part - 1)

"""Mutants of the gateway in both directions, made from the types of what passes, to measure whether the suite bites.

One is committed below `/mutant/ID`. Below `/mutant/which` nothing is done wrong, and the header `x-mutants` of an
answer says which of them would have changed what passed: a bit for each, in the order of the list, in hexadecimal.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.scripted.anthropic.hooks import Hooks
    from conformance.scripted.mutants.mutant import Mutant

WHICH = "which"


@cache
def mutants() -> "dict[str, Mutant]":
    """All of them by their ids, in a fixed order."""
    from conformance.scripted.mutants.downward import downward
    from conformance.scripted.mutants.heard import heard
    from conformance.scripted.mutants.upward import upward

    return {mutant.id: mutant for mutant in (*upward(), *downward(), *heard())}


def mutant_named(name: str) -> "Hooks | None":
    """The hooks of a mutant, or of `which`; None for an unknown id."""
    if name == WHICH:
        from conformance.scripted.mutants.which import telling

        return telling(mutants().values())
    mutant = mutants().get(name)
    return mutant.hooks if mutant else None

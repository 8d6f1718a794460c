"""A mutant: one thing done wrong on the way between a client and an upstream, made from the types, not thought of."""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.mutants.changes import Change
from conformance.scripted.mutants.places import Holder, Path, spots

Bend = Callable[[Any], Any]
"""Makes of a value another, and leaves the given one as it is."""


class Mutant(Struct, frozen=True, kw_only=True):
    """What is done wrong, and the hooks that do it."""

    id: str
    says: str
    hooks: Hooks
    bends: Callable[[Any], bool]
    """Whether it changes what passes: a request body, the documents of an answer, or what was heard."""
    path: Path = ()
    """Where: nothing is changed in documents that have nothing there."""


def copied(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def bent(documents: list[Any], path: Path, change: Change, which: slice = slice(None)) -> list[Any] | None:
    """The documents with a change at those of the places that `which` takes; None where nothing is changed."""
    touched = [number for number, document in enumerate(documents) if spots(document, path)]
    if not touched:
        return None
    changed = list(documents)
    for number in touched:
        changed[number] = copied(documents[number])
    found: list[tuple[Holder, Any]] = [spot for number in touched for spot in spots(changed[number], path)]
    for holder, key in reversed(found[which]):
        change.bend(holder, key)
    same = all(_written(changed[number]) == _written(documents[number]) for number in touched)
    return None if same else changed


TRIED = 3
"""Documents in which a change is tried: what does nothing to these does nothing to the others."""


def would_bend(documents: list[Any], path: Path, change: Change, which: slice = slice(None)) -> bool:
    """Whether a change does anything to what stands at a path, tried where it stands first."""
    found = [number for number, document in enumerate(documents) for _ in spots(document, path)][which]
    tried = list(dict.fromkeys(found))[:TRIED]
    return any(bent([documents[number]], path, change, which) is not None for number in tried)


def _written(value: Any) -> bytes:
    """As bytes, in which the order of keys shows."""
    return msgspec.json.encode(value)

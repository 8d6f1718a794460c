"""Mutants of a request on its way up: each field of a chat completion request lost, moved, rewritten, capped."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.gateway.passage import Asking
from conformance.scripted.mutants.changes import Change, changes
from conformance.scripted.mutants.mutant import Bend, Mutant, bent
from conformance.scripted.mutants.places import Path, Place, places
from conformance.scripted.openai.request import ChatRequest


def upward() -> Iterator[Mutant]:
    for place in places(ChatRequest):
        for change in changes(place):
            says = f"{place.name} of the request {change.says}"
            yield _mutant(f"up:{change.name}:{place.name}", says, _at(place, change), place.path)
    for name in sorted(field.encode_name for field in msgspec.structs.fields(ChatRequest)):
        yield _inherited(name)


def _at(place: Place, change: Change) -> Bend:
    def bend(body: Any) -> Any:
        changed = bent([body], place.path, change)
        return body if changed is None else changed[0]

    return bend


def _mutant(name: str, says: str, bend: Bend, path: Path) -> Mutant:
    def asking(correct: Asking, _: Call) -> Asking:
        return replace(correct, body=bend(correct.body))

    return Mutant(id=name, says=says, hooks=Hooks(asking=asking), bends=partial(_bends, bend), path=path)


def _bends(bend: Bend, body: Any) -> bool:
    return bend(body) is not body


def _inherited(name: str) -> Mutant:
    """What an earlier request said of a field goes upstream with the next one that leaves it out."""
    before: list[Any] = []

    def asking(correct: Asking, _: Call) -> Asking:
        if name in correct.body:
            before[:] = [correct.body[name]]
            return correct
        return replace(correct, body=correct.body | {name: before[0]}) if before else correct

    return Mutant(
        id=f"up:inherited:{name}",
        says=f"a request without {name} goes upstream with that of the request before",
        hooks=Hooks(asking=asking),
        bends=lambda body: name not in body,
    )

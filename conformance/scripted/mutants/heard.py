"""Mutants of what the gateway makes of an answer: its end, its counts, its trouble, and what the next one inherits."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.conversation import Reply
from conformance.scripted.gateway.passage import STATUSES, Heard, Trouble
from conformance.scripted.mutants.changes import Change, changes
from conformance.scripted.mutants.mutant import Mutant, bent
from conformance.scripted.mutants.places import Place, places

Part = Literal["reply", "trouble"]


def heard() -> Iterator[Mutant]:
    for place in places(Reply):
        if len(place.path) == 1 and place.kind != "list":
            for change in changes(replace(place, siblings=())):
                yield _mutant("reply", place, change)
    for place in places(Trouble):
        known = replace(place, siblings=(), values=STATUSES if place.path == ("status",) else place.values)
        for change in changes(known):
            if change.name == "as-text" and place.path == ("status",):
                continue  # a status that is no number is no answer at all
            yield _mutant("trouble", known, change)
    yield _made("down:lost:trouble", "an answer that breaks off is taken for a whole one", _untroubled)
    for name in msgspec.structs.fields(Reply):
        yield _inherited(name.name)
    yield Mutant(
        id="down:held:whole",
        says="a stream is passed on when it is complete",
        hooks=Hooks(heard=lambda correct, _: correct),
        bends=lambda _: True,
    )


def _untroubled(correct: Heard) -> Heard:
    return replace(correct, trouble=None) if correct.trouble is not None else correct


def _mutant(part: Part, place: Place, change: Change) -> Mutant:
    says = f"{place.name} of the {'answer' if part == 'reply' else 'trouble'} {change.says}"
    return _made(f"down:{change.name}:{part}.{place.name}", says, partial(_changed, part, place, change))


def _made(name: str, says: str, change: Callable[[Heard], Heard]) -> Mutant:
    return Mutant(
        id=name, says=says, hooks=Hooks(heard=lambda correct, _: change(correct)), bends=partial(_bends, change)
    )


def _bends(change: Callable[[Heard], Heard], correct: Heard) -> bool:
    return change(correct) != correct


def _changed(part: Part, place: Place, change: Change, correct: Heard) -> Heard:
    value = getattr(correct, part)
    if value is None:
        return correct
    plain = {field.name: getattr(value, field.name) for field in msgspec.structs.fields(value)}
    plain = {name: item for name, item in plain.items() if isinstance(item, str | int | float | None)}
    changed = bent([plain], place.path, change)
    if changed is None:
        return correct
    default: dict[str, Any] = dict.fromkeys(plain)
    fields = {name: item for name, item in (default | changed[0]).items() if item is not None or _may_lack(value, name)}
    return replace(correct, **{part: replace(value, **fields)})


def _may_lack(value: Reply | Trouble, name: str) -> bool:
    return any(field.name == name and field.default is None for field in msgspec.structs.fields(value))


def _inherited(name: str) -> Mutant:
    """What one answer said is still there in the next."""
    before: list[Any] = []

    def hook(correct: Heard, _: object) -> Heard:
        value, last = getattr(correct.reply, name), list(before)
        before[:] = [value]
        return replace(correct, reply=replace(correct.reply, **{name: last[0]})) if last else correct

    return Mutant(
        id=f"down:inherited:{name}",
        says=f"an answer comes with the {name} of the one before",
        hooks=Hooks(heard=hook),
        bends=lambda _: True,
    )

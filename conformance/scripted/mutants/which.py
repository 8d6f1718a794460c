"""Tells with each answer which mutants would have changed what passed for it."""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import msgspec
from msgspec.structs import replace

from conformance.scripted.anthropic.answer import Answer
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.gateway.passage import Asking, Heard
from conformance.scripted.mutants.downward import documents_of
from conformance.scripted.mutants.mutant import Mutant
from conformance.scripted.mutants.places import Path, spots

HEADER = "x-mutants"
LONG = 60
"""Chunks of an answer."""
LONG_BYTES = 20_000
_met: ContextVar[set[int]] = ContextVar("met")
"""The numbers of the mutants that would have changed the request that is being answered."""


def telling(mutants: Iterable[tuple[int, Mutant]]) -> Hooks:
    """The hooks of a gateway that does nothing wrong, and says which of these mutants, by their numbers, would have."""
    every = list(mutants)
    upward = [(number, mutant) for number, mutant in every if mutant.hooks.asking]
    lines_ = [(number, mutant) for number, mutant in every if mutant.hooks.lines]
    heard_ = [(number, mutant) for number, mutant in every if mutant.hooks.heard]

    def request(call: Call) -> Call:
        _met.set(set())
        return call

    def asking(correct: Asking, _: Call) -> Asking:
        _meet(upward, correct.body, [correct.body])
        return correct

    def lines(correct: list[str]) -> list[str]:
        documents = documents_of(correct)
        _meet(lines_, documents, documents)
        return correct

    def heard(correct: Heard, _: Call) -> Heard:
        _meet(heard_, correct, [])
        return correct

    def answer(correct: Answer, _: Call) -> Answer:
        met = sum(1 << number for number in _met.get(set()))
        return replace(correct, headers=(*correct.headers, (HEADER, f"{met:x}")))

    return Hooks(request=request, asking=asking, lines=lines, heard=heard, answer=answer)


def _meet(some: list[tuple[int, Mutant]], passed: object, documents: list[Any]) -> None:
    """Remembers which of some mutants would have changed what passes; nothing of what is long."""
    size = sum(len(msgspec.json.encode(document)) for document in documents)
    if len(documents) > LONG or size > LONG_BYTES:
        return
    there: dict[Path, bool] = {(): True}
    for number, mutant in some:
        if mutant.path not in there:
            there[mutant.path] = any(spots(document, mutant.path) for document in documents)
        if there[mutant.path] and mutant.bends(passed):
            _met.get(set()).add(number)

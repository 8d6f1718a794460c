"""Mutants: correct exchanges, each changed mechanically in one place, to measure the rules."""

from collections.abc import Iterator

from conformance.detection.mutants import bodies, events, meaning, refusals, transitions, wire
from conformance.detection.mutants.mutant import Mutant
from conformance.detection.mutants.scoring import Fate, Score, score
from conformance.detection.mutants.several import mutants_of_conversation, mutants_of_pair
from conformance.judge.answer import read
from conformance.judge.finding import ABSENT
from conformance.probe.exchange import Exchange

__all__ = ["Fate", "Mutant", "Score", "mutants", "mutants_of_conversation", "mutants_of_pair", "score"]

_MESSAGE = (
    bodies.value_mutants,
    bodies.object_mutants,
    wire.json_bodies,
    wire.headers,
    wire.connections,
    meaning.meanings,
)
_STREAM = (
    events.value_mutants,
    events.lost_and_repeated,
    events.swapped,
    events.cut_short,
    transitions.inserted,
    wire.frames,
    wire.stream_bodies,
    wire.headers,
    wire.connections,
    meaning.meanings,
)
_REFUSAL = (
    bodies.value_mutants,
    bodies.object_mutants,
    wire.json_bodies,
    wire.headers,
    wire.connections,
    refusals.envelopes,
    refusals.types,
    refusals.statuses,
    refusals.sentences,
)
_OTHER = (bodies.value_mutants, bodies.object_mutants, wire.json_bodies, wire.headers, wire.connections)
GENERATORS = {
    "message": _MESSAGE,
    "stream": _STREAM,
    "error": _REFUSAL,
    "count": _OTHER,
    "models": _OTHER,
    "model": _OTHER,
    "batches": (*_OTHER, bodies.contradictions),
    "files": _OTHER,
}


def mutants(exchange: Exchange) -> Iterator[Mutant]:
    """Every mutant of a correct exchange; nothing for one that is not answered as the API answers."""
    answer = read(exchange, "json")
    if answer.streaming:
        answer = read(exchange, "stream")
    if answer.json is ABSENT and not answer.in_events:
        return
    for generate in GENERATORS.get(answer.scope, ()):
        yield from generate(answer)

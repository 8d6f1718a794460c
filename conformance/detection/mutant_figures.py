"""Figures of the mutants: recorded answers of the reference endpoint, each changed in one place, judged offline."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from conformance.detection.mutants import Mutant, mutants, mutants_of_conversation, mutants_of_pair, score
from conformance.engine.question import Question, Record
from conformance.judge.answer import read
from conformance.probe.exchange import Exchange

A_CONVERSATION = 2
"""Answers that a mutated conversation has."""


class MutantFigures(Struct, frozen=True):
    """The figures of the mutants."""

    counts: dict[str, int]
    silent: dict[str, str]
    equivalent: dict[str, str]
    false_alarms: dict[str, list[str]]


def mutant_figures(records: Mapping[Question, Record]) -> MutantFigures:
    """The figures of all mutants of these correct answers."""
    scored = score(_every(records))
    summary = scored.summary()
    killed = len(scored.of("killed", "killed for another reason"))
    return MutantFigures(
        counts={
            "killed": killed,
            "of": killed + len(scored.of("silent")),
            "equivalent": len(scored.of("equivalent")),
            "generated": len(scored.fates),
        },
        silent=summary["silent"],
        equivalent=summary["equivalents"],
        false_alarms=summary["false_alarms"],
    )


def _every(records: Mapping[Question, Record]) -> Iterator[Mutant]:
    for record in records.values():
        for exchange in _exchanges(record):
            yield from mutants(exchange)
    for question, record in records.items():
        json_answers, streams = _messages(record), _messages(records.get(_stream_of(question)))
        if question.mode == "json" and len(json_answers) == len(streams) == 1:
            yield from mutants_of_pair(json_answers[0], streams[0])
        if question.mode == "json" and len(json_answers) == A_CONVERSATION:
            yield from mutants_of_conversation(json_answers)


def _stream_of(question: Question) -> Question:
    return Question(question.case, "stream")


def _messages(record: Record | None) -> Sequence[Exchange]:
    """Those of them that hold a message."""
    return [exchange for exchange in _exchanges(record) if read(exchange, "json").scope in ("message", "stream")]


def _exchanges(record: Record | None) -> Sequence[Exchange]:
    """The exchanges of the last attempt, in the order of its steps; none where a busy machine made one late."""
    replies = record.attempts[-1].replies if record is not None and record.attempts else ()
    broken = any(reading.violations and reading.rule.level != "may" for reply in replies for reading in reply.readings)
    return [] if broken else [reply.answer.exchange for reply in replies]

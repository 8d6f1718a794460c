"""Mutants of streams: each key of each event changed, each event lost, repeated or moved."""

import json
from collections.abc import Iterator
from typing import Any

from conformance.detection.mutants.bodies import made
from conformance.detection.mutants.fields import EVENTS, field_at
from conformance.detection.mutants.mutant import Mutant, with_sent
from conformance.detection.mutants.values import places, put, wrong_values
from conformance.judge.answer import Answer
from conformance.judge.wire import ABSENT, decode

Sent = list[tuple[str, Any]]
TYPED = {"content_block_delta": "delta", "content_block_start": "content_block"}
"""Events whose inner object is named by its type."""
STREAM_OPAQUE = frozenset({"/content_block/content", "/content_block/input"})
FREE_DELTAS = ("text_delta", "thinking_delta", "citations_delta")
LENIENT = "a ping may stand anywhere"
AGAIN = "message_delta may come more than once when the two agree"
NOTHING = "an empty piece adds nothing"


def sent(answer: Answer) -> Sent:
    """The events of a stream as names and data."""
    return [(str(event["event"]), event["data"]) for event in answer.events]


def inner(name: str, data: Any) -> str:
    """The kind of an event: its name, and the type of the block or delta in it."""
    kind = data[TYPED[name]].get("type") if name in TYPED else None
    return f"{name} {kind}" if kind else name


def value_mutants(answer: Answer) -> Iterator[Mutant]:
    """Each key of each event, done wrong in every way that its type allows."""
    events, seen = sent(answer), set()
    for number, (name, data) in enumerate(events):
        for place, path, value in places(data, STREAM_OPAQUE):
            named = _named(name, data, place)
            field = field_at(EVENTS, named)
            if field is None or named in seen or not (field.aim or field.legal):
                continue
            seen.add(named)
            for wrong in wrong_values(value):
                if wrong.slug in field.skips or (isinstance(path[-1], int) and wrong.slug == "missing"):
                    continue
                changed = [*events[:number], (name, put(data, path, wrong.value)), *events[number + 1 :]]
                yield made(answer, named, field, wrong.slug, with_sent(answer.exchange, changed))


def _named(name: str, data: Any, place: str) -> str:
    key = TYPED.get(name, "")
    if key and place.startswith(f"/{key}/"):
        return f"{name}/{key}/{data[key]['type']}{place.removeprefix(f'/{key}')}"
    return name + place


def _mutant(
    answer: Answer, slug: str, sentence: str, events: Sent, aim: tuple[str, ...], equivalent: str = ""
) -> Mutant:
    return Mutant(
        id=f"stream: {slug}",
        sentence=sentence,
        exchanges=(with_sent(answer.exchange, events),),
        mode=answer.mode,
        aim=aim,
        equivalent=equivalent,
    )


LOST: dict[str, tuple[str, ...]] = {
    "message_start": ("stream.start-first",),
    "content_block_start": ("stream.delta-open", "stream.index", "stream.stop-open"),
    "content_block_stop": ("stream.stop-each", "stream.one-open"),
    "content_block_delta signature_delta": ("thinking.signature",),
    "content_block_delta input_json_delta": ("tools.input-json",),
    "message_delta": ("stream.message-delta",),
    "message_stop": ("stream.stop",),
}
TWICE: dict[str, tuple[str, ...]] = {
    "message_start": ("stream.start-once",),
    "content_block_start": ("stream.index",),
    "content_block_stop": ("stream.stop-open",),
    "content_block_delta signature_delta": ("stream.signature-whole",),
    "content_block_delta input_json_delta": ("tools.input-json",),
    "message_stop": ("stream.stop-last",),
}


def _whole(data: Any) -> bool:
    """Whether a piece of tool input is all of it."""
    return decode(data["delta"]["partial_json"]) is not ABSENT


def _aim(table: dict[str, tuple[str, ...]], name: str, data: Any) -> tuple[str, ...]:
    return table.get(inner(name, data), table.get(name, ()))


def lost_and_repeated(answer: Answer) -> Iterator[Mutant]:
    """Each event left out, and each event sent twice."""
    events = sent(answer)
    for number, (name, data) in enumerate(events):
        kind = inner(name, data)
        if kind.endswith(FREE_DELTAS) or (kind.endswith("input_json_delta") and _whole(data)):
            continue  # a lost or repeated piece of content is other content
        empty = kind.endswith("input_json_delta") and not data["delta"]["partial_json"]
        harmless = LENIENT if name == "ping" else NOTHING if empty else ""
        where = f"{kind}{' empty' if empty else ''}"
        before, after = events[:number], events[number + 1 :]
        lost, twice = before + after, [*before, events[number], events[number], *after]
        piece = kind.endswith("input_json_delta") and not empty
        if not (piece and _reads(lost, data)):
            yield _mutant(answer, f"{where} lost", f"{kind} is not sent", lost, _aim(LOST, name, data), harmless)
        again = AGAIN if name == "message_delta" else harmless
        if not (piece and _reads(twice, data)):
            yield _mutant(answer, f"{where} twice", f"{kind} is sent twice", twice, _aim(TWICE, name, data), again)


def _reads(events: Sent, data: Any) -> bool:
    """Whether the input of a block can still be read: then the change made another input, not a violation."""
    pieces = [
        one["delta"]["partial_json"]
        for name, one in events
        if name == "content_block_delta" and one["index"] == data["index"] and "partial_json" in one["delta"]
    ]
    try:
        return isinstance(json.loads("".join(pieces)), dict)
    except ValueError:
        return False


ORDER = (
    "stream.start-first",
    "stream.delta-open",
    "stream.one-open",
    "stream.stop-open",
    "stream.stop-each",
    "stream.index",
    "stream.message-delta-last",
    "stream.stop-last",
    "stream.signature-last",
    "stream.delta-type",
)


def swapped(answer: Answer) -> Iterator[Mutant]:
    """Each two neighbours of different kinds in the other order."""
    events = sent(answer)
    for number in range(len(events) - 1):
        one, two = (inner(name, data) for name, data in events[number : number + 2])
        if one == two or (one.endswith(FREE_DELTAS) and two.endswith(FREE_DELTAS)) or "ping" in (one, two):
            continue
        changed = [*events[:number], events[number + 1], events[number], *events[number + 2 :]]
        yield _mutant(answer, f"{two} before {one}", f"{two} comes before {one}", changed, ORDER)


def cut_short(answer: Answer) -> Iterator[Mutant]:
    """The stream that ends after each of its events."""
    events = sent(answer)
    for number in range(1, len(events)):
        kind = inner(*events[number - 1])
        yield _mutant(answer, f"cut after {kind}", f"the stream ends after {kind}", events[:number], ("stream.stop",))

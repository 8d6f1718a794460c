"""Mutants of streams: each event in each state of the grammar, where it is legal and where it is not."""

from collections.abc import Iterator
from typing import Any

from conformance.detection.mutants.events import AGAIN, LENIENT, Sent, sent
from conformance.detection.mutants.mutant import Mutant, with_sent
from conformance.judge.answer import Answer
from conformance.judge.block import allowed_deltas

UNKNOWN = "an event that nobody knows is skipped"
UNKNOWN_BLOCK = "a block that nobody knows may take any delta"
ANYWHERE = (LENIENT, UNKNOWN)
FOREIGN_INDEX = 7

State = str
"""`nothing`, `started`, `in TYPE`, `between`, `ended` or `stopped`: what a prefix of a stream has come to."""


def states(events: Sent) -> list[tuple[State, int, int]]:
    """The state before each event and after the last, with the index of the last block and how many there were."""
    state, last, count = "nothing", 0, 0
    found = [(state, last, count)]
    for name, data in events:
        match name:
            case "message_start":
                state = "started"
            case "content_block_start":
                state, last, count = f"in {data['content_block']['type']}", data["index"], count + 1
            case "content_block_stop":
                state = "between"
            case "message_delta":
                state = "ended"
            case "message_stop":
                state = "stopped"
        found.append((state, last, count))
    return found


def inserted(answer: Answer) -> Iterator[Mutant]:
    """Each event of the grammar put in where each state of it is met first."""
    events, seen = sent(answer), set()
    for number, (state, last, count) in enumerate(states(events)):
        more = any(name == "content_block_start" for name, _ in events[number:])
        named = f"{state}, blocks to come" if more else state
        if named in seen:
            continue
        seen.add(named)
        for slug, name, data in _insertions(events, last, count):
            aim, equivalent = _judge(state, slug, more=more)
            if not aim and not equivalent:
                continue
            yield Mutant(
                id=f"stream: {slug} when {state if equivalent in ANYWHERE else named}",
                sentence=f"{slug} comes when the stream is {state}",
                exchanges=(with_sent(answer.exchange, [*events[:number], (name, data), *events[number:]]),),
                mode=answer.mode,
                aim=aim,
                equivalent=equivalent,
            )


def _insertions(events: Sent, last: int, count: int) -> list[tuple[str, str, Any]]:
    block, delta, stop = "content_block_start", "content_block_delta", "content_block_stop"
    final = next(data for name, data in events if name == "message_delta")
    text = {"type": "text_delta", "text": "more"}
    call = {"type": "input_json_delta", "partial_json": "}"}
    failure = {"type": "overloaded_error", "message": "Overloaded"}
    return [
        ("a second message_start", "message_start", events[0][1]),
        ("a new block", block, {"type": block, "index": count, "content_block": {"type": "text", "text": ""}}),
        ("a text delta", delta, {"type": delta, "index": last, "delta": text}),
        ("a tool delta", delta, {"type": delta, "index": last, "delta": call}),
        ("a delta of no block", delta, {"type": delta, "index": FOREIGN_INDEX, "delta": text}),
        ("a stop", stop, {"type": stop, "index": last}),
        ("a stop of no block", stop, {"type": stop, "index": FOREIGN_INDEX}),
        ("message_delta", "message_delta", final),
        ("message_stop", "message_stop", {"type": "message_stop"}),
        ("an error", "error", {"type": "error", "error": failure}),
        ("a ping", "ping", {"type": "ping"}),
        ("an unknown event", "novelty", {"type": "novelty", "of": 1}),
    ]


BLOCK = ("stream.index", "stream.one-open", "stream.stop-each")
IN_ANY_STATE: dict[str, tuple[str, ...]] = {
    "a second message_start": ("stream.start-once",),
    "a new block": BLOCK,
    "a text delta": ("stream.delta-open",),
    "a tool delta": ("stream.delta-open",),
    "a delta of no block": ("stream.delta-open",),
    "a stop": ("stream.stop-open",),
    "a stop of no block": ("stream.stop-open",),
    "message_delta": ("stream.message-delta-last",),
    "message_stop": ("stream.stop-last",),
    "an error": ("stream.error-last",),
}


def _judge(state: State, slug: str, *, more: bool) -> tuple[tuple[str, ...], str]:
    """The rules that may kill an insertion, or the reason why none can; neither where it is another answer."""
    if slug == "a ping":
        return (), LENIENT
    if state == "stopped":
        return ("stream.stop-last",), ""
    if slug == "an unknown event":
        return (), UNKNOWN
    if state == "nothing" and slug not in ("a second message_start", "an error"):
        return ("stream.start-first", "stream.stop-last"), ""
    if slug == "message_delta" and not more and not state.startswith("in "):
        return (), AGAIN
    if slug == "a new block" and state == "ended":
        return ("stream.message-delta-last", *BLOCK), ""
    if state.startswith("in "):
        return _inside(state.removeprefix("in "), slug)
    return IN_ANY_STATE[slug], ""


def _inside(block: str, slug: str) -> tuple[tuple[str, ...], str]:
    if slug == "a text delta" and block == "text":
        return (), ""
    if slug == "a tool delta" and block.endswith("tool_use"):
        return ("tools.input-json",), ""
    if slug in ("a text delta", "a tool delta"):
        known = allowed_deltas(block) is not None
        return (("stream.delta-type",), "") if known else ((), UNKNOWN_BLOCK)
    if slug == "a stop":
        return ("stream.delta-open", "stream.stop-open"), ""
    return IN_ANY_STATE[slug], ""

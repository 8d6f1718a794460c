"""Faults in the structure of a stream: blocks, indices, the order of events."""

import json
import re
from collections.abc import Callable, Iterator

from conformance.scripted.faults.fault import Call, Event, FaultGroup, Frame, replace

STREAM = FaultGroup("stream")

_ANSWER = "message_delta"
_MANY = 6
_UNITS = re.compile("[\U00010000-\U0010ffff]")


def _is_delta(event: Event, kind: str = "") -> bool:
    return bool(event["type"] == "content_block_delta" and event["delta"]["type"].startswith(kind))


def _starts(event: Event, kind: str = "") -> bool:
    return bool(event["type"] == "content_block_start" and event["content_block"]["type"].startswith(kind))


def _indices(events: list[Event], kind: str) -> list[int]:
    """The indices of the blocks of a type."""
    return [event["index"] for event in events if _starts(event, kind)]


def _position(events: list[Event], wanted: Callable[[Event], bool], otherwise: int | None = None) -> int:
    return next(
        (at for at, event in enumerate(events) if wanted(event)), len(events) if otherwise is None else otherwise
    )


def _moved(events: list[Event], wanted: Callable[[Event], bool], offset: int) -> list[Event]:
    """The first wanted event, so many places later or earlier."""
    at = _position(events, wanted)
    if at == len(events):
        return events
    rest = events[:at] + events[at + 1 :]
    return [*rest[: at + offset], events[at], *rest[at + offset :]]


def _flat(groups: Iterator[list[Event]]) -> list[Event]:
    return [event for group in groups for event in group]


@STREAM.events("ST01", "thinking_delta inside a block that was started as text", needs="stream thinking")
def thinking_in_text(events: list[Event], _: Call) -> list[Event]:
    text = {"type": "text", "text": ""}
    return [{**event, "content_block": text} if _starts(event, "thinking") else event for event in events]


@STREAM.events("ST02", "message_start is sent twice", needs="stream")
def started_twice(events: list[Event], _: Call) -> list[Event]:
    return [events[0], *events]


@STREAM.events("ST04", "the deltas of a tool_use carry another index than its start", needs="stream tools")
def deltas_elsewhere(events: list[Event], _: Call) -> list[Event]:
    return [{**event, "index": event["index"] + 1} if _is_delta(event, "input_json") else event for event in events]


@STREAM.events("ST06", "a text block is left open while a thinking block starts", needs="stream thinking")
def text_left_open(events: list[Event], _: Call) -> list[Event]:
    thinking, text = _indices(events, "thinking"), _indices(events, "text")
    if not thinking or not text:
        return events
    swapped = {thinking[0]: text[0], text[0]: thinking[0]}
    renumbered = [
        {**event, "index": swapped.get(event["index"], event["index"])} if "index" in event else event
        for event in events
    ]
    start = _position(renumbered, lambda event: _starts(event, "text"))
    return [events[0], renumbered[start], *renumbered[1:start], *renumbered[start + 1 :]]


@STREAM.events("ST07", "a text_delta is sent on an open tool_use block", needs="stream tools")
def text_in_tool(events: list[Event], _: Call) -> list[Event]:
    def with_text(event: Event) -> list[Event]:
        if not _starts(event, "tool_use"):
            return [event]
        delta = {"type": "text_delta", "text": "Calling."}
        return [event, {"type": "content_block_delta", "index": event["index"], "delta": delta}]

    return _flat(with_text(event) for event in events)


@STREAM.events("ST09", "a new content_block_start comes before every token", needs="stream text")
def started_for_each_token(events: list[Event], _: Call) -> list[Event]:
    def restarted(event: Event) -> list[Event]:
        if not _is_delta(event, "text"):
            return [event]
        block = {"type": "text", "text": ""}
        return [{"type": "content_block_start", "index": event["index"], "content_block": block}, event]

    return _flat(restarted(event) for event in events if not _starts(event, "text"))


@STREAM.events("ST11", "a second thinking segment is sent on an index that is closed", needs="stream thinking")
def thinking_after_stop(events: list[Event], _: Call) -> list[Event]:
    deltas = [at for at, event in enumerate(events) if _is_delta(event, "thinking")]
    if not deltas:
        return events
    late = events[deltas[-1]]
    stop = _position(events, lambda event: event["type"] == "content_block_stop")
    return [*events[: deltas[-1]], *events[deltas[-1] + 1 : stop + 1], late, *events[stop + 1 :]]


@STREAM.events("ST12", "a tool_use block never gets its content_block_stop", needs="stream tools")
def tool_never_stopped(events: list[Event], _: Call) -> list[Event]:
    tools = _indices(events, "tool_use")
    return [event for event in events if event["type"] != "content_block_stop" or event["index"] not in tools]


@STREAM.events("ST14", "content_block_stop comes for an index that was never opened", needs="stream")
def stray_stop(events: list[Event], _: Call) -> list[Event]:
    end = _position(events, lambda event: event["type"] == _ANSWER)
    return [*events[:end], {"type": "content_block_stop", "index": 7}, *events[end:]]


@STREAM.events(
    "ST16", "of two calls, fragments of the first are dropped when the second opens", needs="stream parallel"
)
def fragments_dropped(events: list[Event], _: Call) -> list[Event]:
    tools = _indices(events, "tool_use")
    if len(tools) < 2:
        return events
    fragments = [event for event in events if _is_delta(event, "input_json") and event["index"] == tools[0]]
    lost = fragments[-1:]
    return [event for event in events if event not in lost]


@STREAM.events("ST17", "content_block_start is repeated for the same tool, resetting its input", needs="stream tools")
def tool_started_again(events: list[Event], _: Call) -> list[Event]:
    starts = {event["index"]: event for event in events if _starts(event, "tool_use")}

    def restarted(event: Event) -> list[Event]:
        return (
            [event, starts[event["index"]]]
            if _is_delta(event, "input_json") and event["delta"]["partial_json"]
            else [event]
        )

    return _flat(restarted(event) for event in events)


@STREAM.events("ST19", "the tool block is dropped, and stop_reason is still tool_use", needs="stream tools")
def tool_dropped(events: list[Event], _: Call) -> list[Event]:
    tools = _indices(events, "tool_use")
    return [event for event in events if event.get("index") not in tools]


@STREAM.events("ST21", "message_stop arrives without any message_start", needs="stream")
def never_started(events: list[Event], _: Call) -> list[Event]:
    return events[1:]


@STREAM.events("ST22", "the first token of each block is lost", needs="stream text")
def first_token_lost(events: list[Event], _: Call) -> list[Event]:
    seen: set[int] = set()
    kept = []
    for event in events:
        first = (_is_delta(event, "text") or _is_delta(event, "thinking")) and event["index"] not in seen
        if first:
            seen.add(event["index"])
        else:
            kept.append(event)
    return kept


@STREAM.events(
    "ST24", "tool arguments only in content_block_start, without input_json_delta", needs="stream tools arguments"
)
def input_in_start(events: list[Event], _: Call) -> list[Event]:
    inputs = {
        index: "".join(e["delta"]["partial_json"] for e in events if _is_delta(e, "input_json") and e["index"] == index)
        for index in _indices(events, "tool_use")
    }

    def filled(event: Event) -> Event:
        if not _starts(event, "tool_use"):
            return event
        return {
            **event,
            "content_block": {**event["content_block"], "input": json.loads(inputs[event["index"]] or "{}")},
        }

    return [filled(event) for event in events if not _is_delta(event, "input_json")]


@STREAM.events("ST26", "the start of a tool_use lacks input", needs="stream tools")
def start_without_input(events: list[Event], _: Call) -> list[Event]:
    def bare(event: Event) -> Event:
        block = {key: value for key, value in event["content_block"].items() if key != "input"}
        return {**event, "content_block": block}

    return [bare(event) if _starts(event, "tool_use") else event for event in events]


@STREAM.events("ST27", "deltas come before message_start", needs="stream text")
def start_late(events: list[Event], _: Call) -> list[Event]:
    first = _position(events, _is_delta)
    return [*events[1 : first + 1], events[0], *events[first + 1 :]] if first < len(events) else events


@STREAM.events("ST29", "the index restarts at 0 after the first tool_use", needs="stream parallel")
def index_restarts(events: list[Event], _: Call) -> list[Event]:
    tools = _indices(events, "tool_use")
    if not tools:
        return events
    later = tools[0] + 1
    return [
        {**event, "index": event["index"] - later} if event.get("index", -1) >= later else event for event in events
    ]


@STREAM.events("ST31", "content_block_stop comes before the last delta of its block", needs="stream")
def stop_early(events: list[Event], _: Call) -> list[Event]:
    return _moved(events, lambda event: event["type"] == "content_block_stop", -1)


@STREAM.events("ST32", "message_delta comes before the last content_block_stop", needs="stream")
def delta_early(events: list[Event], _: Call) -> list[Event]:
    return _moved(events, lambda event: event["type"] == _ANSWER, -1)


@STREAM.events("ST36", "a tool call and a later text collide on one index", needs="stream tools")
def index_shared(events: list[Event], _: Call) -> list[Event]:
    tools = _indices(events, "tool_use")
    if not tools:
        return events
    index = tools[-1]
    text = [
        {"type": "content_block_start", "index": index, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": "Called."}},
        {"type": "content_block_stop", "index": index},
    ]
    end = _position(events, lambda event: event["type"] == _ANSWER)
    return [*events[:end], *text, *events[end:]]


@STREAM.events("ST37", "the message in message_start lacks type and role", needs="stream")
def start_without_type(events: list[Event], _: Call) -> list[Event]:
    message = {key: value for key, value in events[0]["message"].items() if key not in ("type", "role")}
    return [{**events[0], "message": message}, *events[1:]]


def _in_the_middle(events: list[Event]) -> int | None:
    """Where the middle text_delta of an answer of many stands."""
    deltas = [at for at, event in enumerate(events) if _is_delta(event, "text")]
    return deltas[len(deltas) // 2] if len(deltas) > _MANY else None


@STREAM.events("X-delta-lost", "a text_delta in the middle of an answer is lost", needs="stream text")
def delta_lost(events: list[Event], _: Call) -> list[Event]:
    at = _in_the_middle(events)
    return events if at is None else [*events[:at], *events[at + 1 :]]


@STREAM.events("X-delta-doubled", "a text_delta in the middle of an answer is sent twice", needs="stream text")
def delta_doubled(events: list[Event], _: Call) -> list[Event]:
    at = _in_the_middle(events)
    return events if at is None else [*events[:at], events[at], *events[at:]]


@STREAM.events("X-deltas-swapped", "two text_deltas in the middle of an answer change places", needs="stream text")
def deltas_swapped(events: list[Event], _: Call) -> list[Event]:
    at = _in_the_middle(events)
    return events if at is None else [*events[: at - 1], events[at], events[at - 1], *events[at + 1 :]]


@STREAM.events("X-delta-lines", "a text_delta loses the line breaks at its ends", needs="stream text")
def delta_lines_lost(events: list[Event], _: Call) -> list[Event]:
    def stripped(event: Event) -> Event:
        return {**event, "delta": {**event["delta"], "text": event["delta"]["text"].strip("\n")}}

    return [stripped(event) if _is_delta(event, "text") else event for event in events]


@STREAM.events("X-index-lost", "the deltas of a block do not say its index", needs="stream")
def delta_index_lost(events: list[Event], _: Call) -> list[Event]:
    return [
        {key: value for key, value in event.items() if key != "index"} if _is_delta(event) else event
        for event in events
    ]


@STREAM.frames("X-type-lost", "only the name of an event says its type", needs="stream")
def event_type_lost(frames: list[Frame], _: Call) -> list[Frame]:
    def untyped(frame: Frame) -> Frame:
        data = json.loads(frame.data)
        data.pop("type", None)
        return replace(frame, data=json.dumps(data, ensure_ascii=False))

    return [untyped(frame) for frame in frames]


@STREAM.frames("X-characters-halved", "a character of two UTF-16 units comes in two deltas", needs="stream unicode")
def characters_halved(frames: list[Frame], _: Call) -> list[Frame]:
    return [half for frame in frames for half in _halves(frame)]


def _halves(frame: Frame) -> list[Frame]:
    """A text_delta in the pieces between the two halves of each of its characters beyond U+FFFF."""
    event = json.loads(frame.data)
    text = event.get("delta", {}).get("text", "")
    pieces = _UNITS.sub(lambda found: "\0".join(_units(found[0])), text).split("\0")
    if len(pieces) == 1:
        return [frame]
    said = ({**event, "delta": {**event["delta"], "text": piece}} for piece in pieces)
    return [replace(frame, data=json.dumps(one)) for one in said]


def _units(character: str) -> tuple[str, str]:
    """The two halves of a character's surrogate pair."""
    units = character.encode("utf-16-be", "surrogatepass")
    first, second = (units[at : at + 2].decode("utf-16-be", "surrogatepass") for at in (0, 2))
    return first, second


@STREAM.events("X-start-doubled", "content_block_start comes twice before anything is said", needs="stream")
def block_started_twice(events: list[Event], _: Call) -> list[Event]:
    return _flat([event, event] if _starts(event) else [event] for event in events)


@STREAM.events("X-text-never-stopped", "a text block never gets its content_block_stop", needs="stream text")
def text_never_stopped(events: list[Event], _: Call) -> list[Event]:
    texts = _indices(events, "text")
    return [event for event in events if event["type"] != "content_block_stop" or event["index"] not in texts]


@STREAM.events("X-text-null-first", "the first text_delta of a block has null for its text", needs="stream text")
def text_null_first(events: list[Event], _: Call) -> list[Event]:
    first = {event["index"]: at for at, event in reversed(list(enumerate(events))) if _is_delta(event, "text")}
    bare = {at: {**events[at], "delta": {"type": "text_delta", "text": None}} for at in first.values()}
    return _flat([bare[at], event] if at in bare else [event] for at, event in enumerate(events))


@STREAM.events("X-delta-type-lost", "the deltas of a block do not say their type", needs="stream")
def delta_type_lost(events: list[Event], _: Call) -> list[Event]:
    def untyped(event: Event) -> Event:
        return {**event, "delta": {key: value for key, value in event["delta"].items() if key != "type"}}

    return [untyped(event) if _is_delta(event) else event for event in events]

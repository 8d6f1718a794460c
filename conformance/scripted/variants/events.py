"""Variants of the events for a message: pings, delta sizes, additions of later API versions.

Sources: https://platform.claude.com/docs/en/build-with-claude/streaming, https://platform.claude.com/docs/en/api/versioning
"""

from collections.abc import Callable
from typing import Any

from conformance.scripted.anthropic.rewriting import on_body
from conformance.scripted.variants.variant import Call, Event, Frame, Hooks, Message, VariantGroup, replace

EVENTS = VariantGroup("events")

PING: Event = {"type": "ping"}
MOOD = {"type": "mood", "mood": "calm"}
_TEXT_KEYS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


@EVENTS.events("pings-everywhere", "a ping follows every event after message_start")
def pings_everywhere(events: list[Event], _: Call) -> list[Event]:
    without = [event for event in events if event != PING]
    return [each for event in without[:-1] for each in (event, PING, PING)] + without[-1:]


@EVENTS.events("pings-none", "there is no ping")
def pings_none(events: list[Event], _: Call) -> list[Event]:
    return [event for event in events if event != PING]


@EVENTS.events("unknown-events", "events of an unknown type stand between the known ones")
def unknown_events(events: list[Event], _: Call) -> list[Event]:
    unknown = {"type": "progress", "percent": 50}
    return [each for event in events[:-1] for each in (event, unknown)] + events[-1:]


@EVENTS.events("unknown-deltas", "deltas of an unknown type stand among the known ones", needs="stream")
def unknown_deltas(events: list[Event], _: Call) -> list[Event]:
    def doubled(event: Event) -> list[Event]:
        if event["type"] != "content_block_start":
            return [event]
        return [
            event,
            {"type": "content_block_delta", "index": event["index"], "delta": {"type": "mood_delta", "mood": "calm"}},
        ]

    return [each for event in events for each in doubled(event)]


def _resized(events: list[Event], pieces_of: Callable[[str], list[str]]) -> list[Event]:
    """All deltas of one kind that follow each other, joined and cut anew."""
    resized: list[Event] = []
    joined = ""
    for at, event in enumerate(events):
        key = _TEXT_KEYS.get(event.get("delta", {}).get("type", ""))
        if key is None:
            if event != PING or not joined:
                resized.append(event)
            continue
        joined += event["delta"][key]
        following = next((other for other in events[at + 1 :] if other != PING), {})
        if following.get("delta", {}).get("type") != event["delta"]["type"]:
            resized.extend({**event, "delta": {**event["delta"], key: piece}} for piece in pieces_of(joined))
            joined = ""
    return resized


def _one_delta(events: list[Event], _: Call) -> list[Event]:
    return _resized(events, lambda text: [text] if text else [])


def _at_once(frames: list[Frame], _: Call) -> list[Frame]:
    """A text may come whole where it was ready at once, so it is not paced either."""
    return [replace(frame, at=0.0) for frame in frames]


EVENTS.add("one-delta", "each block comes in one delta, at once", Hooks(events=_one_delta, frames=_at_once), "stream")


@EVENTS.events("one-character", "each delta holds one character")
def one_character(events: list[Event], _: Call) -> list[Event]:
    return _resized(events, list)


@EVENTS.events("empty-deltas", "empty deltas stand among the others")
def empty_deltas(events: list[Event], _: Call) -> list[Event]:
    return _resized(events, lambda text: ["", text[: len(text) // 2], "", text[len(text) // 2 :], ""])


def _last_usage(events: list[Event], change: Callable[[dict[str, Any]], dict[str, Any]]) -> list[Event]:
    return [
        {**event, "usage": change(event["usage"])} if event["type"] == "message_delta" else event for event in events
    ]


@EVENTS.events("usage-output-only", "the last usage has output_tokens only")
def output_only(events: list[Event], _: Call) -> list[Event]:
    return _last_usage(events, lambda usage: {"output_tokens": usage["output_tokens"]})


@EVENTS.events("usage-complete", "the last usage repeats all counters of the first")
def usage_complete(events: list[Event], _: Call) -> list[Event]:
    first = events[0]["message"]["usage"]
    return _last_usage(events, lambda usage: {**first, **usage})


@EVENTS.events("two-message-deltas", "an earlier message_delta comes before the final one")
def two_message_deltas(events: list[Event], _: Call) -> list[Event]:
    at = next((at for at, event in enumerate(events) if event["type"] == "message_delta"), None)
    if at is None:  # an answer that broke off
        return events
    earlier = {
        "type": "message_delta",
        "delta": {"stop_reason": None, "stop_sequence": None},
        "usage": {"output_tokens": events[at]["usage"]["output_tokens"]},
    }
    return [*events[:at], earlier, *events[at:]]


def _unknown_block(message: Message, _: Call) -> Message:
    return {**message, "content": [*message["content"], MOOD]} if message["content"] else message


def _taken_back(body: dict[str, Any]) -> None:
    """A server that sends such a block accepts it in the next turn."""
    for message in body.get("messages") or []:
        if isinstance(message, dict) and isinstance(message.get("content"), list):
            message["content"] = [block for block in message["content"] if block != MOOD]


EVENTS.add(
    "unknown-block",
    "a block of an unknown type ends the content",
    Hooks(request=on_body(_taken_back), message=_unknown_block),
)


@EVENTS.message("text-before-tool", "a text stands before a tool call", needs="tools")
def text_before_tool(message: Message, _: Call) -> Message:
    kinds = [block["type"] for block in message["content"]]
    if "tool_use" not in kinds:
        return message
    at = kinds.index("tool_use")
    text = {"type": "text", "text": "I will call it now.", "citations": None}
    return {**message, "content": [*message["content"][:at], text, *message["content"][at:]]}

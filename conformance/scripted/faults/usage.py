"""Faults in the usage counts of an answer."""

from typing import Any

from conformance.scripted.faults.fault import Call, Event, FaultGroup, Message

USAGE = FaultGroup("usage")

_INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
Usage = dict[str, Any]


def _with_usage(message: Message, **changes: Any) -> Message:
    return {**message, "usage": {**message["usage"], **changes}}


def _start_usage(events: list[Event], **changes: Any) -> list[Event]:
    return [{**events[0], "message": _with_usage(events[0]["message"], **changes)}, *events[1:]]


@USAGE.events("US01", "message_start counts 0 tokens, the true numbers come only at the end", needs="stream")
def start_counts_nothing(events: list[Event], _: Call) -> list[Event]:
    return _start_usage(events, input_tokens=0, output_tokens=0)


@USAGE.message("US02", "input_tokens is missing everywhere")
def input_missing(message: Message, _: Call) -> Message:
    return {**message, "usage": {key: value for key, value in message["usage"].items() if key != "input_tokens"}}


@USAGE.message("US02-zero", "input_tokens is 0 everywhere")
def input_zero(message: Message, _: Call) -> Message:
    return _with_usage(message, input_tokens=0)


@USAGE.message("US04", "input_tokens counts the cached tokens too", needs="caching")
def cached_twice(message: Message, _: Call) -> Message:
    return _with_usage(message, input_tokens=sum(message["usage"][key] for key in _INPUT))


@USAGE.events(
    "US06", "message_start estimates the input otherwise than the end counts it", needs="stream", strength="note"
)
def estimated_at_start(events: list[Event], call: Call) -> list[Event]:
    return _start_usage(events, input_tokens=len(call.body) // 4)


@USAGE.message("US07", "output_tokens is 0 although text was produced")
def output_zero(message: Message, _: Call) -> Message:
    return _with_usage(message, output_tokens=0)


@USAGE.message("US09", "the numbers of usage are strings")
def counted_in_words(message: Message, _: Call) -> Message:
    return _with_usage(message, **{key: str(message["usage"][key]) for key in ("input_tokens", "output_tokens")})


@USAGE.message("US09-null", "the numbers of usage are null")
def counted_as_null(message: Message, _: Call) -> Message:
    return _with_usage(message, input_tokens=None, output_tokens=None)


@USAGE.events("US11", "usage differs between the stream and the JSON answer to the same request", needs="stream")
def stream_counts_otherwise(events: list[Event], _: Call) -> list[Event]:
    def more(usage: Usage) -> Usage:
        return {**usage, "input_tokens": usage["input_tokens"] * 3 + 7}

    started = _start_usage(events, **more(events[0]["message"]["usage"]))
    return [
        {**event, "usage": more(event["usage"])} if event["type"] == "message_delta" else event for event in started
    ]


@USAGE.message("X-output-max-tokens", "output_tokens repeats max_tokens, whatever was said")
def output_at_limit(message: Message, call: Call) -> Message:
    return _with_usage(message, output_tokens=call.document["max_tokens"])


@USAGE.message("X-output-calls", "tool calls are not counted in output_tokens", needs="tools")
def calls_uncounted(message: Message, _: Call) -> Message:
    calls = any(block["type"] == "tool_use" for block in message["content"])
    return _with_usage(message, output_tokens=1) if calls else message


@USAGE.message("X-input-less", "input_tokens is 100 less than it was")
def input_less(message: Message, _: Call) -> Message:
    return _with_usage(message, input_tokens=max(1, message["usage"]["input_tokens"] - 100))


@USAGE.message("X-searches", "server_tool_use counts a search that nobody asked for")
def searches_counted(message: Message, _: Call) -> Message:
    return _with_usage(message, server_tool_use={"web_search_requests": 1, "web_fetch_requests": 0})

"""Faults that real servers have shown: each breaks the law that it is about first, and few others."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from correct_exchanges import (
    BATCH,
    CALL,
    CALL_AGAIN,
    CITED,
    FILE,
    JSON_HEADERS,
    MESSAGES,
    MODEL,
    STREAM_HEADERS,
    TEXT,
    THOUGHT,
    TOOLS,
    asked,
    events_of,
    exchange,
    message,
    refused,
    sse,
    streamed,
    told,
    usage,
)

from conformance.judge.answer import Answer, read
from conformance.judge.rules import examine
from conformance.probe.exchange import Exchange

MAX_FINDINGS = 3
ANOTHER_DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "It is warm."}}
Events = list[dict[str, Any]]


def broken(answer: Answer) -> dict[str, list[str]]:
    """Rule to the kinds of its violations, notes left out, in the order of the registry."""
    readings = [one for one in examine(answer) if one.violations and one.rule.level != "may"]
    return {one.rule.id: [violation.kind for violation in one.violations] for one in readings}


def stream(change: Callable[[Events], Any], name: str = "tool", **more: Any) -> Exchange:
    """The stream of a correct message after a change to its events."""
    request, whole = deepcopy(MESSAGES[name])
    events = events_of(whole)
    change(events)
    return streamed(events, request=request, **more)


def begun_again(events: Events) -> None:
    """The block begins again after its first delta, and once more after the next."""
    for n in (0, 1):
        events.insert(at(events, "content_block_delta", n) + 1, deepcopy(pick(events, "content_block_start")))


def raw(change: Callable[[bytes], bytes], name: str = "text", **more: Any) -> Exchange:
    """The stream of a correct message after a change to its bytes."""
    request, whole = MESSAGES[name]
    return exchange(
        change(sse(events_of(whole))), request=request | {"stream": True}, **({"headers": STREAM_HEADERS} | more)
    )


def at(events: Events, kind: str, number: int = 0) -> int:
    """The position of the nth event of a type."""
    return [position for position, event in enumerate(events) if event["type"] == kind][number]


def pick(events: Events, kind: str, number: int = 0) -> dict[str, Any]:
    return events[at(events, kind, number)]


def text_delta(index: int, text: str = "lost") -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}


def move(events: Events, source: int, target: int) -> None:
    events.insert(target, events.pop(source))


def reindex(events: Events, change: Callable[[dict[str, Any], int], int]) -> None:
    for event in events:
        if "index" in event:
            event["index"] = change(event, event["index"])


def thinking_in_text(events: Events) -> None:
    events.insert(
        at(events, "content_block_delta"),
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "hm"}},
    )


def full_json_each_time(events: Events) -> None:
    sofar = ""
    for event in events:
        if event.get("delta", {}).get("type") == "input_json_delta":
            sofar += event["delta"]["partial_json"]
            event["delta"]["partial_json"] = sofar


def cut_after(kind: str, number: int = 0) -> Callable[[Events], None]:
    def cut(events: Events) -> None:
        del events[at(events, kind, number) + 1 :]

    return cut


def tool_deltas_elsewhere(events: Events) -> None:
    reindex(events, lambda event, index: 0 if event["type"] != "content_block_start" and index == 1 else index)


def set_final(**values: Any) -> Callable[[Events], None]:
    def change(events: Events) -> None:
        pick(events, "message_delta")["delta"] |= values

    return change


def drop_final(key: str) -> Callable[[Events], None]:
    return lambda events: pick(events, "message_delta")["delta"].pop(key)


def set_start(**values: Any) -> Callable[[Events], None]:
    return lambda events: pick(events, "message_start")["message"].update(values)


def signed_at_once(events: Events) -> None:
    pick(events, "content_block_start")["content_block"]["signature"] = "c2lnbmVk"
    del events[next(n for n, one in enumerate(events) if (one.get("delta") or {}).get("type") == "signature_delta")]


def two_reasons(events: Events) -> None:
    other = deepcopy(pick(events, "message_delta"))
    other["delta"]["stop_reason"] = "end_turn"
    events.insert(at(events, "message_delta"), other)


def without(events: Events, kind: str, number: int = 0) -> dict[str, Any]:
    return events.pop(at(events, kind, number))


def wrong_json(body: bytes, **more: Any) -> Exchange:
    return exchange(body, request=asked(), **more)


def change_message(name: str = "text", **values: Any) -> Exchange:
    request, whole = MESSAGES[name]
    return told(whole | values, request=request)


def lose(key: str, name: str = "text") -> Exchange:
    request, whole = MESSAGES[name]
    return told({one: value for one, value in whole.items() if one != key}, request=request)


OPENAI = {"error": {"message": "x", "type": "invalid_request_error", "param": None, "code": None}}
SHORT = b"".join([sse(events_of(message([TEXT])))[:400]])
FAULTS: dict[str, tuple[Exchange, str, str]] = {
    # stream: blocks
    "ST01": (stream(thinking_in_text), "stream.delta-type", "thinking_delta-in-text"),
    "ST02": (stream(lambda e: e.insert(1, deepcopy(e[0]))), "stream.start-once", "repeated"),
    "ST04": (stream(tool_deltas_elsewhere), "stream.delta-open", "closed"),
    "ST06": (
        stream(lambda e: move(e, at(e, "content_block_stop"), at(e, "content_block_stop", 1))),
        "stream.one-open",
        "overlap",
    ),
    "ST07": (
        stream(lambda e: e.insert(at(e, "content_block_stop", 1), text_delta(1))),
        "stream.delta-type",
        "text_delta-in-tool_use",
    ),
    "ST09": (
        stream(
            begun_again,
            "text",
        ),
        "stream.index",
        "replaced",
    ),
    "ST11": (
        stream(lambda e: e.insert(at(e, "content_block_start", 1), text_delta(0))),
        "stream.delta-open",
        "closed",
    ),
    "ST12": (stream(lambda e: without(e, "content_block_stop", 1)), "stream.stop-each", "missing"),
    "ST12 first": (stream(lambda e: without(e, "content_block_stop")), "stream.stop-each", "missing"),
    "ST14": (
        stream(lambda e: e.insert(at(e, "message_delta"), {"type": "content_block_stop", "index": 7})),
        "stream.stop-open",
        "never-opened",
    ),
    "stop twice": (
        stream(lambda e: e.insert(at(e, "message_delta"), {"type": "content_block_stop", "index": 1})),
        "stream.stop-open",
        "closed",
    ),
    "ST17": (
        stream(lambda e: e.insert(at(e, "content_block_start", 1) + 2, deepcopy(pick(e, "content_block_start", 1)))),
        "stream.index",
        "replaced",
    ),
    "started twice before anything is said": (
        stream(lambda e: e.insert(at(e, "content_block_start", 1), deepcopy(pick(e, "content_block_start", 1)))),
        "stream.index",
        "doubled",
    ),
    "ST19": (
        told(message([TEXT], "tool_use"), request=TOOLS),
        "tools.reason-earned",
        "no-tool-use",
    ),
    "ST21": (stream(lambda e: without(e, "message_start"), "text"), "stream.start-first", "other-first"),
    "ST24": (
        stream(lambda e: pick(e, "content_block_start", 1)["content_block"].update(input={"city": "Rome"})),
        "stream.tool-start",
        "not-empty",
    ),
    "input in the start and in deltas": (
        stream(lambda e: pick(e, "content_block_start", 1)["content_block"].update(input={"city": "Paris"})),
        "stream.tool-start",
        "repeated",
    ),
    "ST26": (
        stream(lambda e: pick(e, "content_block_start", 1)["content_block"].pop("input")),
        "stream.tool-start",
        "missing",
    ),
    "ST27": (stream(lambda e: move(e, 0, 3), "text"), "stream.start-first", "late"),
    "ST29": (stream(lambda e: reindex(e, lambda _, i: i % 2), "tools in parallel"), "stream.index", "reused"),
    "index from 1": (stream(lambda e: reindex(e, lambda _, i: i + 1)), "stream.index", "start"),
    "index gap": (stream(lambda e: reindex(e, lambda _, i: 2 * i)), "stream.index", "gap"),
    "index missing": (
        stream(lambda e: [event.pop("index", None) for event in e]),
        "stream.index-integer",
        "missing",
    ),
    "index a string": (
        stream(lambda e: [event.update(index=str(event["index"])) for event in e if "index" in event]),
        "stream.index-integer",
        "type",
    ),
    "ST31": (
        stream(lambda e: move(e, at(e, "content_block_stop", 1), at(e, "content_block_stop", 1) - 1)),
        "stream.delta-open",
        "closed",
    ),
    "ST32": (
        stream(lambda e: move(e, at(e, "message_delta"), at(e, "content_block_stop", 1))),
        "stream.message-delta-last",
        "stop-after",
    ),
    "message_delta before a block": (
        stream(lambda e: move(e, at(e, "message_delta"), at(e, "content_block_start", 1))),
        "stream.message-delta-last",
        "block-after",
    ),
    "ST37": (stream(lambda e: pick(e, "message_start")["message"].pop("type")), "message.type", "missing"),
    "ID04": (stream(set_start(role="model")), "message.role", "other"),
    "text in the start": (
        stream(lambda e: pick(e, "content_block_start")["content_block"].update(text="So: ")),
        "stream.text-start",
        "not-empty",
    ),
    "text in the start and in deltas": (
        stream(lambda e: pick(e, "content_block_start")["content_block"].update(text=TEXT["text"][:5])),
        "stream.text-start",
        "repeated",
    ),
    "text missing in the start": (
        stream(lambda e: pick(e, "content_block_start")["content_block"].pop("text")),
        "stream.text-start",
        "missing",
    ),
    "message_start without message": (
        stream(lambda e: pick(e, "message_start").pop("message"), "text"),
        "stream.start-message",
        "missing",
    ),
    "signature in the start": (
        stream(signed_at_once, "thinking"),
        "stream.thinking-start",
        "signature-not-empty",
    ),
    "no thought between its tags": (
        change_message(content=[{"type": "text", "text": "<think>\n\n</think>\n\nHello"}]),
        "message.no-control-tokens",
        "control-token",
    ),
    "content in the start": (stream(set_start(content=[TEXT])), "stream.start-content", "not-empty"),
    # stream: transport
    "TR01": (
        raw(lambda body: b"\n".join(line for line in body.split(b"\n") if not line.startswith(b"event:"))),
        "stream.event-name",
        "missing",
    ),
    "event name of another": (
        raw(lambda body: body.replace(b"event: message_delta", b"event: message")),
        "stream.event-name",
        "mismatch",
    ),
    "event name that no client reads": (
        raw(lambda body: body.replace(b"event: message_delta", b"event: chunk")),
        "stream.event-name",
        "foreign",
    ),
    "no JSON under a name that no client reads": (
        raw(lambda body: body.replace(b"event: message_delta", b"event: waiting\ndata: soon\n\nevent: message_delta")),
        "stream.data-json",
        "not-json-foreign",
    ),
    "TR02": (raw(lambda body: body + b"data: [DONE]\n\n"), "stream.no-done", "done"),
    "TR02 named": (raw(lambda body: body + b"event: done\ndata: [DONE]\n\n"), "stream.no-done", "done"),
    "half a surrogate pair": (
        raw(lambda body: body.replace(b"Hello", b"Hell\\ud83d")),
        "stream.whole-characters",
        "lone-surrogate",
    ),
    "no UTF-8": (raw(lambda body: body.replace(b"Hello", b"Hell\xe9")), "stream.whole-characters", "not-utf8"),
    "TR06": (told(message([TEXT]), request=asked(stream=True)), "stream.answered", "JSON"),
    "nothing": (exchange(b"", request=asked(stream=True), headers=STREAM_HEADERS), "stream.answered", "an-empty-body"),
    "a page": (exchange(b"<html>", request=asked(stream=True)), "stream.answered", "HTML"),
    "plain words": (
        exchange(b"upstream went away", request=asked(stream=True), headers=STREAM_HEADERS),
        "stream.answered",
        "empty",
    ),
    "TR07": (
        raw(lambda body: body.replace(b"event: ping\n", b": hm\nevent: \n\nevent: ping\n")),
        "stream.event-data",
        "missing",
    ),
    "TR07 empty": (
        raw(lambda body: body.replace(b"event: ping\n", b"data:\n\nevent: ping\n")),
        "stream.event-data",
        "empty",
    ),
    "TR11": (stream(lambda e: None, outcome="unfinished"), "stream.body-ends", "held-open"),
    "TR12": (stream(cut_after("content_block_stop", 1)), "stream.stop", "cut"),
    "cut inside a block": (stream(cut_after("content_block_delta", 4)), "stream.stop", "cut"),
    "cut inside a frame": (raw(lambda body: body[:-90]), "stream.stop", "cut"),
    "cut by the connection": (stream(cut_after("content_block_stop", 1), outcome="cut"), "http.complete", "cut"),
    "no message_stop": (stream(cut_after("message_delta")), "stream.stop", "missing"),
    "message_delta without delta": (
        stream(lambda e: pick(e, "message_delta").pop("delta")),
        "stream.message-delta",
        "missing-delta",
    ),
    "a thought that ends and never began": (
        told(message([{"type": "text", "text": "</think>\n\nHello"}])),
        "message.no-control-tokens",
        "control-token",
    ),
    "no message_delta": (stream(lambda e: without(e, "message_delta")), "stream.message-delta", "missing"),
    "no last blank line": (raw(lambda body: body[:-1]), "stream.blank-line", "missing"),
    "message_stop twice": (stream(lambda e: e.append({"type": "message_stop"})), "stream.stop-last", "repeated"),
    "message_stop early": (
        stream(lambda e: move(e, at(e, "message_stop"), at(e, "message_delta"))),
        "stream.stop-last",
        "event-after",
    ),
    "a delta without a type in the first block": (
        stream(lambda e: pick(e, "content_block_delta")["delta"].pop("type")),
        "stream.delta",
        "type",
    ),
    "a delta without a type behind a whole block": (
        stream(lambda e: pick(e, "content_block_delta", -1)["delta"].pop("type")),
        "stream.delta",
        "type-later",
    ),
    "a delta after message_stop": (
        stream(lambda e: e.append(text_delta(0))),
        "stream.stop-last",
        "event-after",
    ),
    "error after message_stop": (
        stream(lambda e: e.append({"type": "error", "error": {"type": "api_error", "message": "late"}})),
        "stream.stop-last",
        "error-after",
    ),
    "TR14": (
        raw(lambda body: body.replace(b"}\n\nevent: ping\ndata: ", b"}"), "text"),
        "stream.data-json",
        "several",
    ),
    "no JSON in the middle": (
        raw(lambda body: body.replace(b'{"type": "content_block_stop"', b'{type: "content_block_stop"')),
        "stream.data-json",
        "not-json",
    ),
    "TR16": (
        stream(cut_after("content_block_delta", 1), headers=(*STREAM_HEADERS, ("content-length", "700"))),
        "http.content-length",
        "shorter-than-stream",
    ),
    "no type in the data": (
        raw(lambda body: body.replace(b'"type": "content_block_stop", ', b"")),
        "stream.data-type",
        "missing",
    ),
    "a stream of another type": (stream(lambda e: None, headers=JSON_HEADERS), "stream.content-type", "type"),
    # how it ends
    "SR01": (stream(set_final(stop_reason="end_turn")), "tools.reason-given", "tool-call"),
    "SR02": (
        stream(lambda e: without(e, "content_block_delta", 6)),
        "tools.input-json",
        "not-json",
    ),
    "SR04": (stream(set_final(stop_reason=None)), "message.stop-reason", "null"),
    "SR04 json": (change_message(stop_reason=None), "message.stop-reason", "null"),
    "SR06": (
        change_message("stop sequence", content=[{"type": "text", "text": "one HALT"}]),
        "message.stop-sequence-excluded",
        "left-in",
    ),
    "SR07": (
        told(message([{"type": "text", "text": "one HALT two"}]), request=asked(stop_sequences=["HALT"])),
        "message.stop-sequence-excluded",
        "ignored",
    ),
    "SR09": (change_message(stop_reason="stop"), "message.stop-reason", "unknown"),
    "SR11": (stream(set_start(stop_reason="end_turn")), "stream.start-stop", "not-null"),
    "SR12": (stream(lambda e: pick(e, "message_start")["message"].pop("stop_reason")), "stream.start-stop", "missing"),
    "SR14": (stream(two_reasons), "stream.one-stop-reason", "changed"),
    "stop_sequence missing": (lose("stop_sequence"), "message.stop-sequence-present", "missing"),
    "stop_sequence missing in the stream": (
        stream(drop_final("stop_sequence")),
        "message.stop-sequence-present",
        "missing",
    ),
    "stop_sequence of another": (
        change_message("stop sequence", stop_sequence="STOP"),
        "message.stop-sequence-agrees",
        "not-requested",
    ),
    "stop_sequence without a reason": (
        change_message(stop_sequence="STOP"),
        "message.stop-sequence-agrees",
        "without-reason",
    ),
    "stop_sequence as a fall-back": (
        change_message(stop_reason="stop_sequence"),
        "message.stop-sequence-agrees",
        "not-requested",
    ),
    # usage
    "US01": (
        stream(
            lambda e: (
                pick(e, "message_start")["message"]["usage"].update(input_tokens=0, output_tokens=0),
                pick(e, "message_delta")["usage"].update(input_tokens=12),
            )
        ),
        "usage.start-counted",
        "zero",
    ),
    "US02": (change_message(usage=usage(0)), "usage.input-counted", "zero"),
    "US02 missing": (change_message(usage={"output_tokens": 5}), "usage.input-tokens", "missing"),
    "usage missing": (lose("usage"), "usage.object", "missing"),
    "US07": (change_message(usage=usage(12, 0)), "usage.output-counted", "zero"),
    "US09": (change_message(usage=usage("12")), "usage.input-tokens", "type"),  # type: ignore[arg-type]
    "US09 null": (change_message(usage={"input_tokens": 12, "output_tokens": None}), "usage.output-tokens", "null"),
    "US09 float": (change_message(usage=usage(12, 5.0)), "usage.output-tokens", "number"),  # type: ignore[arg-type]
    "over max_tokens": (told(message([TEXT]), request=asked(max_tokens=4)), "usage.within-max-tokens", "more"),
    "shrinking": (
        stream(lambda e: pick(e, "message_start")["message"]["usage"].update(output_tokens=90)),
        "usage.cumulative",
        "shrinks",
    ),
    "max_tokens that were not used": (told(message([TEXT], "max_tokens")), "usage.limit-reached", "not-reached"),
    "more than there is": (change_message(usage=usage(200_000)), "usage.input-possible", "beyond"),
    "more than any window": (change_message(usage=usage(2_000_000)), "usage.input-possible", "beyond-window"),
    # thinking
    "TH01": (stream(lambda e: without(e, "content_block_delta", 3), "thinking"), "thinking.signature", "missing"),
    "TH02": (change_message("thinking", content=[THOUGHT | {"signature": None}, TEXT]), "thinking.signature", "null"),
    "TH04": (
        change_message("thinking", content=[THOUGHT | {"signature": ""}, TEXT]),
        "thinking.signature-filled",
        "empty",
    ),
    "TH07": (
        stream(lambda e: move(e, at(e, "content_block_delta", 3), at(e, "content_block_stop")), "thinking"),
        "stream.delta-open",
        "closed",
    ),
    "TH07 early": (
        stream(lambda e: move(e, at(e, "content_block_delta", 3), at(e, "content_block_delta", 2)), "thinking"),
        "stream.signature-last",
        "thinking-after",
    ),
    "TH09": (
        change_message("thinking", content=[{"type": "text", "text": "<think>hm</think>Hello"}]),
        "message.no-thinking-in-text",
        "tags",
    ),
    # tools
    "TO02": (
        change_message("tools in parallel", content=[CALL, CALL_AGAIN | {"id": CALL["id"]}]),
        "tools.id-unique",
        "repeated",
    ),
    "TO02 over turns": (change_message("tool result", content=[CALL]), "tools.id-fresh", "of-an-earlier-turn"),
    "TO04": (change_message("tool", content=[CALL | {"name": ""}]), "tools.name", "empty"),
    "TO06": (
        stream(lambda e: pick(e, "content_block_delta", 4)["delta"].update(partial_json={"city": "Paris"})),
        "stream.delta-payload",
        "type",
    ),
    "a piece of an input that is null": (
        stream(lambda e: pick(e, "content_block_delta", 4)["delta"].update(partial_json=None)),
        "stream.delta-payload",
        "null-later",
    ),
    "TO07": (
        stream(lambda e: pick(e, "content_block_delta", 6)["delta"].update(partial_json='s"}}')),
        "tools.input-json",
        "not-json",
    ),
    "TO09": (stream(full_json_each_time), "tools.input-json", "not-json"),
    "TO11": (
        told(
            message([{"type": "text", "text": '{"name": "get_weather", "arguments": {"city": "Rome"}}'}]), request=TOOLS
        ),
        "tools.not-as-text",
        "printed",
    ),
    "TO16": (change_message("one tool", content=[CALL, CALL_AGAIN]), "tools.parallel-obeyed", "several"),
    "input a string": (change_message("tool", content=[CALL | {"input": "{}"}]), "tools.input", "type"),
    "undeclared": (change_message("one tool", content=[CALL | {"name": "rm"}]), "tools.name-declared", "undeclared"),
    "called with none": (
        change_message("no tool", content=[CALL], stop_reason="tool_use"),
        "tools.none-obeyed",
        "called",
    ),
    # messages
    "content null": (change_message(content=None), "message.content", "null"),
    "content a string": (change_message(content="Hello"), "message.content", "type"),
    "ID07": (change_message(content=[{"type": "text", "text": None}]), "message.text", "null"),
    "another API": (wrong_json(b'{"object":"chat.completion","choices":[]}'), "message.object", "not-a-message"),
    "HTML": (wrong_json(b"<html></html>"), "message.object", "not-json"),
    "a stream unasked": (exchange(SHORT, request=asked(), headers=STREAM_HEADERS), "message.object", "not-json"),
    "plain text": (wrong_json(json.dumps(message([TEXT])).encode(), headers=()), "http.content-type-json", "missing"),
    # errors
    "ER01": (told(OPENAI, status=400), "error.envelope", "openai"),
    "ER02": (refused(404, "NotFoundError"), "error.type", "unknown"),
    "ER04": (told({"detail": [{"loc": ["body"]}]}, status=400), "error.envelope", "detail"),
    "ER04 422": (told({"detail": []}, status=422), "error.envelope", "detail"),
    "ER09": (refused(500, "api_error", "Error code: 400 - Bad Request"), "error.inner-status", "wrapped"),
    "ER17": (
        refused(500, "api_error", 'Traceback (most recent call last):\n  File "/app/main.py", line 3'),
        "error.message-clean",
        "innards",
    ),
    "ER19": (
        exchange(b"404 page not found", status=404, headers=(*JSON_HEADERS[1:], ("content-type", "text/plain"))),
        "error.envelope",
        "not-json",
    ),
    "error in a 200": (
        told({"type": "error", "error": {"type": "api_error", "message": "x"}}),
        "error.in-success",
        "error-in-success",
    ),
    "wrong type for the status": (refused(400, "api_error"), "error.type-fits-status", "of-400"),
    "no sentence": (refused(400, "invalid_request_error", ""), "error.message", "empty"),
    "ER16": (
        streamed([{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}]),
        "error.before-stream",
        "error-first",
    ),
    "after an error": (
        stream(lambda e: e.insert(4, {"type": "error", "error": {"type": "api_error", "message": "x"}})),
        "stream.error-last",
        "event-after",
    ),
    "retry-after": (
        refused(429, "rate_limit_error", headers=(*JSON_HEADERS, ("retry-after", "soon"))),
        "http.retry-after",
        "format",
    ),
    # other endpoints
    "CT02": (told({"input_tokens": 0}, path="/v1/messages/count_tokens"), "count.counted", "zero"),
    "CT06": (told({"tokens": 3}, path="/v1/messages/count_tokens"), "count.input-tokens", "missing"),
    "CT09": (told(message([TEXT]), path="/v1/messages/count_tokens"), "count.input-tokens", "missing"),
    "ID09": (
        told(
            {"object": "list", "data": [{"id": "m", "object": "model"}]}, path="/v1/models", method="GET", request=b""
        ),
        "models.list",
        "missing",
    ),
    "created_at a number": (
        told(MODEL | {"created_at": 1}, path="/v1/models/m", method="GET", request=b""),
        "models.info",
        "type",
    ),
    "a citation of what stands elsewhere": (
        told(message([CITED]), request=asked(messages=[{"role": "user", "content": [ANOTHER_DOCUMENT]}])),
        "message.citations-in-place",
        "elsewhere",
    ),
    "citations twice": (
        stream(
            lambda e: e[at(e, "content_block_start")]["content_block"].update(citations=CITED["citations"]), "cited"
        ),
        "stream.citations-once",
        "twice",
    ),
    "a batch result without usage": (
        exchange(
            json.dumps(
                {"custom_id": "a", "result": {"type": "succeeded", "message": message([TEXT], usage=None)}}
            ).encode(),
            path="/v1/messages/batches/msgbatch_01/results",
            method="GET",
        ),
        "usage.object",
        "",
    ),
    "a batch that ended before it began": (
        told(
            BATCH
            | {
                "processing_status": "ended",
                "request_counts": BATCH["request_counts"] | {"processing": 0},
                "ended_at": "2025-12-31T00:00:00Z",
                "results_url": "https://x/results",
            },
            path="/v1/messages/batches/msgbatch_01",
            method="GET",
            request=b"",
        ),
        "batches.consistent",
        "before-created",
    ),
    "a file created at a number": (
        told(FILE | {"created_at": 1}, path="/v1/files/file_01", method="GET", request=b""),
        "files.file",
        "type",
    ),
}


@pytest.mark.parametrize(("exchange", "law", "kind"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_breaks_its_own_law_first_and_few_others(exchange: Exchange, law: str, kind: str) -> None:
    found = broken(read(exchange, "json"))
    assert next(iter(found), "") == law
    assert sum(map(len, found.values())) <= MAX_FINDINGS
    if kind:
        assert kind in found[law]


@pytest.mark.parametrize("name", ["waiting", "content_block_delta"])
def test_an_event_that_is_no_json_hides_the_answer_only_under_a_name_that_clients_read(name: str) -> None:
    torn = raw(
        lambda body: body.replace(
            b"event: message_delta", f"event: {name}\ndata: soon\n\nevent: message_delta".encode()
        )
    )
    read_by_clients = name != "waiting"
    assert (read(torn, "stream").stream_result.lost is not None) == read_by_clients

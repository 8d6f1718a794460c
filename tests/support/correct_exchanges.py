"""Correct exchanges, written by hand from the documents: nothing may be held against any of them."""

import json
from typing import Any

from msgspec.structs import replace

from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.words import Mode

Event = dict[str, Any]

JSON_HEADERS = (("content-type", "application/json"), ("request-id", "req_011CSHoEeqs5C35K2UUqR7Fy"))
STREAM_HEADERS = (("content-type", "text/event-stream; charset=utf-8"), ("request-id", "req_018EeWyXxfu5pfWkrYcMdjWG"))
WEATHER = {
    "name": "get_weather",
    "description": "Weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CLOCK = {
    "name": "clock",
    "strict": True,
    "input_schema": {"type": "object", "properties": {}, "additionalProperties": False},
}


def asked(**more: Any) -> dict[str, Any]:
    """A request's body."""
    return {"model": "m", "max_tokens": 256, "messages": [{"role": "user", "content": "Hello"}]} | more


def exchange(
    body: bytes,
    *,
    request: dict[str, Any] | bytes | None = None,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = JSON_HEADERS,
    path: str = "/v1/messages",
    method: str = "POST",
    chunks: tuple[Chunk, ...] | None = None,
    **more: Any,
) -> Exchange:
    """An exchange whose answer is these bytes."""
    sent = request if isinstance(request, bytes) else b"" if request is None else json.dumps(request).encode()
    arrived = (Chunk(0.02, body),) if chunks is None else chunks
    values: dict[str, Any] = {"outcome": "complete", "first_byte": 0.01, "finished": 0.03} | more
    return Exchange(
        request=Request(method, "http://127.0.0.1:1/base" + path + "?beta=true", (), sent),
        status=status,
        headers=headers,
        chunks=arrived,
        **values,
    )


def told(message: Any, **more: Any) -> Exchange:
    """An exchange answered with JSON."""
    request = more.pop("request", asked())
    return exchange(json.dumps(message).encode(), request=request, **more)


def sse(events: list[Event]) -> bytes:
    """Events as a stream."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def streamed(events: list[Event], **more: Any) -> Exchange:
    """An exchange answered with a stream."""
    request = more.pop("request", asked()) | {"stream": True}
    return exchange(sse(events), request=request, **({"headers": STREAM_HEADERS} | more))


def usage(input_tokens: int = 12, output_tokens: int = 5, **more: Any) -> dict[str, Any]:
    return {"input_tokens": input_tokens, "output_tokens": output_tokens} | more


def message(content: list[Any], stop_reason: str | None = "end_turn", **more: Any) -> dict[str, Any]:
    """A message in full."""
    return {
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage(),
    } | more


TEXT = {"type": "text", "text": "Hello there, world!"}
CALL = {"type": "tool_use", "id": "toolu_01A", "name": "get_weather", "input": {"city": "Paris"}}
CALL_AGAIN = {"type": "tool_use", "id": "toolu_01B", "name": "get_weather", "input": {"city": "Rome"}}
BARE_CALL = {"type": "tool_use", "id": "toolu_01C", "name": "clock", "input": {}}
THOUGHT = {"type": "thinking", "thinking": "Let me see about it.", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}
REDACTED = {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"}
WEB_SEARCH = {"type": "web_search_20250305", "name": "web_search"}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_01", "name": "web_search", "input": {"query": "weather"}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_01",
    "content": [{"type": "web_search_result", "url": "https://example.org", "title": "T", "encrypted_content": "E"}],
}
CITED = {
    "type": "text",
    "text": "It is warm.",
    "citations": [
        {"type": "char_location", "cited_text": "warm", "document_index": 0, "start_char_index": 0, "end_char_index": 4}
    ],
}

DOCUMENT = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": "warm it is"},
    "citations": {"enabled": True},
}


def deltas_of(block: dict[str, Any]) -> tuple[dict[str, Any], list[Event]]:
    """How a stream brings a block: its start, and its deltas in several pieces."""
    match block["type"]:
        case "text":
            pieces = [{"type": "citations_delta", "citation": one} for one in block.get("citations") or []]
            pieces += [{"type": "text_delta", "text": one} for one in _pieces(block["text"])]
            extras = {key: value for key, value in block.items() if key != "citations"}
            return extras | {"text": ""}, pieces
        case "thinking":
            thoughts = [{"type": "thinking_delta", "thinking": one} for one in _pieces(block["thinking"])]
            signed = {"type": "signature_delta", "signature": block["signature"]}
            return {"type": "thinking", "thinking": "", "signature": ""}, [*thoughts, signed]
        case "tool_use" | "server_tool_use":
            given = json.dumps(block["input"]) if block["input"] else ""
            parts = ["", *_pieces(given)]
            return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": one} for one in parts]
    return block, []


def _pieces(text: str) -> list[str]:
    size = max(1, -(-len(text) // 3))
    return [text[start : start + size] for start in range(0, len(text), size)]


def events_of(whole: dict[str, Any]) -> list[Event]:
    """The stream that accumulates to a message."""
    started = whole | {
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": whole["usage"] | {"output_tokens": 1},
    }
    if "stop_details" in whole:
        started["stop_details"] = None
    events: list[Event] = [{"type": "message_start", "message": started}, {"type": "ping"}]
    for index, block in enumerate(whole["content"]):
        start, deltas = deltas_of(block)
        events.append({"type": "content_block_start", "index": index, "content_block": start})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    final = {key: whole[key] for key in ("stop_reason", "stop_sequence", "stop_details", "container") if key in whole}
    counted = {"output_tokens": whole["usage"]["output_tokens"]}
    return [*events, {"type": "message_delta", "delta": final, "usage": counted}, {"type": "message_stop"}]


TOOLS = asked(tools=[WEATHER, CLOCK])
CACHE = {
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 0,
    "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 0},
    "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
    "service_tier": "standard",
    "output_tokens_details": {"thinking_tokens": 2},
}
REFUSAL = {"type": "refusal", "category": "cyber", "explanation": None}

MESSAGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "text": (asked(), message([TEXT])),
    "nothing to say": (asked(), message([])),
    "one empty text": (asked(), message([{"type": "text", "text": ""}], usage=usage(output_tokens=2))),
    "unicode": (asked(), message([{"type": "text", "text": "naïve 👩‍👩‍👧 Straße \u2028 日本語"}])),
    "stop sequence": (asked(stop_sequences=["HALT"]), message([TEXT], "stop_sequence", stop_sequence="HALT")),
    "stop sequence at once": (
        asked(stop_sequences=["HALT"]),
        message([], "stop_sequence", stop_sequence="HALT", usage=usage(output_tokens=0)),
    ),
    "cut": (asked(max_tokens=5), message([TEXT], "max_tokens")),
    "tool": (TOOLS, message([TEXT, CALL], "tool_use")),
    "tool with a foreign id": (TOOLS, message([CALL | {"id": "call_abc.1:2"}], "tool_use", id="chatcmpl-1")),
    "tools in parallel": (TOOLS, message([CALL, CALL_AGAIN, BARE_CALL], "tool_use")),
    "one tool": (
        asked(tools=[WEATHER], tool_choice={"type": "any", "disable_parallel_tool_use": True}),
        message([CALL], "tool_use"),
    ),
    "no tool": (asked(tools=[WEATHER], tool_choice={"type": "none"}), message([TEXT])),
    "thinking": (asked(thinking={"type": "adaptive"}), message([THOUGHT, TEXT])),
    "thinking between tools": (
        TOOLS,
        message([THOUGHT, CALL, THOUGHT | {"signature": "Eother"}, CALL_AGAIN], "tool_use"),
    ),
    "thinking disabled": (asked(thinking={"type": "disabled"}), message([TEXT])),
    "thinking omitted": (asked(thinking={"type": "adaptive"}), message([THOUGHT | {"thinking": ""}, REDACTED, TEXT])),
    "cited": (
        asked(messages=[{"role": "user", "content": [DOCUMENT, {"type": "text", "text": "Well?"}]}]),
        message([CITED]),
    ),
    "server tool": (asked(tools=[WEB_SEARCH]), message([SEARCH, FOUND, CITED, TEXT])),
    "refusal": (asked(), message([], "refusal", stop_details=REFUSAL, usage=usage(output_tokens=0))),
    "every key": (asked(), message([TEXT], usage=usage() | CACHE, stop_details=None, container=None, diagnostics=None)),
    "unknown things": (
        asked(),
        message([TEXT | {"mood": 1}, {"type": "hologram", "rays": []}], novelty={}, usage=usage(novelty=1)),
    ),
    "a call of an earlier turn, told": (
        asked(
            tools=[WEATHER],
            messages=[
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": [CALL]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01A", "content": "warm"}]},
            ],
        ),
        message([{"type": "text", "text": '{"name":"get_weather","arguments":"{\\"city\\":\\"Paris\\"}"}'}]),
    ),
    "a tool's definition, told": (
        TOOLS,
        message([{"type": "text", "text": '{"name":"get_weather","description":"Weather of a city"}'}]),
    ),
    "tool result": (
        TOOLS
        | {
            "messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": [CALL]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01A", "content": "warm"}]},
            ]
        },
        message([CALL_AGAIN], "tool_use"),
    ),
}
"""Request and message of answers that are right, each in both modes."""


def refused(status: int, kind: str, sentence: str = "max_tokens: Field required", **more: Any) -> Exchange:
    """A refusal in the API's envelope."""
    body = {"type": "error", "error": {"type": kind, "message": sentence}, "request_id": JSON_HEADERS[1][1]}
    return told(body, status=status, **more)


MODEL = {"type": "model", "id": "m", "display_name": "M", "created_at": "2026-01-01T00:00:00Z"}
BATCH: dict[str, Any] = {
    "id": "msgbatch_01",
    "type": "message_batch",
    "processing_status": "in_progress",
    "request_counts": {"processing": 1, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
    "created_at": "2026-01-01T00:00:00.123+00:00",
    "expires_at": "2026-01-02T00:00:00Z",
    "ended_at": None,
    "results_url": None,
}
FILE = {
    "id": "file_01",
    "type": "file",
    "filename": "a.pdf",
    "mime_type": "application/pdf",
    "size_bytes": 12,
    "created_at": "2026-01-01T00:00:00Z",
    "downloadable": False,
    "expires_at": None,
}


def _with_header(answered: Exchange, header: tuple[str, str]) -> Exchange:
    return replace(answered, request=replace(answered.request, headers=(header,)))


def _others() -> dict[str, Exchange]:
    limits = (
        ("anthropic-ratelimit-requests-limit", "50"),
        ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:00Z"),
    )
    listed = {"data": [MODEL], "has_more": False, "first_id": "m", "last_id": "m"}
    counted = {"path": "/v1/messages/count_tokens", "request": asked()}
    errors = [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (405, "invalid_request_error"),
        (413, "request_too_large"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ]
    found = {
        f"refusal {status}": refused(
            status,
            kind,
            headers=(*JSON_HEADERS, ("retry-after", "7"), ("allow", "POST")),
        )
        for status, kind in errors
    }
    return found | {
        "count": told({"input_tokens": 14}, **counted),
        "models": told(listed, path="/v1/models", method="GET", request=b"", headers=(*JSON_HEADERS, *limits)),
        "no models": told(
            {"data": [], "has_more": False, "first_id": None, "last_id": None},
            path="/v1/models",
            method="GET",
            request=b"",
        ),
        "model": told(MODEL, path="/v1/models/m%2Fx", method="GET", request=b""),
        "batch": told(BATCH, path="/v1/messages/batches", request={"requests": []}),
        "batches": told(
            {"data": [BATCH], "has_more": False, "first_id": "msgbatch_01", "last_id": "msgbatch_01"},
            path="/v1/messages/batches",
            method="GET",
            request=b"",
        ),
        "head": exchange(b"", method="HEAD", path="/", headers=()),
        "refusal with details": told(
            {
                "type": "error",
                "error": {"type": "invalid_request_error", "message": "no", "details": {"error_code": "file_expired"}},
            },
            status=400,
        ),
        "full model": told(
            MODEL
            | {
                "max_input_tokens": 200000,
                "max_tokens": 64000,
                "capabilities": {},
                "lifecycle": "active",
                "line": None,
            },
            path="/v1/models/m",
            method="GET",
            request=b"",
        ),
        "ended batch": told(
            BATCH
            | {
                "processing_status": "ended",
                "request_counts": {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 0, "expired": 0},
                "ended_at": "2026-01-01T01:00:00Z",
                "results_url": "https://x/results",
            },
            path="/v1/messages/batches/msgbatch_01",
            method="GET",
            request=b"",
        ),
        "results of a batch": exchange(
            json.dumps({"custom_id": "a", "result": {"type": "succeeded", "message": message([TEXT])}}).encode()
            + b'\n{"custom_id": "b", "result": {"type": "canceled"}}\n',
            path="/v1/messages/batches/msgbatch_01/results",
            method="GET",
            headers=(("content-type", "application/x-jsonl"), *JSON_HEADERS[1:]),
        ),
        "file": told(FILE, path="/v1/files/file_01", method="GET", request=b""),
        "files": told({"data": [FILE], "next_page": None}, path="/v1/files", method="GET", request=b""),
        "cumulative usage": streamed(
            [
                *events_of(message([TEXT]))[:-2],
                {
                    "type": "message_delta",
                    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                    "usage": usage() | {"cache_read_input_tokens": 0, "cache_creation_input_tokens": None},
                },
                {"type": "message_stop"},
            ]
        ),
        "address quoted": refused(
            404, "not_found_error", "nothing at '/opt/api/v1/messages'", path="/opt/api/v1/messages"
        ),
        "header quoted": _with_header(
            refused(400, "invalid_request_error", 'anthropic-version: unknown "/srv/app/version"'),
            ("anthropic-version", "/srv/app/version"),
        ),
        "edge 413": exchange(b"", status=413, request=asked()),
    }


def correct() -> dict[str, tuple[Exchange, Mode]]:
    """Every correct exchange by its name, with its mode."""
    every: dict[str, tuple[Exchange, Mode]] = {}
    for name, (request, whole) in MESSAGES.items():
        every[f"{name}, json"] = (told(whole, request=request), "json")
        every[f"{name}, stream"] = (streamed(events_of(whole), request=request), "stream")
    for name, other in _others().items():
        every[name] = (other, "json")
    return every

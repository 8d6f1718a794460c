"""Requests that between them show every fault and variant, and what can be told of an answer apart from its ids."""

import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from reference_client import ECHO, asking

from conformance.scripted.anthropic.identity import sign

IMAGE = {
    "type": "image",
    "source": {
        "type": "base64",
        "media_type": "image/png",
        "data": "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP8z4AdMOEQH6QSAM1BAQ/oQeJvAAAAAElFTkSuQmCC",
    },
}
SECRET = "Reply with only the secret word."
DOCUMENT: dict[str, Any] = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": "The secret word is fig."},
}
_FILE = Path(__file__).parents[2] / "cases" / "fixtures" / "documents" / "secret.pdf"
PDF = {
    "type": "document",
    "source": {
        "type": "base64",
        "media_type": "application/pdf",
        "data": base64.b64encode(_FILE.read_bytes()).decode(),
    },
}
LONGER_DOCUMENT = {
    "type": "document",
    "source": {"type": "text", "media_type": "text/plain", "data": "A start. The secret word is fig."},
}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a", "is_error": True}
CALL: dict[str, Any] = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "toolu_1", "name": "echo", "input": {"text": "a"}}],
}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
MANY = asking("Count from 1 to 20.")
REPEAT = "Reply with only the text of the last tool result."
VALUES = {
    "file_path": " a < b\\c\n",
    "code": "007",
    "since": "2026-01-31",
    "done": True,
    "number": 2**53 + 1,
    "tags": [],
    "cursor": None,
    "text": "a" * 1_100,
}
LONG_THOUGHT = asking(tools=[ECHO], thinking={"type": "enabled", "budget_tokens": 4096})
"""More thinking than `max_tokens` allows, unless it is interleaved."""


def turn(*content: Any, **fields: Any) -> dict[str, Any]:
    return asking(messages=[{"role": "user", "content": list(content)}], **fields)


def after_call(result: dict[str, Any], question: str) -> dict[str, Any]:
    answer = {"role": "user", "content": [result, {"type": "text", "text": question}]}
    return asking(messages=[{"role": "user", "content": "hello"}, CALL, answer], tools=[ECHO])


def after_calls(*results: str) -> dict[str, Any]:
    """A question about the last of several results in one turn."""
    ids = [f"toolu_{number}" for number in range(len(results))]
    calls = [{"type": "tool_use", "id": name, "name": "echo", "input": {"text": "a"}} for name in ids]
    said = [
        {"type": "tool_result", "tool_use_id": name, "content": text} for name, text in zip(ids, results, strict=True)
    ]
    turns = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": calls},
        {"role": "user", "content": [*said, {"type": "text", "text": REPEAT}]},
    ]
    return asking(messages=turns, tools=[ECHO])


TEXT = {"type": "text", "text": SECRET}
LONG = "word " * 1100
MARK: dict[str, Any] = {"cache_control": {"type": "ephemeral"}}
THINKING = {"thinking": {"type": "adaptive"}}
STOPPED = "Reply with exactly: a-HALT b HALT\nHALT c"
FORMAT = {"format": {"type": "json_schema", "schema": SCHEMA}}
TELLING = [{**ECHO, "description": "The secret word is fig."}]


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def after_turn(question: str = "hello", **fields: Any) -> dict[str, Any]:
    return asking(messages=[said("user", "hello"), said("assistant", "hi"), said("user", question)], **fields)


def tools_named(*names: str) -> list[dict[str, Any]]:
    return [{**ECHO, "name": name} for name in names]


CACHED: dict[str, dict[str, Any]] = {
    "cached": asking(system=[{"type": "text", "text": LONG, **MARK}]),
    "cached at the top level": asking(messages=[said("user", LONG)], **MARK),
    "cached result": asking(
        messages=[said("user", "hello"), CALL, said("user", [{**RESULT, "content": LONG, **MARK}])], tools=[ECHO]
    ),
    "cached document": turn({**DOCUMENT, "source": {**DOCUMENT["source"], "data": LONG}, **MARK}, TEXT),
}
"""Those that read the prompt cache once they have been sent before."""
BESIDE: dict[str, dict[str, Any]] = {
    "stopped with tools": asking(STOPPED, stop_sequences=["HALT"], tools=[ECHO]),
    "stopped after a thought": asking(STOPPED, stop_sequences=["HALT"], **THINKING),
    "stopped in a later turn": after_turn(STOPPED, stop_sequences=["HALT"]),
    "stopped by the fifth": asking(STOPPED, stop_sequences=["1", "2", "3", "4", "HALT"]),
    "stopped at a space": asking(STOPPED, stop_sequences=[" HALT"]),
    "stopped at a line": asking(STOPPED, stop_sequences=["\nHALT"]),
    "system in a later turn": after_turn(SECRET, system="The secret word is fig."),
    "system and thinking": asking(SECRET, system="The secret word is fig.", **THINKING),
    "long system": asking(SECRET, system=LONG * 2 + "The secret word is fig."),
    "system outside ASCII": asking(SECRET, system="The secret word is Grüße."),
    "two system messages": asking(
        messages=[
            said("user", "The secret word is fern."),
            said("system", "The secret word is fig."),
            said("assistant", "hi"),
            said("user", SECRET),
            said("system", "Hm."),
        ]
    ),
    "tools and an image": turn(IMAGE, TEXT, tools=TELLING),
    "tools after a result": after_call(RESULT, SECRET) | {"tools": TELLING},
    "tools and a system message": asking(messages=[said("user", SECRET), said("system", "Hm.")], tools=TELLING),
    "many tools": asking(
        tools=tools_named(*(f"tool_{number}" for number in range(70))), tool_choice={"type": "tool", "name": "tool_69"}
    ),
    "described property": asking(
        tools=[{"name": "echo", "input_schema": {"type": "object", "properties": {"a": {"description": "a b c"}}}}]
    ),
    "schema in a later turn": after_turn(output_config=FORMAT),
    "schema and effort": asking(output_config={**FORMAT, "effort": "high"}),
    "schema and system": asking(output_config=FORMAT, system="Hm."),
    "long conversation": asking(
        messages=[said("user", "The secret word is fig."), *[said("assistant", "hi"), said("user", SECRET)] * 40]
    ),
    "two texts of the assistant": asking(
        messages=[
            said("user", "hello"),
            said("assistant", [{"type": "text", "text": "The secret word is fig."}, {"type": "text", "text": "hi"}]),
            said("user", SECRET),
        ]
    ),
    "two turns of the assistant": asking(
        messages=[
            said("user", "hello"),
            said("assistant", "The secret word is fig."),
            said("assistant", "hi"),
            said("user", SECRET),
        ]
    ),
    "titled document": turn({**DOCUMENT, "title": "The secret word is fern."}, TEXT),
    "image in a document": turn(
        {"type": "document", "source": {"type": "content", "content": [IMAGE]}},
        {"type": "text", "text": "Reply with only the colours of the images, in order."},
    ),
    "a ttl after a shorter one": asking(
        system=[
            {"type": "text", "text": "a", **MARK},
            {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        ]
    ),
    "cut thought": asking("Think in 90 words, then reply with exactly: done", max_tokens=50, **THINKING),
}
"""A field beside another, or in a place that few requests have."""


def replayed_call(**parts: Any) -> dict[str, Any]:
    """A request whose earlier call has other parts, or lacks those that are `...`."""
    call = {name: value for name, value in (CALL["content"][0] | parts).items() if value is not ...}
    return asking(
        messages=[
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [RESULT]},
        ]
    )


def replayed_thought(thought: dict[str, Any]) -> dict[str, Any]:
    return asking(
        messages=[
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": [thought, {"type": "text", "text": "a"}]},
            {"role": "user", "content": "hello"},
        ]
    )


SPECIMENS = msgspec.yaml.decode((_FILE.parents[1] / "fidelity" / "specimens.yaml").read_bytes(), type=dict[str, Any])
SPECIMEN_TEXT = " | ".join(specimen["text"] for specimen in SPECIMENS.values() if "text" in specimen)
SPECIMEN_VALUES = {kind: specimen["value"] for kind, specimen in SPECIMENS.items() if "value" in specimen}
TO_THE_LETTER = {
    "every text": asking(f"Reply with exactly: {SPECIMEN_TEXT}"),
    "every text in a result": after_call({**RESULT, "content": SPECIMEN_TEXT}, REPEAT),
    "a text that is JSON": asking(f"Reply with exactly: {SPECIMENS['json']['whole']}"),
    "a result that is JSON": after_call({**RESULT, "content": SPECIMENS["json"]["whole"]}, REPEAT),
    "every value that a schema allows": asking(
        "hello",
        tools=[
            {
                "name": "record",
                "input_schema": {
                    "type": "object",
                    "properties": {kind: {"enum": [value]} for kind, value in SPECIMEN_VALUES.items()},
                    "required": list(SPECIMEN_VALUES),
                },
            }
        ],
        tool_choice={"type": "any"},
    ),
    "every value": asking(
        f"Call the tool record with this input: {json.dumps(SPECIMEN_VALUES)}",
        tools=[{"name": "record", "input_schema": {"type": "object"}}],
    ),
}


MESSAGES: dict[str, dict[str, Any]] = {
    "text": asking("Reply with exactly: Grüße, 世界 and seven more words"),
    "thinking": asking("Think in 12 words, then reply with exactly: done", thinking={"type": "adaptive"}),
    "tool": asking('Call the tool echo with this input: {"text": "Grüße"}', tools=[ECHO]),
    "tools": asking('Call these tools in one turn: echo {"text": "a"}; echo {"text": "b"}', tools=[ECHO]),
    "one tool": asking(
        'Call these tools in one turn: echo {"text": "a"}; echo {"text": "b"}',
        tools=[ECHO],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
    ),
    "forced": asking(tools=[ECHO], tool_choice={"type": "tool", "name": "echo"}),
    "stopped": asking("Reply with exactly: a HALT b", stop_sequences=["HALT"]),
    "cut call": asking('Call the tool echo with this input: {"text": "a b c d"}', tools=[ECHO], max_tokens=2),
    "system array": asking(
        SECRET, system=[{"type": "text", "text": "Hm."}, {"type": "text", "text": "The secret word is fig."}]
    ),
    "system message": asking(
        messages=[{"role": "user", "content": SECRET}, {"role": "system", "content": "The secret word is fig."}]
    ),
    "image": turn(IMAGE, {"type": "text", "text": "Reply with only the colours of the images, in order."}),
    "document": turn(DOCUMENT, TEXT),
    "cited": turn({**LONGER_DOCUMENT, "title": "t", "citations": {"enabled": True}}, TEXT),
    "search result": turn(
        {
            "type": "search_result",
            "source": "s",
            "title": "The secret word is fern.",
            "content": [{"type": "text", "text": "Hm."}],
        },
        TEXT,
    ),
    "schema": asking("hello", output_config=FORMAT),
    "error result": after_call(RESULT, 'Reply with only "error" if the last tool result is an error, otherwise "ok".'),
    "array result": after_call({**RESULT, "content": [{"type": "text", "text": "a"}]}, "Reply with exactly: fig"),
    "forty numbers": asking("Count from 1 to 40."),
    "long word": asking(f"Reply with exactly: {'a' * 2_100}"),
    "signs": asking("Reply with exactly: 🧑\u200d🚀 \ufb01n a\u2028b <|x|> <c>\n\n```sh\nls\n```\nend"),
    "values": asking(
        f"Call the tool echo with this input: {json.dumps(VALUES)}",
        tools=[{**ECHO, "input_schema": {"type": "object"}}],
    ),
    "three tools": asking(
        'Call these tools in one turn: echo {"text": "a"}; echo {"text": "b"}; echo {"text": "c"}', tools=[ECHO]
    ),
    "signs result": after_call({**RESULT, "content": "  Grüße 🦊\r\n\n<a>  cafe\u0301"}, REPEAT),
    "json result": after_call({**RESULT, "content": '{"a":1,  "b":2}'}, REPEAT),
    "long result": after_call({**RESULT, "content": "a" * 8_100}, REPEAT),
    "two blocks": after_call({**RESULT, "content": [{"type": "text", "text": text} for text in ("a", "b")]}, REPEAT),
    "error array": after_call(
        {**RESULT, "content": [{"type": "text", "text": "a"}]},
        'Reply with only "error" if the last tool result is an error, otherwise "ok".',
    ),
    "three results": after_calls("a", "b", "c"),
    "images result": after_call(
        {**RESULT, "content": [IMAGE, IMAGE]}, "Reply with only the colours of the images, in order."
    ),
    "long document": turn(
        {**DOCUMENT, "source": {**DOCUMENT["source"], "data": "a" * 8_100 + " The secret word is fig."}}, TEXT
    ),
    "prefill": asking(
        messages=[{"role": "user", "content": "Reply with exactly: a fig"}, {"role": "assistant", "content": "a"}]
    ),
    "replayed thinking": asking(
        messages=[
            {"role": "user", "content": "hello"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": sign("hm")},
                    {"type": "text", "text": "a"},
                ],
            },
            {"role": "user", "content": "hello"},
        ]
    ),
    "user id": asking(metadata={"user_id": "somebody"}),
    "sampling": asking(temperature=7),
    "late field": asking(context_management={"edits": []}),
    "no max_tokens": asking(max_tokens=...),
    "negative max_tokens": asking(max_tokens=-1),
    "no messages": asking(messages=[]),
    "unknown role": asking(messages=[{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}]),
    "unknown model": asking(model="nobody"),
    "boolean as number": asking(max_tokens=True),
    "number beyond numbers": asking(max_tokens=10**30),
    "fraction": asking(top_k=0.5),
    "number as text": asking(tools=[{**ECHO, "description": 5}]),
    "input in a string": asking(
        messages=[
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": [{**CALL["content"][0], "input": '{"text": "a"}'}]},
            {"role": "user", "content": [RESULT]},
        ]
    ),
    "call without id": replayed_call(id=...),
    "call without name": replayed_call(name=...),
    "call without input": replayed_call(input=...),
    "result without id": after_call({**RESULT, "tool_use_id": ""}, "hello"),
    "unknown block in a result": after_call({**RESULT, "content": [{"type": "hologram"}]}, "hello"),
    "text beside the image of a result": after_call(
        {**RESULT, "content": [{"type": "text", "text": "The secret word is fig."}, IMAGE]},
        "Reply with only the secret word.",
    ),
    "image of a result by its address": after_call(
        {**RESULT, "content": [{"type": "image", "source": {"type": "url", "url": "http://127.0.0.1:1/"}}]}, "hello"
    ),
    "thought without its text": replayed_thought({"type": "thinking", "signature": "c2lnbmVk"}),
    "foreign thought": replayed_thought({"type": "thinking", "thinking": "hm", "signature": "c2lnbmVk"}),
    "unknown display": asking(thinking={"type": "adaptive", "display": "sideways"}),
    "document without source": turn({"type": "document"}, TEXT),
    "a default": asking(metadata={}),
    "null": asking(system=None),
    "the smallest top_k": asking(top_k=1),
    "a long title": turn({**DOCUMENT, "title": "a" * 501}, TEXT),
    "result without array": after_call({**RESULT, "content": {"type": "text", "text": "a"}}, "hello"),
    "flag in a string": after_call({**RESULT, "is_error": "true"}, "hello"),
    "unknown key": asking(metadata={"colour": "red"}),
    "nul": asking("a\0b\nReply with exactly: fig"),
    **TO_THE_LETTER,
    **CACHED,
    **BESIDE,
}
COUNT: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "a b"}], "system": "c d e"}
COUNT_CALL = {
    "model": "scripted",
    "tools": [ECHO],
    "messages": [{"role": "user", "content": "a"}, CALL, {"role": "user", "content": [RESULT]}],
}
BETAS = {"anthropic-beta": "claude-code-20250219,effort-2025-11-24"}
BODY = json.dumps(asking()).encode()
JSON = {"content-type": "application/json"}
BAD_BODIES = (
    BODY[:-1] + b",}",
    BODY + b" xx",
    BODY[:-1] + b', "temperature": NaN}',
    BODY.replace(b"hello", b"\xff"),
    BODY.replace(b"hello", b"\\ud83d"),
    BODY.replace(b"hello", b"h\\u0065llo"),
    BODY.replace(b'"Reply with exactly: hello"', b"[" * 200 + b"]" * 200),
    BODY[:-1] + b', "stream": 0}',
    gzip.compress(BODY),
)
OTHERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/v1/messages", {"content": b"{"}),
    *(("POST", "/v1/messages", {"content": body, "headers": JSON}) for body in BAD_BODIES),
    ("POST", "/v1/messages?beta=true", {"json": asking()}),
    ("POST", "/v1/messages", {"json": asking(), "headers": BETAS}),
    ("POST", "/v1/messages", {"json": LONG_THOUGHT, "headers": {"anthropic-beta": "interleaved-thinking-2025-05-14"}}),
    ("POST", "/v1/messages", {"json": asking(), "headers": {"authorization": "Bearer any"}}),
    ("POST", "/v1/messages", {"json": asking(), "headers": {"x-api-key": "any"}}),
    ("POST", "/v1/messages/count_tokens", {"json": COUNT}),
    ("POST", "/v1/messages/count_tokens", {"json": {**COUNT, "model": "nobody"}}),
    ("POST", "/v1/messages/count_tokens", {"json": {**COUNT, "messages": [*COUNT["messages"], *COUNT["messages"]]}}),
    ("POST", "/v1/messages/count_tokens", {"json": COUNT_CALL}),
    ("POST", "/v1/messages/count_tokens", {"json": {**COUNT, "tools": [{**ECHO, "input_schema": {"type": "string"}}]}}),
    ("POST", "/v1/messages/count_tokens", {"json": {**COUNT, "stop_sequences": ["a"]}}),
    ("POST", "/v1/messages/count_tokens", {"json": {**COUNT, "messages": [{"role": "user", "content": [PDF]}]}}),
    ("GET", "/v1/messages", {}),
    ("GET", "/v1/models?limit=1", {}),
    ("GET", "/v1/models?beta=true", {}),
    ("GET", "/v1/models", {"headers": {"anthropic-version": "2026-10-21"}}),
    ("GET", "/v1/models?limit=0", {}),
    ("GET", "/v1/models?lifecycle[]=retired", {}),
    ("GET", "/v1/models?before_id=scripted-small", {}),
    ("GET", "/v1/models/scripted-small", {}),
    ("GET", "/v1/messages/batches", {}),
    ("GET", "/v1/files", {}),
    ("HEAD", "/", {}),
    ("POST", "/v1/messages", {"json": asking("word " * 220_000)}),
)

_ID = re.compile(r"\b(?:msg|toolu|toolu_cut|call|req|file|msgbatch)_01\w{22}\b")
_SIGNATURE = re.compile(r'"signature":\s*"[A-Za-z0-9+/]{64}"')
_CHANGING = ("date", "request-id", "anthropic-ratelimit-requests-reset")


def probes(wanted: set[str] | None = None) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and what else to send; every message both ways."""
    messages = [body for name, body in MESSAGES.items() if wanted is None or name in wanted]
    asked = [{**body, "stream": stream} for body in messages for stream in (True, False)]
    return [*(("POST", "/v1/messages", {"json": body}) for body in asked), *(OTHERS if wanted is None else ())]


def seen(client: httpx2.Client, base: str, probe: tuple[str, str, dict[str, Any]]) -> tuple[Any, ...]:
    """What a client sees of an answer, ids and signatures replaced by their order."""
    method, path, sent = probe
    body = bytearray()
    status: Any = None
    headers: Any = None
    try:
        with client.stream(method, base + path, **sent) as answer:
            status = answer.status_code
            headers = [(name, value) for name, value in answer.headers.raw if name.decode().lower() not in _CHANGING]
            for chunk in answer.iter_bytes():
                body += chunk
    except httpx2.HTTPError as error:
        return status, headers, masked(body.decode("utf-8", "replace")), type(error).__name__
    return status, headers, masked(body.decode("utf-8", "replace")), ""


def masked(text: str) -> str:
    known: dict[str, str] = {}
    text = _ID.sub(lambda match: known.setdefault(match[0], f"id{len(known)}"), text)
    return _SIGNATURE.sub('"signature":"signed"', text)

"""The official SDK on the stand: what it accepts, rejects and misreads of recorded bytes."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from conformance.judge import witness
from conformance.judge.answer import read
from conformance.probe.exchange import Chunk, Exchange, Outcome, Request
from conformance.words import Mode

USAGE = {"input_tokens": 3, "output_tokens": 5}
MESSAGE: dict[str, Any] = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
    "content": [
        {"type": "thinking", "thinking": "well", "signature": "sig"},
        {"type": "text", "text": "häl\u2028lo"},
        {"type": "tool_use", "id": "t1", "name": "echo", "input": {"a": [1, None]}},
    ],
    "stop_reason": "tool_use", "stop_sequence": None, "usage": USAGE,
}  # fmt: skip
EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "well"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "sig"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "häl\u2028lo"}},
    {"type": "content_block_stop", "index": 1},
    {"type": "content_block_start", "index": 2,
     "content_block": {"type": "tool_use", "id": "t1", "name": "echo", "input": {}}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": '{"a": [1,'}},
    {"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": " null]}"}},
    {"type": "content_block_stop", "index": 2},
    {"type": "message_delta", "usage": {"output_tokens": 5},
     "delta": {"stop_reason": "tool_use", "stop_sequence": None}},
    {"type": "message_stop"},
]  # fmt: skip


def recorded(*data: bytes, status: int = 200, outcome: Outcome = "complete", **sent: Any) -> Exchange:
    request = Request("POST", "http://h/v1/messages", (), json.dumps({"messages": [], **sent}).encode())
    chunks = tuple(Chunk(number / 100, piece) for number, piece in enumerate(data))
    headers = (("content-type", "application/json"), ("content-encoding", "gzip"), ("content-length", "9999"))
    return Exchange(request=request, outcome=outcome, status=status, headers=headers, chunks=chunks, detail="it broke")


def wire(events: list[dict[str, Any]], newline: str = "\n") -> bytes:
    lines = (f"event: {event['type']}{newline}data: {json.dumps(event)}{newline}{newline}" for event in events)
    return "".join(lines).encode()


def streamed(*pieces: bytes, outcome: Outcome = "complete") -> Exchange:
    return recorded(*pieces, outcome=outcome, stream=True)


def heard(exchange: Exchange) -> witness.Testimony:
    testimony = witness.testify(read(exchange, "stream" if b'"stream": true' in exchange.request.body else "json"))
    assert testimony is not None
    return testimony


def changed(number: int, **changes: Any) -> list[dict[str, Any]]:
    events = list(EVENTS)
    events[number] = {**events[number], **changes}
    return events


def test_a_correct_message_is_accepted() -> None:
    assert heard(recorded(json.dumps(MESSAGE).encode())) == witness.Testimony("accepts")


@pytest.mark.parametrize(
    "stream",
    [
        [wire(EVENTS)],
        [wire(EVENTS, "\r\n")],
        [bytes([byte]) for byte in wire(EVENTS)],
        [b": hello\n\n", wire([EVENTS[0], {"type": "ping"}, *EVENTS[1:]])],
        [wire([*EVENTS[:12], {"type": "surprise", "x": 1}, *EVENTS[12:]])],
    ],
)
def test_a_correct_stream_is_accepted(stream: list[bytes]) -> None:
    assert heard(streamed(*stream)) == witness.Testimony("accepts")


def test_a_stream_that_stays_open_is_accepted() -> None:
    assert heard(streamed(wire(EVENTS), outcome="unfinished")) == witness.Testimony("accepts")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 529])
@pytest.mark.parametrize("mode", ["json", "stream"])
def test_a_refusal_is_accepted_by_raising(status: int, mode: Mode) -> None:
    body = b'{"type":"error","error":{"type":"x_error","message":"no"}}'
    testimony = heard(recorded(body, status=status, stream=mode == "stream"))
    assert testimony.verdict == "accepts"
    assert "Error" in testimony.detail


def test_an_error_event_is_accepted_by_raising() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
    assert heard(streamed(wire([*EVENTS[:4], error]))).verdict == "accepts"


@pytest.mark.parametrize(
    "broken",
    [
        recorded(b"not JSON"),
        recorded(b""),
        recorded(b'{"cut', outcome="cut"),
        streamed(b""),
        streamed(json.dumps(MESSAGE).encode()),
        streamed(wire(EVENTS).replace(b"event: ", b"x: ")),
        streamed(wire(EVENTS[1:])),
        streamed(wire(EVENTS) + b"event: done\ndata: [DONE]\n\n"),
        streamed(wire(EVENTS[:6]), outcome="cut"),
        streamed(wire(changed(2, index=5))),
    ],
)
def test_what_it_cannot_read_is_rejected(broken: Exchange) -> None:
    testimony = heard(broken)
    assert testimony.verdict == "rejects"
    assert testimony.detail
    assert "\n" not in testimony.detail


@pytest.mark.parametrize(
    ("misread", "at"),
    [
        (
            streamed(wire(changed(10, delta={"type": "input_json_delta", "partial_json": " null]} and more"}))),
            "content/2",
        ),
        (streamed(wire(EVENTS[:10] + EVENTS[11:])), "content/2"),
    ],
)
def test_what_it_takes_for_something_else_is_misread(misread: Exchange, at: str) -> None:
    testimony = heard(misread)
    assert testimony.verdict == "misreads"
    assert testimony.detail.startswith(at)


def test_other_answers_are_not_shown() -> None:
    count = Request("POST", "http://h/v1/messages/count_tokens", ())
    assert (
        witness.testify(
            read(Exchange(request=count, outcome="complete", status=200, chunks=(Chunk(0.0, b"{}"),)), "json")
        )
        is None
    )
    unanswered = Request("POST", "http://h/v1/messages", ())
    assert witness.testify(read(Exchange(request=unanswered, outcome="reset"), "json")) is None
    assert witness.testify(read(recorded(b"", status=307), "json")) is None


def test_the_environment_is_neither_read_nor_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-foreign: foreign")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-foreign")
    client = witness._Stand()._client
    says = repr((client.api_key, client.auth_token, client.base_url, client.default_headers))
    assert "witness" in says
    assert "foreign" not in says
    assert os.environ["ANTHROPIC_API_KEY"] == "sk-foreign"


def test_the_sdk_is_imported_only_when_it_is_heard() -> None:
    program = "import sys, conformance.judge.witness; sys.exit('anthropic' in sys.modules or 'httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

"""The official SDK on the stand: what it accepts, rejects and misreads of recorded bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conformance.catalog.case import Case
from conformance.engine import sdk_process
from conformance.engine.question import Attempt, Question, Record
from conformance.engine.scheduler import Deadline
from conformance.engine.sdk_process import ENDED, SdkProcess
from conformance.engine.testimony import Testimonies
from conformance.judge import witness
from conformance.judge.answer import read
from conformance.judge.observe import Observed, Reply
from conformance.keys import KNOWN
from conformance.probe import replay
from conformance.probe.asking import LONGEST_TRACE
from conformance.probe.exchange import Chunk, Exchange, Outcome, Request
from conformance.probe.vendor import SdkCall
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


# In a process of its own

BENT = """
import os, signal, sys, time
if "conformance.engine.sdk_process" in sys.orig_argv:
    if os.environ.get("ENDS_AT_ONCE"):
        os._exit(3)
    from conformance.judge import witness
    honest = witness.testify
    def testify(answer):
        if b"msg_aborts" in answer.exchange.body:
            os.abort()
        if b"msg_hangs" in answer.exchange.body:
            time.sleep(1000)
        if b"msg_stops" in answer.exchange.body:
            os.kill(os.getpid(), signal.SIGSTOP)
        if b"msg_fails" in answer.exchange.body:
            raise RecursionError("on purpose")
        return honest(answer)
    witness.testify = testify
"""
"""What a start of Python runs first: in the SDK's process, some answers end it, hold it up, or meet a fault of ours."""


def record(**exchanges: Exchange) -> Record:
    """A record of these answers, by the names of their evidence."""
    replies = tuple(
        Reply(name, read(exchange, "stream" if b'"stream": true' in exchange.request.body else "json"), name)
        for name, exchange in exchanges.items()
    )
    question = Question(Case(id="any", surface="any", title="any"), "json")
    return Record(question=question, attempts=(Attempt(1, "any", replies, Observed("shown")),))


def named(name: str) -> Exchange:
    return recorded(json.dumps({**MESSAGE, "id": f"msg_{name}"}).encode())


@pytest.fixture
def bent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text(BENT)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_its_process_hears_what_is_heard_here() -> None:
    exchanges = {
        "message": named("1"),
        "stream": streamed(wire(EVENTS)),
        "cut": streamed(wire(EVENTS[:7]), outcome="cut"),
        "misread": streamed(wire(changed(2, delta={"type": "other_delta", "other": "well"}))),
        "no JSON": recorded(b"oops"),
        "refused": recorded(json.dumps({"type": "error", "error": {"type": "a", "message": "b"}}).encode(), status=400),
    }
    with SdkProcess(Deadline(None)) as process:
        process.show(record(**exchanges))
        said = process.testimonies(record(**exchanges))
    assert said.each == {name: heard(exchange) for name, exchange in exchanges.items()}
    assert said.worst == "rejects"
    assert not said.failures
    assert not said.unshown


def test_what_is_not_shown_to_it_is_said() -> None:
    large = recorded(b"[" + b"1," * witness.LARGEST)
    many = recorded(b"[" + b"1," * witness.MOST_VALUES + b"1]")
    with SdkProcess(Deadline(None)) as process:
        said = process.testimonies(record(large=large, many=many, abandoned=recorded(b"{}", outcome="abandoned")))
    assert said.each == {}
    assert set(said.unshown) == {"large", "many"}
    assert all("too large" in why for why in said.unshown.values())


@pytest.mark.usefixtures("bent")
def test_an_answer_that_ends_its_process_costs_that_answer() -> None:
    answers = {name: named(name) for name in ("first", "aborts", "last")}
    with SdkProcess(Deadline(None)) as process:
        said = process.testimonies(record(**answers))
    assert said.unshown == {"aborts": "not read by the SDK: its process ended (signal 6)"}
    assert {name: one.verdict for name, one in said.each.items()} == {"first": "accepts", "last": "accepts"}


@pytest.mark.usefixtures("bent")
def test_a_fault_of_ours_in_its_process_is_a_failure() -> None:
    with SdkProcess(Deadline(None)) as process:
        said = process.testimonies(record(fails=named("fails"), good=named("good")))
    assert "RecursionError: on purpose" in said.failures["fails"]
    assert set(said.each) == {"good"}


@pytest.mark.usefixtures("bent")
def test_a_process_that_ends_again_and_again_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDS_AT_ONCE", "1")
    names = [f"answer {number}" for number in range(9)]
    with SdkProcess(Deadline(None)) as process:
        said = process.testimonies(record(**{name: named(name) for name in names[:8]}))
        later = process.testimonies(record(**{names[8]: named(names[8])}))
    assert list(said.unshown) == names[:8]
    assert said.unshown[names[0]] == "not read by the SDK: its process ended (exit code 3)"
    assert said.unshown[names[7]] == later.unshown[names[8]] == f"not read by the SDK: {ENDED}"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed


@pytest.mark.usefixtures("bent")
def test_an_answer_that_holds_it_up_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(sdk_process, "time", clock)
    with SdkProcess(Deadline(None), longest=60) as process:
        assert process.testimonies(record(first=named("first"))).worst == "accepts"
        held_up = record(hangs=named("hangs"))
        process.show(held_up)
        clock.passed = 100
        assert process.testimonies(held_up).unshown == {"hangs": "not read by the SDK: it took longer than 60 s"}
        assert process.testimonies(record(last=named("last"))).worst == "accepts"


@pytest.mark.usefixtures("bent")
def test_nobody_waits_for_it_when_the_budget_is_spent() -> None:
    with SdkProcess(Deadline(-10.0)) as process:
        said: Testimonies = process.testimonies(record(hangs=named("hangs")))
    assert said.unshown == {"hangs": "not shown to the SDK: budget spent"}


@pytest.mark.usefixtures("bent")
@pytest.mark.parametrize("how", ["hangs", "stops"])
def test_it_is_waited_for_until_the_budget_is_spent_and_no_longer(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that the system had stopped held up the end of a run by some seconds."""
    monkeypatch.setattr(sdk_process, "HEEDED", 1000)
    deadline = Deadline(3.0)
    with SdkProcess(deadline) as process:
        said = process.testimonies(record(first=named(how)))
        assert deadline.passed
        assert not deadline.is_past(300), "somebody slept over the end of the budget"
    assert said.unshown == {"first": "not shown to the SDK: budget spent"}


def test_no_part_of_a_key_stands_in_what_it_says_of_a_failure_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a long traceback is kept: what a cut left of a key, nobody would find any more."""
    secret = "sk-canary-9fJ2kQ7xLmZ0-secret"

    def fails(_: SdkCall) -> None:
        raise RecursionError(secret + "x" * (LONGEST_TRACE - len(secret) // 2))

    monkeypatch.setattr(replay, "replayed", fails)
    call = SdkCall(path="/v1/messages", body={}, base_url="http://h", secret=secret, bearer=False, asynchronous=False)
    try:
        said = sdk_process.said_to(call)
    finally:
        KNOWN.forget()
    assert isinstance(said, sdk_process.Failed)
    assert secret[-10:] not in said.trace

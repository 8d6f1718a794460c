"""A case asked whole: its steps, copies, nonce and premises; over HTTP, through the official SDK, two at a time.

Large answers are read one after the other; nobody waits for the reading of one that nobody waits for.
"""

import asyncio
import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from misbehaving import Behaviour, Peer, answers, hurried, sends, serving
from msgspec.structs import replace

from conformance.catalog.case import Ask, Case, Step
from conformance.probe.aside import LARGE, Aside, in_turn, out_of_turn
from conformance.probe.asking import Asked, Bind, Proceed, ask_case
from conformance.probe.client import Client
from conformance.probe.exchange import Exchange
from conformance.probe.pace import CERTAIN, NOTICED, SERIAL, Pace, pace_of
from conformance.probe.recording import Limits
from conformance.probe.trouble import Patience
from conformance.targets.target import Target
from conformance.words import Mode

LIMITS = Limits(connect=60.0)
KEY = "sk-canary-key-1"
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1},
}  # fmt: skip
BODY = {"max_tokens": 9, "messages": [{"role": "user", "content": "{nonce}"}]}
ONE = Case(id="a.b", title="t", surface="s", ask=Ask(body=BODY))


def ask(
    case: Case, *behaviours: Behaviour, mode: Mode = "json", proceed: Proceed | None = None
) -> tuple[Asked, list[Any]]:
    """What was answered, and the bodies that the server received."""

    async def run() -> tuple[Asked, list[Any]]:
        async with serving(*behaviours) as server, Client(limits=LIMITS, keys=[KEY]) as client:
            target = Target(name="t", base_url=server.url, model="m", key=KEY)
            asked = await ask_case(case, target, mode, 1, client, Patience(4), proceed=proceed)
            return asked, [json.loads(request.partition(b"\r\n\r\n")[2] or b"null") for request in server.requests]

    return hurried(run())


def message(text: bytes = b"") -> Behaviour:
    return answers(text or json.dumps(MESSAGE).encode(), "200 OK", "content-type: application/json")


def step(name: str, content: str, **given: Any) -> Step:
    return Step(name=name, ask=Ask(body={"max_tokens": 9, "messages": [{"role": "user", "content": content}]}), **given)


def reads(_step: Step, _mode: Mode, exchange: Exchange, _bind: Bind) -> Mapping[str, Any]:
    return {"message": json.loads(exchange.body)}


def test_a_case_of_one_request() -> None:
    asked, bodies = ask(ONE, message())
    assert (asked.case, asked.mode, asked.attempt, asked.trouble, asked.stopped) == ("a.b", "json", 1, "", "")
    assert [(answer.step, answer.copy, answer.exchange.outcome) for answer in asked.answers] == [("", 0, "complete")]
    messages = [{"role": "user", "content": asked.nonce}]
    assert bodies == [{"model": "m", "max_tokens": 9, "messages": messages, "stream": False}]


def test_every_attempt_has_a_nonce_of_its_own() -> None:
    assert ask(ONE, message())[0].nonce != ask(ONE, message())[0].nonce


def test_steps_share_the_nonce_and_use_what_was_answered() -> None:
    steps = [step("first", "{nonce}"), step("second", "{nonce} {steps.first.message.id}")]
    asked, bodies = ask(replace(ONE, steps=steps), message(), proceed=reads)
    assert [answer.step for answer in asked.answers] == ["first", "second"]
    contents = [body["messages"][0]["content"] for body in bodies]
    assert contents == [asked.nonce, f"{asked.nonce} msg_1"]


def test_a_premise_that_fails_ends_the_conversation() -> None:
    steps = [step("first", "1"), step("second", "2"), step("third", "3")]
    case = replace(ONE, steps=steps)

    def until_second(current: Step, mode: Mode, exchange: Exchange, bind: Bind) -> Mapping[str, Any] | None:
        return None if current.name == "second" else reads(current, mode, exchange, bind)

    asked, bodies = ask(case, message(), proceed=until_second)
    assert ([answer.step for answer in asked.answers], asked.stopped, len(bodies)) == (["first", "second"], "second", 2)


def test_what_an_answer_lacks_ends_the_conversation() -> None:
    steps = [step("first", "1"), step("second", "{steps.first.message.nothing}")]
    asked, bodies = ask(replace(ONE, steps=steps), message(), proceed=reads)
    assert asked.stopped == "the answer of step first has no message.nothing"
    assert len(bodies) == 1


def test_a_step_that_has_no_stream_is_asked_for_json() -> None:
    steps = [step("first", "1", modes=["json"]), step("second", "2")]
    asked, bodies = ask(replace(ONE, steps=steps), message(), mode="stream", proceed=reads)
    assert [answer.mode for answer in asked.answers] == ["json", "stream"]
    assert [body["stream"] for body in bodies] == [False, True]


def test_copies_are_in_flight_together() -> None:
    async def run() -> Asked:
        together = asyncio.Barrier(3)

        async def waits(peer: Peer) -> None:
            await peer.request()
            await together.wait()
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

        async with serving(waits) as server, Client(limits=LIMITS) as client:
            target = Target(name="t", base_url=server.url, model="m")
            return await ask_case(replace(ONE, concurrent=3), target, "json", 1, client, Patience(3))

    asked = hurried(run())
    assert [(answer.copy, answer.exchange.outcome) for answer in asked.answers] == [(n, "complete") for n in range(3)]


def test_no_more_cases_than_slots_are_in_flight() -> None:
    async def run() -> int:
        running = most = 0

        async def counts(peer: Peer) -> None:
            nonlocal running, most
            while True:
                await peer.request()
                running += 1
                most = max(most, running)
                await asyncio.sleep(0.01)
                running -= 1
                await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

        async with serving(counts) as server, Client(limits=LIMITS) as client:
            target, patience = Target(name="t", base_url=server.url, model="m"), Patience(3)
            await asyncio.gather(*(ask_case(ONE, target, "json", n, client, patience) for n in range(9)))
            return most

    assert hurried(run()) == 3


def test_trouble_ends_a_case() -> None:
    limited = answers(b"{}", "429 Too Many Requests", "retry-after: 999")
    asked, bodies = ask(replace(ONE, steps=[step("first", "1"), step("second", "2")]), limited, proceed=reads)
    assert asked.trouble.startswith("rate limited")
    assert ([answer.step for answer in asked.answers], len(bodies)) == (["first"], 1)


def test_a_limit_that_the_case_waits_for_is_its_answer() -> None:
    limited = answers(b"{}", "429 Too Many Requests", "retry-after: 999")
    asked, _ = ask(replace(ONE, waits_for=[429]), limited)
    assert (asked.trouble, asked.answers[0].exchange.status) == ("", 429)


EVENTS: list[dict[str, Any]] = [
    {"type": "message_start", "message": {**MESSAGE, "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
    {"type": "message_stop"},
]
STREAM = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in EVENTS).encode()


@pytest.fixture
def foreign_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user of the vendor's SDK may have set, and we must not use."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-foreign")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "foreign-token")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-foreign: foreign")


@pytest.mark.usefixtures("foreign_settings")
@pytest.mark.parametrize("transport", ["sdk", "sdk-async"])
@pytest.mark.parametrize("mode", ["json", "stream"])
def test_the_sdk_asks_and_its_wire_is_recorded(transport: Any, mode: Mode) -> None:
    answer = STREAM if mode == "stream" else json.dumps(MESSAGE).encode()
    kind = "text/event-stream" if mode == "stream" else "application/json"
    odd = {**BODY, "not_in_the_sdk": 1}
    case = replace(ONE, transport=transport, ask=Ask(body=odd))
    asked, bodies = ask(case, answers(answer, "200 OK", f"content-type: {kind}"), mode=mode)
    exchange = asked.answers[0].exchange
    assert (exchange.outcome, exchange.body, exchange.notes) == ("complete", answer, ())
    assert bodies[0]["messages"] == [{"role": "user", "content": asked.nonce}]
    assert (bodies[0]["not_in_the_sdk"], bodies[0].get("stream", False)) == (1, mode == "stream")
    sent = repr(exchange.request)
    assert "Anthropic/Python" in sent
    assert "foreign" not in sent
    assert "canary" not in sent


@pytest.mark.parametrize("transport", ["sdk", "sdk-async"])
@pytest.mark.parametrize(
    ("answer", "outcome", "raised"),
    [
        (answers(b"oops", "500 Internal Server Error"), "complete", "InternalServerError"),
        (answers(b"not JSON", "200 OK", "content-type: application/json"), "complete", "JSONDecodeError"),
    ],
)
def test_what_the_sdk_raises_is_noted(transport: Any, answer: Behaviour, outcome: str, raised: str) -> None:
    asked, bodies = ask(replace(ONE, transport=transport), answer)
    exchange = asked.answers[0].exchange
    assert (exchange.outcome, len(bodies)) == (outcome, 1)
    assert raised in exchange.notes[0]


@pytest.mark.parametrize("transport", ["sdk", "sdk-async"])
def test_a_connection_that_breaks_under_the_sdk_is_an_outcome(transport: Any) -> None:
    async def resets(peer: Peer) -> None:
        await peer.request()
        peer.reset()

    asked, _ = ask(replace(ONE, transport=transport), resets)
    assert asked.answers[0].exchange.outcome == "reset"


@pytest.mark.parametrize("transport", ["sdk", "sdk-async"])
@pytest.mark.parametrize("mode", ["json", "stream"])
def test_a_connection_that_is_closed_in_the_middle_is_an_answer_that_the_sdk_complains_about(
    transport: Any, mode: Mode
) -> None:
    kind = "text/event-stream" if mode == "stream" else "application/json"
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    cut = sends(head, b"8\r\nevent: m\r\n")
    asked, _ = ask(replace(ONE, transport=transport), cut, cut, mode=mode)
    exchange = asked.answers[0].exchange
    assert exchange.outcome == "cut"
    assert any(note.startswith("the SDK raised") for note in exchange.notes)


ANSWER = CERTAIN + 0.1
"""Seconds for which one look is enough."""


def server(width: int, seconds: float, status: str = "200 OK") -> tuple[Behaviour, list[int]]:
    """Takes so many seconds for an answer, and works at `width` of them together."""
    room = asyncio.Semaphore(width)
    flying: list[int] = [0, 0]

    async def behaviour(peer: Peer) -> None:
        while True:
            await peer.request()
            flying[0] += 1
            flying[1] = max(flying)
            async with room:
                await asyncio.sleep(seconds)
            flying[0] -= 1
            body = json.dumps({"type": "message"}).encode()
            await peer.send(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)

    return behaviour, flying


def pace(width: int, seconds: float, status: str = "200 OK") -> tuple[Pace | None, int, int]:
    async def run() -> tuple[Pace | None, int, int]:
        behaviour, flying = server(width, seconds, status)
        async with serving(behaviour) as one, Client(limits=Limits(first_byte=20)) as client:
            found = await pace_of(Target(name="t", base_url=one.url, model="m"), client)
            return found, flying[1], len(one.requests)

    return hurried(run())


def test_a_server_that_answers_one_at_a_time_is_found_out() -> None:
    found, most, asked = pace(1, ANSWER)
    assert found is not None
    assert found.together >= SERIAL * found.alone
    assert most == 2
    assert asked == 3
    assert "one alone" in str(found)


@pytest.mark.parametrize(("width", "seconds", "status", "asked"), [(2, ANSWER, "200 OK", 3), (1, 0.0, "200 OK", 1)])
def test_another_server_is_left_alone(width: int, seconds: float, status: str, asked: int) -> None:
    found, _, requests = pace(width, seconds, status)
    assert found is None
    assert requests == asked


def test_a_server_that_does_not_answer_is_not_measured() -> None:
    found, _, requests = pace(1, NOTICED * 1.5, "400 Bad Request")
    assert (found, requests) == (None, 1)


@pytest.fixture
def ending() -> "threading.Event":
    return threading.Event()


async def begun(ending: threading.Event) -> "asyncio.Task[bool]":
    """A reading that is under way, until it is told to end."""
    there = threading.Event()

    def reading() -> bool:
        there.set()
        return ending.wait(100)

    task = asyncio.create_task(Aside().run(LARGE + 1, reading))
    await asyncio.to_thread(there.wait, 100)
    return task


def test_large_answers_are_read_one_after_the_other(ending: threading.Event) -> None:
    async def run() -> list[str]:
        done: list[str] = []
        first = await begun(ending)
        second = asyncio.create_task(asyncio.to_thread(in_turn, LARGE + 1, lambda: done.append("judged")))
        await asyncio.sleep(0.2)
        assert not done
        ending.set()
        await asyncio.gather(first, second)
        return done

    assert asyncio.run(run()) == ["judged"]


def test_a_reading_that_was_given_up_holds_up_nobody(ending: threading.Event) -> None:
    """As at the end of a budget: the question has ended, and the thread is still busy with its answer."""

    async def run() -> str:
        first = await begun(ending)
        waits = asyncio.create_task(asyncio.to_thread(in_turn, LARGE + 1, lambda: "judged"))
        await asyncio.sleep(0.1)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        try:
            assert await asyncio.to_thread(in_turn, LARGE + 1, lambda: "judged") == "judged"
            return await waits
        finally:
            ending.set()

    assert asyncio.run(run()) == "judged"


def test_a_reading_that_was_given_up_before_its_turn_is_not_begun(ending: threading.Event) -> None:
    async def run() -> list[str]:
        read: list[str] = []
        first = await begun(ending)
        second = asyncio.create_task(Aside().run(LARGE + 1, lambda: read.append("read")))
        await asyncio.sleep(0.1)
        second.cancel()
        with suppress(asyncio.CancelledError):
            await second
        ending.set()
        await first
        in_turn(LARGE + 1, lambda: None)
        await asyncio.sleep(0.1)
        return read

    assert asyncio.run(run()) == []


def test_who_waits_in_the_midst_of_its_turn_lets_others_have_it() -> None:
    """As a verdict that leans on another question, whose large answer is still to be read."""

    async def run() -> list[str]:
        loop = asyncio.get_running_loop()

        def judging() -> str:
            def waiting() -> str:
                return asyncio.run_coroutine_threadsafe(Aside().run(LARGE + 1, lambda: "read"), loop).result(100)

            return out_of_turn(waiting) + out_of_turn(lambda: " judged")

        return [await asyncio.to_thread(in_turn, LARGE + 1, judging), in_turn(LARGE + 1, lambda: "the next")]

    assert asyncio.run(run()) == ["read judged", "the next"]
    assert out_of_turn(lambda: "without a turn") == "without a turn"

"""Trouble is waited out before anything is judged, and what stays trouble says so."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from misbehaving import Behaviour, Peer, Server, hurried, serving

from conformance.probe import trouble
from conformance.probe.client import Client
from conformance.probe.recording import Limits
from conformance.probe.request import Outgoing
from conformance.probe.trouble import FinalExchange, Patience, Slots

LIMITS = Limits(connect=1.0, first_byte=2.0, idle=2.0)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "BACK_OFF", (0.01, 0.02, 0.03))
    monkeypatch.setattr(trouble, "LOADING_PAUSE", 0.02)


def says(*statuses: int, headers: str = "", body: bytes = b"{}") -> Behaviour:
    """Answers with these statuses in turn, and the last one from then on."""

    async def behaviour(peer: Peer) -> None:
        while True:
            await peer.request()
            status = statuses[min(len(peer.requests), len(statuses)) - 1]
            extra = headers if status != 200 else ""
            await peer.send(f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{extra}\r\n".encode() + body)

    return behaviour


def ask(
    behaviour: Behaviour, waits_for: Collection[int] = (), concurrency: int = 8
) -> tuple[FinalExchange, Server, Patience]:
    async def run() -> tuple[FinalExchange, Server, Patience]:
        said: list[str] = []
        async with serving(behaviour) as server, Client(limits=LIMITS) as client:
            patience = Patience(concurrency, say=said.append)
            return await patience.ask(client, outgoing(server.url), waits_for=waits_for), server, patience

    return hurried(run())


def outgoing(url: str) -> Outgoing:
    return Outgoing("POST", url + "/v1/messages", (), b"{}")


@pytest.mark.parametrize("status", [429, 503, 529])
def test_a_busy_server_is_asked_again(status: int) -> None:
    answer, server, patience = ask(says(status, status, 200))
    assert (answer.exchange.status, answer.trouble, len(server.requests)) == (200, "", 3)
    assert [str(status) in note for note in answer.exchange.notes] == [True, True]
    assert patience.slots.limit == 2


def test_an_answer_that_forbids_it_is_asked_again_with_a_note() -> None:
    answer, _, _ = ask(says(529, 200, headers="x-should-retry: false\r\n"))
    assert answer.exchange.status == 200
    assert [note.endswith("though x-should-retry said false") for note in answer.exchange.notes] == [True]


@pytest.mark.parametrize("status", [429, 503, 529])
def test_patience_ends_after_three_retries(status: int) -> None:
    answer, server, _ = ask(says(status))
    assert (answer.exchange.status, len(server.requests)) == (status, 4)
    assert answer.trouble.startswith("rate limited")


@pytest.mark.parametrize("status", [200, 400, 500, 502, 504])
def test_other_answers_are_answers(status: int) -> None:
    answer, server, patience = ask(says(status))
    assert (answer.trouble, len(server.requests), answer.exchange.notes, patience.slots.limit) == ("", 1, (), 8)


def test_a_status_that_the_case_waits_for_is_its_answer() -> None:
    answer, server, _ = ask(says(429), waits_for=[429])
    assert (answer.exchange.status, answer.trouble, len(server.requests)) == (429, "", 1)


@pytest.mark.parametrize(
    ("header", "least"),
    [
        ("retry-after: 0.3", 0.3),
        (f"retry-after: {format_datetime(datetime.now(UTC) - timedelta(seconds=9), usegmt=True)}", 0.0),
        ("retry-after: soon", 0.0),
        ("retry-after: -1", 0.0),
    ],
)
def test_retry_after_is_honoured(header: str, least: float) -> None:
    answer, server, _ = ask(says(429, 200, headers=header + "\r\n"))
    assert (answer.exchange.status, len(server.requests)) == (200, 2)
    assert f"after {least:g} s" in answer.exchange.notes[0] or least == 0.0


def test_a_wait_of_an_hour_is_not_waited() -> None:
    answer, server, _ = ask(says(429, 200, headers="retry-after: 3600\r\n"))
    assert answer.trouble.startswith("rate limited")
    assert len(server.requests) == 1


def test_one_wave_of_limits_halves_once() -> None:
    async def run() -> int:
        async with serving(says(429, 429, 429, 429, 200)) as server, Client(limits=LIMITS) as client:
            patience = Patience(8)
            await asyncio.gather(*(patience.ask(client, outgoing(server.url)) for _ in range(4)))
            return patience.slots.limit

    assert hurried(run()) == 4


def test_a_failed_connection_is_tried_again_and_then_named() -> None:
    async def run() -> tuple[FinalExchange, FinalExchange, float, float]:
        async with Client(limits=LIMITS) as client:
            patience, now = Patience(8), asyncio.get_running_loop().time
            began = now()
            first = await patience.ask(client, outgoing("http://127.0.0.1:1"))
            between = now()
            second = await patience.ask(client, outgoing("http://127.0.0.1:1"))
            return first, second, between - began, now() - between

    first, second, patient, hasty = hurried(run())
    assert first.trouble == second.trouble == "unreachable: Connection refused"
    assert len(first.exchange.notes) == 3
    assert second.exchange.notes == ()
    assert hasty < patient


def test_a_server_that_comes_up_late_is_reached() -> None:
    async def run() -> FinalExchange:
        async with serving(says(200)) as server:
            port = server.port
        async with Client(limits=LIMITS) as client:
            asking = asyncio.create_task(Patience(1).ask(client, outgoing(f"http://127.0.0.1:{port}")))
            await asyncio.sleep(0.005)
            listener = await asyncio.start_server(_ok, "127.0.0.1", port)
            async with listener:
                return await asking

    async def _ok(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    answer = hurried(run())
    assert answer.exchange.status == 200


def test_a_loading_model_is_waited_for_with_one_line() -> None:
    async def run() -> tuple[FinalExchange, list[str], int, int]:
        said: list[str] = []
        loading = says(503, 503, 503, 503, 503, 503, 200, body=b'{"error":{"message":"Loading model"}}')
        async with serving(loading) as server, Client(limits=LIMITS) as client:
            patience = Patience(8, say=said.append)
            answer = await patience.ask(client, outgoing(server.url))
            return answer, said, len(server.requests), patience.slots.limit

    answer, said, requests, limit = hurried(run())
    assert (answer.exchange.status, answer.trouble, requests, limit) == (200, "", 7, 8)
    assert len(said) == 1
    assert "loading the model" in said[0]


def test_slots_bound_what_is_in_flight_and_shrink() -> None:
    async def run() -> list[int]:
        slots = Slots(4)
        running = 0
        seen: list[int] = []

        async def work() -> None:
            nonlocal running
            async with slots.hold():
                running += 1
                seen.append(running)
                await asyncio.sleep(0)
                running -= 1

        await asyncio.gather(*(work() for _ in range(20)))
        full = max(seen)
        slots.halve()
        slots.halve()
        slots.halve()
        await asyncio.gather(*(work() for _ in range(8)))
        seen.clear()
        await asyncio.gather(*(work() for _ in range(8)))
        return [full, max(seen), slots.limit]

    assert hurried(run()) == [4, 1, 1]


def test_several_together_never_exceed_what_may_be_in_flight() -> None:
    """Whatever is asked for, in whatever order, and whoever gives up waiting."""

    async def run() -> tuple[int, int, list[int]]:
        slots = Slots(4)
        flying = 0
        most = 0
        alone: list[int] = []

        async def hold(number: int, *, impatient: bool) -> None:
            nonlocal flying, most
            async with asyncio.timeout(0.002 if impatient else None), slots.hold(number):
                flying += number
                most = max(most, flying)
                if slots.limit < number:
                    alone.append(flying - number)
                try:
                    await asyncio.sleep(0.001 * number)
                finally:
                    flying -= number

        tasks = [asyncio.create_task(hold(1 + n % 4, impatient=n % 5 == 0)) for n in range(60)]
        await asyncio.sleep(0.005)
        slots.halve()
        await asyncio.sleep(0.005)
        slots.one_at_a_time()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(one is None or isinstance(one, TimeoutError) for one in ended)
        async with asyncio.timeout(5), slots.hold(4):
            return most, flying, alone

    most, flying, alone = hurried(run())
    assert (most, flying) == (4, 0)
    assert set(alone) == {0}


def test_more_together_than_may_be_in_flight_is_refused() -> None:
    async def run() -> None:
        async with Slots(2).hold(3):
            pass

    with pytest.raises(ValueError, match="3 requests"):
        hurried(run())


def test_giving_up_in_the_moment_in_which_room_is_made_is_no_failure() -> None:
    async def run() -> None:
        slots = Slots(1)

        async def waits() -> None:
            async with slots.hold():
                pass

        async with slots.hold():
            waiting = [asyncio.create_task(waits()) for _ in range(3)]
            await asyncio.sleep(0)
            for one in waiting:
                one.cancel()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError) for one in ended), ended
        async with asyncio.timeout(5), slots.hold():
            pass

    hurried(run())

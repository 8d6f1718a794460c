"""Which connections are used again: what a server says unasked is never taken for the answer to a request."""

import asyncio
import socket
import threading
from contextlib import suppress

import pytest
from misbehaving import (
    OK,
    SMALL,
    Behaviour,
    Peer,
    Server,
    answers,
    exchanges,
    hurried,
    post,
    resets,
    serving,
)  # fmt: skip
from msgspec.structs import replace

from conformance.probe import pool
from conformance.probe.client import Client
from conformance.probe.exchange import Exchange

QUIET = 0.01
"""Seconds of silence that suffice here."""


async def listened(client: Client, server: Server) -> None:
    """Asks once, and waits until the silence after the answer is long enough."""
    await client.ask(post(server.url))
    await asyncio.sleep(2 * QUIET)
    assert client._pool.believed


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SILENCE", QUIET)


@pytest.mark.usefixtures("soon")
def test_connections_are_kept_alive_where_silence_follows_an_answer() -> None:
    async def ask() -> int:
        async with serving(answers()) as server, Client(limits=SMALL) as client:
            for _ in range(5):
                await listened(client, server)
            return server.connections

    assert hurried(ask()) == 1


@pytest.mark.usefixtures("soon")
def test_requests_of_one_question_go_over_one_connection() -> None:
    async def ask() -> int:
        async with serving(answers()) as server, Client(limits=SMALL) as client:
            for _ in range(5):
                asked = await client.ask(replace(post(server.url), question="one"))
                assert asked.outcome == "complete"
            assert server.connections == 1, "the second request waits for the silence after the first answer"
            await client.ask(post(server.url))
            await client.ask(replace(post(server.url), question="two"))
            assert server.connections == 3, "others go over other ones"
            await client.ask(replace(post(server.url), question="one"))
            client.release("one")
            client.release("two")
            await asyncio.sleep(2 * QUIET)
            await asyncio.gather(*(client.ask(post(server.url)) for _ in range(3)))
            return server.connections

    assert hurried(ask()) == 3


def test_nobody_else_waits_for_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "SILENCE", 3600)

    async def ask() -> int:
        async with serving(answers()) as server, Client(limits=SMALL) as client, asyncio.timeout(60):
            for _ in range(5):
                assert (await client.ask(post(server.url))).outcome == "complete"
            return server.connections

    assert hurried(ask()) == 5


def says_more(after: float, takes: float = 0.0) -> Behaviour:
    """A server that takes its time to echo each request's text, and some seconds later answers once more, unasked."""

    async def more(peer: Peer) -> None:
        await asyncio.sleep(after)
        with suppress(ConnectionError):
            await peer.send(OK + b'content-length: 8\r\n\r\n"POISON"')

    async def behave(peer: Peer) -> None:
        async with asyncio.TaskGroup() as later:
            while True:
                body = (await peer.request()).partition(b"\r\n\r\n")[2]
                await asyncio.sleep(takes)
                await peer.send(OK + b"content-length: %d\r\n\r\n" % len(body), body)
                later.create_task(more(peer))

    return behave


@pytest.mark.parametrize("question", ["", "of several requests"])
@pytest.mark.parametrize("at_once", [1, 4])
@pytest.mark.parametrize("after", [0.0, 0.02, 0.05, 0.2])
@pytest.mark.parametrize("begins", [0, 5], ids=["from the first answer on", "after five silent answers"])
def test_what_a_server_says_unasked_is_no_answer_to_another_request(
    begins: int, after: float, at_once: int, question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer takes a second, so that what comes late comes first: a connection that was silent too shortly lies."""
    monkeypatch.setattr(pool, "SILENCE", 0.4)

    async def ask() -> list[bool]:
        server_talks = asyncio.Event()

        async def babbles(peer: Peer) -> None:
            await (says_more(after, takes=1.0) if server_talks.is_set() else answers(b"[]"))(peer)

        async with serving(babbles) as server, Client(limits=SMALL) as client:
            for _ in range(begins):
                await client.ask(post(server.url))
                await asyncio.sleep(0.5)
            server_talks.set()
            client._pool.close()

            async def one_after_the_other(name: int) -> list[bool]:
                own: list[bool] = []
                for number in range(6):  # two by two of one question, or each alone
                    body = b'{"n": "%d-%d"}' % (name, number)
                    asked = replace(
                        post(server.url, body=body), question=question and f"{question} {name}-{number // 2}"
                    )
                    own.append((await client.ask(asked)).body == body)
                    await asyncio.sleep(0.01)  # on a clock that stands still while somebody is busy
                return own

            asked = await asyncio.gather(*map(one_after_the_other, range(at_once)))
            return [one for each in asked for one in each]

    answered = hurried(ask())
    assert len(answered) == 6 * at_once
    if question and begins:  # what its own requests did may come between them: it accuses no other question
        answered = answered[::2]
    assert all(answered)


@pytest.mark.usefixtures("soon")
def test_a_used_connection_with_more_behind_its_answer_is_not_believed() -> None:
    """What was sent late has been taken for the answer; the answer itself shows that, if it comes at once."""

    async def shifted(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"content-length: 2\r\n\r\n{}")
        await peer.request()
        answer = OK + b'content-length: 8\r\n\r\n"POISON"' + OK + b"content-length: 2\r\n\r\n[]"
        await peer.send(answer)

    async def ask() -> tuple[Exchange, bool]:
        async with serving(shifted, answers(b"[]")) as server, Client(limits=SMALL) as client:
            await listened(client, server)
            return await client.ask(post(server.url)), client._pool.believed

    seen, silent = hurried(ask())
    assert (seen.body, silent) == (b"[]", False)
    assert "asked again on a fresh one" in seen.notes[0]


@pytest.mark.usefixtures("soon")
def test_an_answer_that_comes_before_the_request_is_there_is_not_believed() -> None:
    """As one of an earlier request that is late; a small one would have been there, and nobody could tell."""

    async def overtakes(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK + b"content-length: 2\r\n\r\n{}")
        await peer.begun()
        await peer.send(POISON)
        await peer.gone()

    async def ask() -> tuple[Exchange, bool]:
        async with serving(overtakes, answers(b"[]")) as server, Client(limits=SMALL) as client:
            await listened(client, server)
            large = replace(post(server.url), padding=30_000_000)
            return await client.ask(large), client._pool.believed

    seen, believed = hurried(ask())
    assert (seen.body, believed) == (b"[]", False)
    assert "before the request had arrived" in seen.notes[0]


@pytest.mark.usefixtures("soon")
def test_what_lies_at_the_system_unread_ends_the_use_of_a_connection() -> None:
    """A loop that is busy judging has not read it when the next request is sent."""
    listener = socket.create_server(("127.0.0.1", 0))
    talks, said = threading.Event(), threading.Event()

    def serve() -> None:
        first, _ = listener.accept()
        with first:
            first.recv(2**16)
            first.sendall(OK + b"content-length: 2\r\n\r\n{}")
            talks.wait(60)
            first.sendall(POISON)
            said.set()
            second, _ = listener.accept()
            with second:
                second.recv(2**16)
                second.sendall(OK + b"content-length: 2\r\n\r\n[]")

    async def ask() -> Exchange:
        async with Client(limits=SMALL) as client:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            await client.ask(post(url))
            await asyncio.sleep(2 * QUIET)
            talks.set()
            assert said.wait(60)  # the loop stands still meanwhile
            return await client.ask(post(url))

    with listener:
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        seen = asyncio.run(ask())
        server.join(60)
    assert (seen.body, seen.notes) == (b"[]", ())


@pytest.mark.usefixtures("soon")
def test_what_comes_between_the_requests_of_a_question_is_noted_on_the_answer_before() -> None:
    async def ask() -> tuple[Exchange, Exchange, int]:
        async with serving(says_more(0.0), answers(b"[]")) as server, Client(limits=SMALL) as client:
            asked = replace(post(server.url), question="one")
            first = await client.with_late("one", await client.ask(asked))
            return first, await client.ask(asked), server.connections

    first, second, connections = hurried(ask())
    assert (first.body, second.body, second.notes, connections) == (b"{}", b"[]", (), 2)
    assert first.notes[0].startswith("bytes after the end of the answer, ")
    assert len(first.notes) == 1


@pytest.mark.parametrize("question", ["", "of several requests"])
def test_a_server_of_one_connection_at_a_time_is_not_kept_waiting(question: str) -> None:
    """The connection on which silence is waited for is let go of, so that the next one has its turn."""

    async def ask(question: str) -> list[str]:
        turn = asyncio.Lock()

        async def alone(peer: Peer) -> None:
            async with turn:
                await answers()(peer)

        async with serving(alone) as server, Client(limits=SMALL) as client:
            asked = [replace(post(server.url), question=question) for _ in range(3)]
            return [(await client.ask(one)).outcome for one in asked]

    assert hurried(ask(question)) == ["complete"] * 3


async def closes_after_the_first(peer: Peer) -> None:
    await peer.request()
    await peer.send(OK + b"connection: keep-alive\r\ncontent-length: 2\r\n\r\n{}")
    await peer.request()


async def resets_after_the_first(peer: Peer) -> None:
    await closes_after_the_first(peer)
    peer.reset()


async def babbles_after_the_first(peer: Peer) -> None:
    await closes_after_the_first(peer)
    await peer.send(b"left over from before\r\n\r\n")


async def over_one_connection(*behaviours: Behaviour) -> list[Exchange]:
    """Two requests, the second over the connection of the first."""
    async with serving(*behaviours) as server, Client(limits=SMALL) as client:
        first = await client.ask(post(server.url))
        await asyncio.sleep(2 * QUIET)
        return [first, await client.ask(post(server.url))]


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("unreliable", [closes_after_the_first, resets_after_the_first, babbles_after_the_first])
def test_a_reused_connection_that_fails_is_replaced_once_and_noted(unreliable: Behaviour) -> None:
    first, second = hurried(over_one_connection(unreliable, answers(b"[]")))
    assert (first.outcome, first.notes) == ("complete", ())
    assert (second.outcome, second.body) == ("complete", b"[]")
    assert "fresh" in second.notes[0]


@pytest.mark.usefixtures("soon")
def test_a_fresh_connection_that_fails_too_is_a_reset() -> None:
    first, second = hurried(over_one_connection(closes_after_the_first, resets))
    assert (first.outcome, second.outcome) == ("complete", "reset")


def test_a_reset_on_a_first_use_is_not_asked_again() -> None:
    async def ask() -> tuple[Exchange, int]:
        async with serving(resets) as server, Client(limits=SMALL) as client:
            return await client.ask(post(server.url)), server.connections

    seen, connections = hurried(ask())
    assert (seen.outcome, connections) == ("reset", 1)


def answers_with(data: bytes) -> Behaviour:
    """Answers the first request with these bytes in one piece, and waits for another."""

    async def behaviour(peer: Peer) -> None:
        await peer.request()
        await peer.send(data)
        await peer.gone()

    return behaviour


POISON = OK + b"content-length: 8\r\n\r\n{poison}"
SURPLUS: dict[str, Behaviour] = {
    "a second answer": answers_with(OK + b"content-length: 2\r\n\r\n{}" + POISON),
    "a length too short": answers_with(OK + b"content-length: 2\r\n\r\n{}rest of the body"),
    "a body where none may be": answers_with(b"HTTP/1.1 204 No Content\r\n\r\n" + POISON),
    "bytes after the last chunk": answers_with(OK + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n" + POISON),
    "a second answer before the end of the connection": answers_with(
        OK + b"connection: close\r\ncontent-length: 2\r\n\r\n{}" + POISON
    ),
    "a blank line and more": answers_with(OK + b"content-length: 2\r\n\r\n{}\r\n\r\n" + POISON),
}


@pytest.mark.parametrize("kind", SURPLUS)
def test_bytes_after_an_answer_are_its_own_and_never_the_next_one(kind: str) -> None:
    first, second = exchanges(SURPLUS[kind], answers(b"[]"), times=2)
    assert first.outcome == "complete"
    assert first.body in (b"{}", b"")
    assert len([note for note in first.notes if note.startswith("bytes after the end of the answer, ")]) == 1
    assert (second.body, second.notes) == (b"[]", ())


def test_bytes_that_come_while_a_connection_waits_end_its_use() -> None:
    async def run() -> tuple[Exchange, Exchange, int]:
        async def babbles_later(peer: Peer) -> None:
            await peer.request()
            await peer.send(OK + b"content-length: 2\r\n\r\n{}")
            await asyncio.sleep(0.05)
            await peer.send(POISON)
            await peer.gone()

        async with serving(babbles_later, answers(b"[]")) as server, Client(limits=SMALL) as client:
            first = await client.ask(post(server.url))
            await asyncio.sleep(0.3)
            return first, await client.ask(post(server.url)), server.connections

    first, second, connections = hurried(run())
    assert (first.body, second.body, second.notes, connections) == (b"{}", b"[]", (), 2)

"""A server that sends exactly the bytes that a test tells it to, over a real socket; a clock that does not idle; and
what our client records of asking such a server.
"""

import asyncio
import itertools
import selectors
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from types import MappingProxyType
from typing import Any, TypeVar

from conformance.probe.client import Client
from conformance.probe.exchange import Exchange
from conformance.probe.recording import Limits
from conformance.probe.request import Outgoing

Result = TypeVar("Result")
Behaviour = Callable[["Peer"], Awaitable[None]]


class Peer:
    """One connection as the server sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.requests: list[bytes] = []

    async def request(self) -> bytes:
        """Reads one request, head and body."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
        )
        whole = head + await self._reader.readexactly(length)
        self.requests.append(whole)
        return whole

    async def begun(self) -> None:
        """Waits for the first bytes of a request, and reads no more of it."""
        await self._reader.readexactly(1)

    async def send(self, *pieces: bytes, pause: float = 0.0) -> None:
        for number, piece in enumerate(pieces):
            if number:
                await asyncio.sleep(pause)
            self._writer.write(piece)
            await self._writer.drain()

    def reset(self) -> None:
        """Closes so that the other side sees a reset, not an end."""
        self._writer.transport.abort()

    async def gone(self) -> None:
        """Waits until the other side closes."""
        try:
            await self._reader.read()
        except ConnectionError:
            return


class Server:
    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(*behaviours: Behaviour) -> AsyncIterator[Server]:
    """A server whose nth connection behaves in the nth way, later ones in the last."""
    told = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behaviour = behaviours[min(told.connections, len(behaviours) - 1)]
        told.connections += 1
        peer = Peer(reader, writer)
        peer.requests = told.requests
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            await behaviour(peer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            tasks.discard(task)

    listener = await asyncio.start_server(connected, "127.0.0.1", 0)
    told.port = listener.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


@contextmanager
def serving_aside(*behaviours: Behaviour) -> Iterator[Server]:
    """The same on a thread of its own, so that it goes on while the client's event loop is held up."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = serving(*behaviours)
    try:
        yield asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def sends(*pieces: bytes, pause: float = 0.0) -> Behaviour:
    """Answers one request with these bytes, piece by piece, and closes."""

    async def behaviour(peer: Peer) -> None:
        await peer.request()
        await peer.send(*pieces, pause=pause)

    return behaviour


def answers_in_turn(*given: tuple[str, bytes]) -> Behaviour:
    """Answers each request, on whatever connection, with the next status and body, and later ones with the last."""
    left = itertools.chain(given, itertools.repeat(given[-1]))

    async def behaviour(peer: Peer) -> None:
        while True:
            await peer.request()
            status, body = next(left)
            await peer.send(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)

    return behaviour


def answers(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> Behaviour:
    """Answers every request of a connection, well-formed."""
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"content-length: {len(body)}", *headers))

    async def behaviour(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(head.encode() + b"\r\n" + body)

    return behaviour


class _Brief(selectors.DefaultSelector):
    """Waits for a small part of the time that it is told, and counts all of it where nothing came."""

    PART, LEAST = 1 / 40, 0.002

    def __init__(self) -> None:
        super().__init__()
        self.passed = 1000.0

    def select(self, timeout: float | None = None) -> "list[tuple[selectors.SelectorKey, int]]":
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        events = super().select(max(timeout * self.PART, self.LEAST))
        if not events:
            self.passed += timeout
        return events


class _Hurried(asyncio.SelectorEventLoop):
    """A loop on which time passes only while nobody has anything to do, and then forty times as fast."""

    def __init__(self) -> None:
        self._brief = _Brief()
        super().__init__(self._brief)

    def time(self) -> float:
        return self._brief.passed


def hurried(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of work in which client and server wait for each other by one clock.

    What was sent arrives before any time passes, so that a busy machine changes no outcome.
    """
    with asyncio.Runner(loop_factory=_Hurried) as runner:
        return runner.run(work)


async def resets(peer: Peer) -> None:
    await peer.request()
    peer.reset()


SMALL = Limits(connect=60.0, headers=4096, body=20_000, events=50)
"""Limits of a size that is soon reached, and of times that no busy machine reaches."""
OK = b"HTTP/1.1 200 OK\r\n"
EVENTS = OK + b"content-type: text/event-stream\r\n\r\n"
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def post(
    url: str, path: str = "/v1/messages", body: bytes = b"{}", headers: Mapping[str, str] = MappingProxyType({})
) -> Outgoing:
    return Outgoing("POST", url + path, (("content-type", "application/json"), *headers.items()), body)


def exchanges(*behaviours: Behaviour, times: int = 1, limits: Limits = SMALL) -> list[Exchange]:
    """What the client records of asking a server several times, one after another."""

    async def ask() -> list[Exchange]:
        async with serving(*behaviours) as server, Client(limits=limits) as client:
            return [await client.ask(post(server.url)) for _ in range(times)]

    return hurried(ask())


def exchange(*behaviours: Behaviour, limits: Limits = SMALL) -> Exchange:
    return exchanges(*behaviours, limits=limits)[0]

"""HTTP/1.1 connections; bytes after the end of an answer never become the beginning of the next.

HTTP itself is h11's; bytes and their times are ours.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from typing import cast
from urllib.parse import quote, urlsplit

import h11
from msgspec import Struct

from conformance.probe.encoding import OversizedError
from conformance.targets.address import DEFAULT_PORTS

LARGEST_HEAD = 100 * 2**10
"""Bytes of a status line with its headers, of a chunk's head, or of the trailers."""
LARGEST_BACKLOG = 256 * 2**10
"""Bytes that may wait to be read before the sender is held back."""
MOST_CHUNKS = 100_000
"""Pieces in which a body may be sent: no answer has more than 32,000 events."""
SILENCE = 0.25
"""Seconds for which an endpoint has to say nothing after an answer before its connections are used again."""
IDLE_SECONDS = 5.0
"""How long a connection waits to be used again."""

_AS_IT_IS = "!$%&'()*+,-./:;=?@[]_~|^"

Place = tuple[str, str, int]
"""Scheme, host and port."""
_Next = h11.Event | type[h11.PAUSED]


class NotHttpError(Exception):
    """An answer that breaks off or is not HTTP; the message says which."""


class Head(Struct, frozen=True):
    """The beginning of an answer."""

    status: int
    http_version: str
    headers: list[tuple[bytes, bytes]]


class Pipe(asyncio.Protocol):
    """The bytes of a connection in the order of their arrival, the sender held back while too many wait."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._wake: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._held_back = False
        self._writable = asyncio.Event()
        self._writable.set()
        self.ended = False
        self._problem: Exception | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._waiting.append(data)
        self._size += len(data)
        self._writable.set()  # a server that answers already may never read the rest
        if self._size > LARGEST_BACKLOG and self._transport is not None and not self._held_back:
            self._held_back = True
            self._transport.pause_reading()
        self._woken()

    def eof_received(self) -> bool:
        self.ended = True
        self._woken()
        return False

    def connection_lost(self, problem: Exception | None) -> None:
        self.ended = True
        self._problem = problem
        self._writable.set()
        self._woken()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _woken(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    @property
    def waits(self) -> bool:
        """Whether bytes have arrived that nobody has read."""
        return bool(self._waiting)

    @property
    def quiet(self) -> bool:
        """Whether the connection is open, and nothing has arrived that nobody asked for."""
        return not self.ended and not self._waiting

    async def read(self) -> bytes:
        """The bytes that have arrived since; empty at the end. OSError where the connection broke."""
        while not self._waiting:
            if self.ended:
                if self._problem is not None:
                    raise self._problem
                return b""
            self._wake = asyncio.get_running_loop().create_future()
            try:
                await self._wake
            finally:
                self._wake = None
        data = self._waiting.popleft()
        self._size -= len(data)
        if self._held_back and not self._waiting and self._transport is not None:
            self._held_back = False
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        if self._transport is not None and not self.ended:
            self._transport.write(data)
            await self._writable.wait()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Connection:
    """Sends one request after the other, and reads the answer to each to its end."""

    def __init__(self, pipe: Pipe, place: Place) -> None:
        self._pipe = pipe
        self._http = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
        self._ahead: _Next | NotHttpError | None = None
        """What follows the piece that was read last, where that is known already."""
        self.place = place
        self._pieces = 0
        self.used = False
        self.idle_since = 0.0
        self.question = ""
        """The question of several requests that nobody else may disturb on it."""

    async def send(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> None:
        """Sends a request, as far as the server reads it; ValueError where it cannot be sent at all."""
        try:
            data = self._http.send(h11.Request(method=method, target=target, headers=headers)) or b""
            if body:
                data += self._http.send(h11.Data(data=body)) or b""
            data += self._http.send(h11.EndOfMessage()) or b""
        except h11.LocalProtocolError as problem:
            raise ValueError(str(problem)) from problem
        await self._pipe.write(data)

    async def head(self) -> Head:
        """The beginning of the answer, after any number of provisional ones."""
        while True:
            event = await self._next()
            if isinstance(event, h11.Response) or (
                isinstance(event, h11.InformationalResponse) and event.status_code == 101
            ):
                version = f"HTTP/{event.http_version.decode('ascii', 'replace')}"
                return Head(event.status_code, version, [(bytes(n), bytes(v)) for n, v in event.headers.raw_items()])

    async def piece(self) -> bytes | None:
        """What has arrived of the body since, at least a byte; None at its end.

        NotHttpError where it breaks off, OversizedError where its chunks are too many.
        """
        event = await self._next()
        if not isinstance(event, h11.Data):
            return None
        pieces = [event.data]
        while isinstance(following := self._at_hand(), h11.Data):  # a server may cut one packet into many chunks
            pieces.append(following.data)
        self._ahead = following
        self._pieces += len(pieces)
        if self._pieces > MOST_CHUNKS:
            raise OversizedError(f"the body came in more than {MOST_CHUNKS} chunks")
        return b"".join(pieces)

    async def _next(self) -> "_Next":
        """The next event, waited for; NotHttpError where what came is none."""
        event, self._ahead = self._ahead or self._at_hand(), None
        while event is None:
            data = await self._pipe.read()
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                raise NotHttpError(_closed_early(self._http.trailing_data[0]))
            self._http.receive_data(data)
            event = self._at_hand()
        if isinstance(event, NotHttpError):
            raise event
        return event

    def _at_hand(self) -> "_Next | NotHttpError | None":
        """The next event of what has arrived, or what is wrong with it; None where more is needed."""
        try:
            event = self._http.next_event()
        except h11.RemoteProtocolError as problem:
            return NotHttpError(str(problem))
        return None if event is h11.NEED_DATA else cast("_Next", event)

    @property
    def surplus(self) -> bytes:
        """The bytes that arrived after the end of the answer."""
        return bytes(self._http.trailing_data[0])

    def renew(self, now: float) -> bool:
        """Makes the connection ready for another request; False where it is not to be used again."""
        done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if not done or self.surplus or not self._pipe.quiet:
            return False
        self._http.start_next_cycle()
        self._pieces = 0
        self.used, self.idle_since = True, now
        return True

    @property
    def talks(self) -> bool:
        """Whether bytes have arrived that nobody asked for."""
        return bool(self.surplus) or self._pipe.waits

    def usable(self, now: float) -> bool:
        """Whether nothing has arrived, nor ended, since the last answer."""
        return self._pipe.quiet and now - self.idle_since < IDLE_SECONDS

    def close(self) -> None:
        self._pipe.close()


def _closed_early(arrived: bytes) -> str:
    if not arrived:
        return "Server disconnected without sending a response."
    return f"no HTTP answer, but the bytes {arrived!r} and the end of the connection"


class Pool:
    """The connections of a run to its endpoint.

    What an endpoint sends unasked, some time after an answer, would be read as the answer to the next request. So no
    connection is used again before one has been silent for a while after an answer, nor ever after one was not. New
    connections cost little until then: only a question of several requests waits for that silence. Its connection is
    its own until it ends, for what one request does to it is to be seen in the next.
    """

    def __init__(self, security: Callable[[], ssl.SSLContext]) -> None:
        self._security = security
        self._contexts: list[ssl.SSLContext] = []
        self._idle: list[Connection] = []
        self._silent: bool | None = None
        """Whether the endpoint says no more than it is asked for; None until that is known."""
        self._listened: Connection | None = None
        """The connection on which silence is waited for."""
        self._heard = asyncio.Event()
        """Set while silence is waited for on no connection."""
        self._heard.set()
        self._waiting = 0
        """Requests that wait for it, to go over that connection."""

    async def connection(self, place: Place, *, fresh: bool, question: str = "") -> Connection:
        """A connection that waits to be used again, or a new one; OSError where there is none to be had.

        `question` names the one of several requests that asks, if it is one.
        """
        if question and not fresh:
            await self._silence()
        now = asyncio.get_running_loop().time()
        while not fresh and (waiting := self._idle_for(question)):
            if waiting.place == place and waiting.usable(now):
                return waiting
            self._let_go(waiting)
        scheme, host, port = place
        loop = asyncio.get_running_loop()
        if scheme == "https":
            _, pipe = await loop.create_connection(Pipe, host, port, ssl=self._context(), server_hostname=host)
        else:
            _, pipe = await loop.create_connection(Pipe, host, port)
        return Connection(pipe, place)

    def _idle_for(self, question: str) -> Connection | None:
        """Takes a connection that waits: the question's own, else one that is nobody's."""
        for owner in (question, ""):
            for connection in reversed(self._idle):
                if connection.question == owner:
                    self._idle.remove(connection)
                    return connection
        return None

    async def _silence(self) -> None:
        self._waiting += 1
        try:
            await self._heard.wait()
        finally:
            self._waiting -= 1

    def _context(self) -> ssl.SSLContext:
        """Certificates are read once, and only for https."""
        if not self._contexts:
            self._contexts.append(self._security())
        return self._contexts[0]

    def release(self, question: str) -> None:
        """Leaves the connections of a question that has ended to others."""
        for connection in (*self._idle, self._listened):
            if connection is not None and connection.question == question:
                connection.question = ""

    def give_back(self, connection: Connection, question: str = "") -> None:
        """Keeps a connection whose answer has ended, if another request may go over it: of that question first."""
        connection.question = question
        loop = asyncio.get_running_loop()
        if not connection.renew(loop.time()):
            self._let_go(connection)
        elif self._silent:
            self._idle.append(connection)
        elif self._silent is None and self._listened is None:
            self._listened = connection
            self._heard.clear()
            loop.call_later(SILENCE, self._listen, connection)
        else:
            connection.close()

    def _listen(self, connection: Connection) -> None:
        """Takes note of what an endpoint said after its answer, and lets go of the connection that nobody waits for.

        A server of one connection at a time reads others only then.
        """
        if self._listened is not connection:
            return
        self._listened = None
        self._heard.set()
        if self._silent is None and connection.usable(connection.idle_since):
            self._silent = True
            if self._waiting:
                self._idle.append(connection)
                return
        self._let_go(connection)

    def _let_go(self, connection: Connection) -> None:
        """Closes a connection, and all that wait where more was said on it than was asked for."""
        if connection.talks:
            self._silent = False
            self.close()
        connection.close()

    def close(self) -> None:
        idle, self._idle = self._idle, []
        if self._listened is not None:
            idle.append(self._listened)
            self._listened = None
            self._heard.set()
        for connection in idle:
            connection.close()


def place_and_target(url: str) -> tuple[Place, str, str]:
    """The destination of a URL: host and port, the host header, and the target of the request line."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    target = quote(parts.path or "/", safe=_AS_IT_IS)
    if parts.query:
        target += "?" + quote(parts.query, safe=_AS_IT_IS)
    shown = f"[{host}]" if ":" in host else host
    named = shown if port is None or port == DEFAULT_PORTS[parts.scheme] else f"{shown}:{port}"
    return (parts.scheme, host, port or DEFAULT_PORTS[parts.scheme]), named, target

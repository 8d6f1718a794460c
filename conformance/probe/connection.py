"""HTTP/1.1 connections: what is sent, what arrives, and what arrives that nobody asked for.

HTTP itself is h11's; bytes and their times are ours.
"""

import asyncio
import select
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import cast
from urllib.parse import quote, urlsplit

import h11
from msgspec import Struct

from conformance.probe.encoding import OversizedError
from conformance.probe.request import BLOCK
from conformance.targets.address import DEFAULT_PORTS

LARGEST_HEAD = 100 * 2**10
"""Bytes of a status line with its headers, of a chunk's head, or of the trailers."""
LARGEST_BACKLOG = 256 * 2**10
"""Bytes that may wait to be read before the sender is held back."""
MOST_CHUNKS = 100_000
"""Pieces in which a body may be sent: no answer has more than 32,000 events."""
IDLE_SECONDS = 5.0
"""How long a connection waits to be used again."""

_UNACKED = slice(24, 28)
"""Where Linux tells it in the struct that `tcp(7)` calls tcp_info."""
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
        self._system: select.poll | None = None
        """Asks the system what has arrived; None where that has no such call."""
        self._held_back = False
        self._writable = asyncio.Event()
        self._writable.set()
        self.ended = False
        self._unheard = False
        """Whether nothing has arrived since something was sent."""
        self.hasty = False
        """Whether the first bytes arrived before all that was sent had: they are no answer to it."""
        self._problem: Exception | None = None
        self.speaks: Callable[[], None] | None = None
        """Who is told that something arrives, while nothing is asked."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if hasattr(select, "poll"):
            self._system = select.poll()
            self._system.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._unheard:
            self._unheard, self.hasty = False, self._unsent()
        self._waiting.append(data)
        self._size += len(data)
        self._writable.set()  # a server that answers already may never read the rest
        if self.speaks is not None:
            self.speaks()
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

    def _unsent(self) -> bool:
        """Whether some of what was written has not reached the other side, which tells so with all that it sends."""
        if self._transport is None:
            return False
        return self._transport.get_write_buffer_size() > 0 or _unconfirmed(self._transport) > 0

    @property
    def waiting(self) -> bytes:
        """The bytes that have arrived and that nobody has read."""
        return b"".join(self._waiting)

    @property
    def read_up(self) -> bool:
        """Whether the connection is open, and all was read that it was told of."""
        return not self.ended and not self._waiting

    @property
    def quiet(self) -> bool:
        """Whether the connection is open, and nothing has arrived that nobody asked for, not even at the system."""
        return self.read_up and not self._more

    @property
    def _more(self) -> bool:
        """Whether bytes, or an end, have arrived at the system that nobody was told of yet."""
        return not self.ended and self._system is not None and bool(self._system.poll(0))

    async def settle(self) -> None:
        """Takes what has arrived at the system."""
        if self._more:
            await asyncio.sleep(0)  # until the loop looks for it
            await asyncio.sleep(0)

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

    async def write(self, pieces: Iterable[bytes]) -> None:
        """Writes one piece after the other, as far as the other side reads them."""
        self._unheard, self.hasty, self.speaks = True, False, None
        for data in pieces:
            if self._transport is None or self.ended:
                return
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
        self.answered = False
        """Whether an answer has begun, or the connection is done with."""
        self.idle_since = 0.0
        self.question = ""
        """The question of several requests that nobody else may disturb on it."""

    async def send(self, method: str, target: str, headers: list[tuple[str, str]], body: Iterable[bytes]) -> None:
        """Sends a request, as far as the server reads it; ValueError where it cannot be sent at all."""
        try:
            await self._pipe.write(self._written(h11.Request(method=method, target=target, headers=headers), body))
        except h11.LocalProtocolError as problem:
            raise ValueError(str(problem)) from problem

    def _written(self, request: h11.Request, body: Iterable[bytes]) -> Iterator[bytes]:
        """The bytes of a request, a small one's in one piece."""
        data = self._http.send(request) or b""
        for piece in body:
            data += self._http.send(h11.Data(data=piece)) or b""
            if len(data) >= BLOCK:
                yield data
                data = b""
        yield data + (self._http.send(h11.EndOfMessage()) or b"")

    async def head(self) -> Head:
        """The beginning of the answer, after any number of provisional ones."""
        while True:
            event = await self._next()
            self.answered = True
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
        return bytes(self._http.trailing_data[0]) + self._pipe.waiting

    async def settle(self) -> None:
        """Takes what has arrived, though nobody asked for it."""
        await self._pipe.settle()

    def renew(self, now: float, speaks: Callable[[], None]) -> bool:
        """Makes the connection, which has settled, ready for another request; False where it is not to be used again.

        `speaks` is told that something arrives before the next request.
        """
        done = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if not done or self.surplus or not self._pipe.read_up:
            return False  # what was to be read is the end, or more than was asked for
        self._http.start_next_cycle()
        self._pieces, self._pipe.speaks = 0, speaks
        self.used, self.idle_since = True, now
        return True

    @property
    def hasty(self) -> bool:
        """Whether what was read is no answer to what was sent, for it came before that was there."""
        return self._pipe.hasty

    @property
    def talks(self) -> bool:
        """Whether bytes have arrived that nobody asked for."""
        return bool(self.surplus)

    def usable(self, now: float) -> bool:
        """Whether nothing has arrived, nor ended, since the last answer."""
        return self._pipe.quiet and now - self.idle_since < IDLE_SECONDS

    def close(self) -> None:
        self.answered = True
        self._pipe.close()


def _unconfirmed(transport: asyncio.Transport) -> int:
    """Segments that were sent and whose arrival was not confirmed; 0 where the system does not say."""
    try:
        told = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _UNACKED.stop)
        return int.from_bytes(told[_UNACKED], sys.byteorder)
    except (AttributeError, OSError):
        return 0


def _closed_early(arrived: bytes) -> str:
    if not arrived:
        return "Server disconnected without sending a response."
    return f"no HTTP answer, but the bytes {arrived!r} and the end of the connection"


@lru_cache(maxsize=256)
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

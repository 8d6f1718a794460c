"""The HTTP client of a run: the only module that knows the HTTP library."""

import asyncio
import os
import time
from collections.abc import Iterable
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from conformance.probe.encoding import EncodingError, OversizedError
from conformance.probe.exchange import Exchange, Outcome
from conformance.probe.recording import Limits, Recording
from conformance.probe.request import Outgoing
from conformance.probe.scrub import Scrubber

if TYPE_CHECKING:
    import httpx2

CLOSED_EARLY = "Server disconnected"
CLOSED_INSIDE = "peer closed connection"
HEAD_TOO_LONG = "Receive buffer too long"


class Client:
    """Sends requests and records the answers byte for byte; one for a run, used on one event loop.

    Redirects are recorded and not followed, and neither proxies nor stored credentials of the environment are used.
    """

    def __init__(self, *, limits: Limits | None = None, keys: Iterable[str | None] = ()) -> None:
        self.limits = limits or Limits()
        self._scrubber = Scrubber(keys)
        self._transports: dict[tuple[bool, bool], httpx2.AsyncHTTPTransport] = {}

    async def ask(self, outgoing: Outgoing) -> Exchange:
        """One request and its answer, whatever comes of it: trouble is an outcome, not an exception.

        A kept-alive connection that turns out dead before the first byte is the server's right
        (https://www.rfc-editor.org/rfc/rfc9112#name-closing-connections-and-mess): asked again once, on a fresh one.
        """
        exchange, reused = await self._send(outgoing, keep_alive=True)
        if reused and exchange.status is None and exchange.outcome in ("reset", "malformed"):
            note = (
                f"a kept-alive connection failed before an answer began ({exchange.detail}); asked again on a fresh one"
            )
            exchange, _ = await self._send(outgoing, keep_alive=False)
            exchange = replace(exchange, notes=(note,))
        return self.scrubbed(exchange)

    def scrubbed(self, exchange: Exchange) -> Exchange:
        """An exchange without the keys that are sent."""
        return self._scrubber.exchange(exchange)

    async def _send(self, outgoing: Outgoing, *, keep_alive: bool) -> tuple[Exchange, bool]:
        """The exchange, and whether it went over a connection that had been used before."""
        now = asyncio.get_running_loop().time
        begun = now()
        recording = Recording(self.limits, started=time.time())
        connection = _Connection()
        outcome, detail = await self._record(outgoing, recording, connection, keep_alive=keep_alive)
        request = self._scrubber.request(outgoing)
        return recording.exchange(request, outcome, now() - begun, detail, ()), connection.reused

    async def _record(
        self, outgoing: Outgoing, recording: Recording, connection: "_Connection", *, keep_alive: bool
    ) -> tuple[Outcome, str]:
        import httpx2

        try:
            await self._receive(outgoing, recording, connection, keep_alive=keep_alive)
        except _HungUp:
            return "abandoned", "the case closes the connection here"
        except TimeoutError:
            return _too_slow(recording, self.limits)
        except OversizedError as problem:
            return "oversized", str(problem)
        except EncodingError as problem:
            return "malformed", str(problem)
        except httpx2.ConnectTimeout:
            return "unreachable", f"no connection within {self.limits.connect:g} s"
        except httpx2.ConnectError as problem:
            return "unreachable", _why(problem)
        except httpx2.RemoteProtocolError as problem:
            return _protocol_error(str(problem), recording)
        except httpx2.NetworkError as problem:
            return ("reset" if recording.status is None else "cut"), _why(problem)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as problem:
            return "failed", _why(problem)
        return "complete", ""

    async def _receive(
        self, outgoing: Outgoing, recording: Recording, connection: "_Connection", *, keep_alive: bool
    ) -> None:
        import httpx2

        now = asyncio.get_running_loop().time
        limits = self.limits
        begun = now()
        timeout = {"connect": limits.connect, "read": None, "write": None, "pool": None}
        request = httpx2.Request(
            outgoing.method,
            outgoing.url,
            headers=list(outgoing.headers),
            content=outgoing.body or None,
            extensions={"timeout": timeout, "trace": connection.trace},
        )
        transport = self._transport(secure=request.url.scheme == "https", keep_alive=keep_alive)
        last = begun + limits.total
        async with asyncio.timeout_at(min(begun + limits.first_byte, last)) as timer:
            response = await transport.handle_async_request(request)
            async with aclosing(response), aclosing(response.aiter_raw()) as body:
                version = response.extensions.get("http_version", b"HTTP/1.1").decode("ascii", "replace")
                recording.begin(response.status_code, version, response.headers.raw, now() - begun)
                deadline = _Deadline(timer, limits, last)
                deadline.move(now(), None)
                async for data in body:
                    arrived = now()
                    recording.take(data, arrived - begun)
                    deadline.move(arrived, recording.last_word)
                    if outgoing.hang_up:
                        raise _HungUp
                recording.end()

    def _transport(self, *, secure: bool, keep_alive: bool) -> "httpx2.AsyncHTTPTransport":
        """The connection pool; certificates are read once, and only for https."""
        import httpx2

        which = (secure, keep_alive)
        if which not in self._transports:
            self._transports[which] = httpx2.AsyncHTTPTransport(
                verify=secure,
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None if keep_alive else 0),
            )
        return self._transports[which]

    async def aclose(self) -> None:
        transports, self._transports = list(self._transports.values()), {}
        for transport in transports:
            await transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class _Deadline:
    """When the next byte is due; moved only now and then, for to move it with every byte costs more than to read it."""

    SLACK = 0.05
    """The part of the idle time by which it may be late."""

    def __init__(self, timer: asyncio.Timeout, limits: Limits, last: float) -> None:
        self._timer, self._limits, self._last = timer, limits, last
        self._stands_until = 0.0
        self._last_word: str | None = None

    def move(self, arrived: float, last_word: str | None) -> None:
        """After a byte: on by the idle time, or once a stream has said its last word, by the grace that it gets."""
        if last_word != self._last_word:
            self._last_word = last_word
            self._timer.reschedule(min(arrived + self._limits.grace, self._last))
        elif last_word is None and arrived >= self._stands_until:
            slack = self._limits.idle * self.SLACK
            self._stands_until = arrived + slack
            self._timer.reschedule(min(arrived + self._limits.idle + slack, self._last))


class _HungUp(Exception):
    """The case closes the connection inside the answer."""


class _Connection:
    """Learns from the library's trace whether a request opened a connection of its own."""

    reused = True

    async def trace(self, name: str, _info: dict[str, Any]) -> None:
        if name == "connection.connect_tcp.started":
            self.reused = False


def _too_slow(recording: Recording, limits: Limits) -> tuple[Outcome, str]:
    if recording.last_word:
        return (
            "unfinished",
            f"the stream said {recording.last_word}, and the body did not end within {limits.grace:g} s",
        )
    if recording.status is None:
        return "slow", f"no answer began within {limits.first_byte:g} s"
    return "slow", f"no further byte within {limits.idle:g} s, or no end within {limits.total:g} s"


def _protocol_error(said: str, recording: Recording) -> tuple[Outcome, str]:
    if recording.status is not None:
        return ("cut" if CLOSED_INSIDE in said else "malformed"), said
    if CLOSED_EARLY in said:
        return "reset", said
    return ("oversized" if HEAD_TOO_LONG in said else "malformed"), said


def _why(problem: BaseException) -> str:
    """What the client says of a failure; the deepest cause is the plainest."""
    deepest = problem
    while cause := _cause(deepest):
        deepest = cause
    if isinstance(deepest, ConnectionError | TimeoutError) and deepest.errno:
        return os.strerror(deepest.errno)
    return str(deepest) or str(problem) or type(problem).__name__


def _cause(problem: BaseException) -> BaseException | None:
    if isinstance(problem, BaseExceptionGroup):  # one for each address of a host
        return next(iter(problem.exceptions), None)
    return problem.__cause__ or problem.__context__

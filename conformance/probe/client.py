"""The HTTP client of a run: one request and its answer; transport errors are outcomes, not exceptions."""

import asyncio
import os
import re
import time
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from conformance.probe.aside import LARGE, in_turn, on_thread
from conformance.probe.connection import Connection, NotHttpError, place_and_target
from conformance.probe.encoding import EncodingError, OversizedError
from conformance.probe.exchange import AFTER_THE_END, Exchange, Outcome
from conformance.probe.pool import Pool
from conformance.probe.pulse import Allowance, Pulse
from conformance.probe.recording import Limits, Recording
from conformance.probe.request import Outgoing
from conformance.probe.scrub import Scrubber
from conformance.probe.shelf import shelved

if TYPE_CHECKING:
    import ssl

SHOWN = 200
"""Bytes after the end that are quoted."""
CLOSED_EARLY = "Server disconnected"
CLOSED_INSIDE = "peer closed connection"
HEAD_TOO_LONG = "Receive buffer too long"
TICK = 0.001
"""Seconds by which a timer of the event loop may be early."""
WAITING_SECONDS = 1.0
"""How long a client waits that hangs up while its answer is still being made."""
_ABANDONED: tuple[Outcome, str] = ("abandoned", "the case closes the connection here")
HAVE_BODIES = frozenset({"POST", "PUT", "PATCH"})
"""Methods whose requests say their length even where it is 0."""

_TRIED = re.compile(r"(?:Multiple exceptions: )?\[Errno (\d+)\] Connect call failed")


class Client:
    """Sends requests and records the answers byte for byte; one for a run, used on one event loop.

    Redirects are recorded and not followed, and neither proxies nor stored credentials of the environment are used.
    """

    def __init__(self, *, limits: Limits | None = None, keys: Iterable[str | None] = ()) -> None:
        self.limits = limits or Limits()
        self._scrubber = Scrubber(keys)
        self._pool = Pool(_certificates)
        self._pulse = Pulse()
        self._large = asyncio.Lock()
        """Held while a large answer is searched for keys, or waits for its turn: that takes memory, and a thread."""

    async def ask(self, outgoing: Outgoing) -> Exchange:
        """One request and its answer, whatever comes of it: trouble is an outcome, not an exception.

        A kept-alive connection that turns out dead before the first byte is the server's right
        (https://www.rfc-editor.org/rfc/rfc9112#name-closing-connections-and-mess): asked again once, on a fresh one.
        So is a request whose answer came over a used connection with more behind it, or before the request was there:
        it may be an earlier one's.
        """
        exchange, used = await self._send(outgoing, keep_alive=True)
        if used.before and (doubt := used.doubt or _failed_before_an_answer(exchange)):
            if used.doubt:
                self._pool.doubt()
            exchange, _ = await self._send(outgoing, keep_alive=False)
            exchange = replace(exchange, notes=(f"{doubt}; asked again on a fresh one", *exchange.notes))
        if exchange.size <= LARGE:
            return shelved(self.scrubbed(exchange))
        async with self._large:
            return shelved(await on_thread(lambda: in_turn(exchange.size, lambda: self.scrubbed(exchange))))

    async def with_late(self, question: str, exchange: Exchange) -> Exchange:
        """The exchange of a question of several requests, with what came after its end until now."""
        late = await self._pool.unasked(question)
        return replace(exchange, notes=(*exchange.notes, *self._surplus(late))) if late else exchange

    def _surplus(self, behind: bytes) -> tuple[str, ...]:
        """The note on bytes after the end of an answer; none where there are none."""
        shown = self._scrubber.data(behind)[:SHOWN]
        return (f"{AFTER_THE_END}{len(behind)}: {shown!r}",) if shown else ()

    def release(self, question: str) -> None:
        """Leaves the connections of a question of several requests to others."""
        self._pool.release(question)

    def scrubbed(self, exchange: Exchange) -> Exchange:
        """An exchange without the keys that are sent."""
        return self._scrubber.exchange(exchange)

    async def _send(self, outgoing: Outgoing, *, keep_alive: bool) -> "tuple[Exchange, _Used]":
        """The exchange, and what is to be noted of the connection that it went over."""
        now = asyncio.get_running_loop().time
        begun = now()
        recording = Recording(self.limits, started=time.time())
        used = _Used()
        with self._pulse:
            outcome, detail = await self._record(outgoing, recording, used, keep_alive=keep_alive)
        notes = self._surplus(recording.behind + used.surplus)
        if outgoing.padding:
            notes = (*notes, f"the body was sent with {outgoing.padding} bytes of white space before its last brace")
        request = self._scrubber.request(outgoing)
        return recording.exchange(request, outcome, now() - begun, detail, notes), used

    async def _record(
        self, outgoing: Outgoing, recording: Recording, used: "_Used", *, keep_alive: bool
    ) -> tuple[Outcome, str]:
        now = asyncio.get_running_loop().time
        last = now() + self.limits.total
        try:
            connection = await self._connected(outgoing, fresh=not keep_alive)
        except TimeoutError:
            return "unreachable", f"no connection within {self.limits.connect:g} s"
        except (OSError, UnicodeError) as problem:  # a name too long to be one is no Unicode that DNS takes
            return "unreachable", _why(problem)
        used.before = connection.used
        ended = False
        try:
            await self._receive(outgoing, recording, connection, last)
        except _HungUp:
            outcome: tuple[Outcome, str] = _ABANDONED
        except TimeoutError:
            waited = outgoing.hang_up == "waiting" and recording.status is None
            outcome = _ABANDONED if waited else _too_slow(recording, self.limits, over=now() + TICK >= last)
        except OversizedError as problem:
            outcome = "oversized", str(problem)
        except EncodingError as problem:
            outcome = "malformed", str(problem)
        except NotHttpError as problem:
            outcome = _protocol_error(str(problem), recording)
        except OSError as problem:
            outcome = ("reset" if recording.status is None else "cut"), _why(problem)
        except ValueError as problem:
            outcome = "failed", _why(problem)
        else:
            await connection.settle()
            used.surplus = connection.surplus
            self._pool.give_back(connection, outgoing.question)
            ended = True
            outcome = "complete", ""
        finally:
            used.hasty = connection.hasty
            if not ended:
                connection.close()
        return outcome

    async def _connected(self, outgoing: Outgoing, *, fresh: bool) -> Connection:
        place, _, _ = place_and_target(outgoing.url)
        async with Allowance(asyncio.get_running_loop().time() + self.limits.connect):
            return await self._pool.connection(place, fresh=fresh, question=outgoing.question)

    async def _receive(self, outgoing: Outgoing, recording: Recording, connection: Connection, last: float) -> None:
        now = asyncio.get_running_loop().time
        limits = self.limits
        begun = now()
        _, host, target = place_and_target(outgoing.url)
        headers = [("host", host), *outgoing.headers]
        chunked = any(name.lower() == "transfer-encoding" for name, _ in headers)  # says itself where the body ends
        if (outgoing.body or outgoing.method in HAVE_BODIES) and not chunked:
            headers.append(("content-length", str(len(outgoing.body) + outgoing.padding)))
        patience = WAITING_SECONDS if outgoing.hang_up == "waiting" else limits.first_byte
        try:
            async with Allowance(min(begun + patience, last)) as timer:
                await connection.send(outgoing.method, target, headers, outgoing.pieces)
                head = await connection.head()
                recording.begin(head.status, head.http_version, head.headers, now() - begun)
                deadline = _Deadline(timer, limits, last)
                deadline.move(now(), None)
                while (data := await connection.piece()) is not None:
                    arrived = now()
                    recording.take(data, arrived - begun)
                    deadline.move(arrived, recording.last_word)
                    if outgoing.hang_up and (outgoing.hang_up != "words" or recording.has_words):
                        raise _HungUp
                recording.end()
        finally:
            recording.held_up = self._pulse.gaps_since(begun, now())

    async def aclose(self) -> None:
        self._pool.close()

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

    def __init__(self, timer: Allowance, limits: Limits, last: float) -> None:
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


class _Used:
    """What is to be noted of the connection that a request went over."""

    before = False
    """Another request went over it before."""
    surplus = b""
    """What arrived on it after the end of the answer."""
    hasty = False
    """What was read as the answer came before the request was there."""

    @property
    def doubt(self) -> str:
        """Why the answer may be of an earlier request, if another went over the connection before."""
        if self.surplus:
            return "a kept-alive connection carried more than one answer, and this one may be of an earlier request"
        return (
            "an answer came over a kept-alive connection before the request had arrived, and may be of an earlier one"
            if self.hasty
            else ""
        )


def _failed_before_an_answer(exchange: Exchange) -> str:
    """How a kept-alive connection turned out dead."""
    failed = exchange.status is None and exchange.outcome in ("reset", "malformed")
    return f"a kept-alive connection failed before an answer began ({exchange.detail})" if failed else ""


def _certificates() -> "ssl.SSLContext":
    import httpx2  # its choice of certificates is that of the SDKs

    return httpx2.create_ssl_context()


def _too_slow(recording: Recording, limits: Limits, *, over: bool) -> tuple[Outcome, str]:
    if recording.last_word:
        return (
            "unfinished",
            f"the stream said {recording.last_word}, and the body did not end within {limits.grace:g} s",
        )
    if recording.status is None:
        return "slow", f"no answer began within {limits.first_byte:g} s"
    return "slow", f"no end within {limits.total:g} s" if over else f"no further byte within {limits.idle:g} s"


def _protocol_error(said: str, recording: Recording) -> tuple[Outcome, str]:
    if recording.status is not None:
        return ("cut" if CLOSED_INSIDE in said else "malformed"), said
    if CLOSED_EARLY in said:
        return "reset", said
    return ("oversized" if HEAD_TOO_LONG in said else "malformed"), said


def _why(problem: BaseException) -> str:
    """What the system says of a failure; of several addresses of a host, what it says of the first."""
    if isinstance(problem, ConnectionError | TimeoutError) and problem.errno:
        return os.strerror(problem.errno)
    said = str(problem) or type(problem).__name__
    tried = _TRIED.match(said)
    return os.strerror(int(tried[1])) if tried else said

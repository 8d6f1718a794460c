"""Retries for rate limits, overload, a model that is loading and failed connections."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from conformance.doors import http_date, seconds
from conformance.probe.aside import Aside
from conformance.probe.client import Client
from conformance.probe.exchange import Exchange
from conformance.probe.request import Outgoing

BUSY = frozenset({429, 503, 529})
FAILED = 400
RETRIES = 3
BACK_OFF = (0.5, 1.0, 2.0)
"""Seconds before each retry when the server names none."""
LONGEST_WAIT = 60.0
"""Seconds of `retry-after` that are honoured."""
LOADING_PAUSE = 2.0
ASKED_AGAIN = "asked again after"
"""What a note of an exchange says where the first answer was no answer to judge."""

AGAINST = "though x-should-retry said false"
"""What the same note ends with where the official clients would not have asked again."""

Say = Callable[[str], None]
"""Where a line for the person who waits goes."""


class FinalExchange(Struct, frozen=True):
    """An exchange after all patience; `trouble` says why it is no answer to judge, empty when it is one."""

    exchange: Exchange
    trouble: str = ""


class Slots:
    """The number of requests that may be in flight; it only ever shrinks."""

    def __init__(self, limit: int) -> None:
        self.most = max(1, limit)
        """What no circumstance exceeds."""
        self.limit = self.most
        self._taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def halve(self) -> None:
        """From now on half as many: what is in flight ends first."""
        self.limit = max(1, self.limit // 2)

    def one_at_a_time(self) -> None:
        """From now on one after the other."""
        self.limit = 1

    @asynccontextmanager
    async def hold(self, number: int = 1) -> AsyncIterator[None]:
        """Room for requests that are in flight together, in the order in which it is asked for.

        Where the limit has become smaller than that, they are in flight alone; ValueError for more than `most`.
        """
        if number > self.most:
            raise ValueError(f"{number} requests are to be in flight, and {self.most} may be")
        await self._take(number)
        try:
            yield
        finally:
            self._taken -= number
            self._wake()

    async def _take(self, number: int) -> None:
        if not self._waiting and self._fits(number):
            self._taken += number
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append((number, place))
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it was given room in the same moment
                self._taken -= number
            else:
                with suppress(ValueError):  # whoever made room has passed over it already
                    self._waiting.remove((number, place))
            self._wake()
            raise

    def _fits(self, number: int) -> bool:
        return self._taken == 0 or self._taken + number <= self.limit

    def _wake(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            number, place = self._waiting.popleft()
            if not place.done():
                self._taken += number
                place.set_result(None)


class Patience:
    """The patience of a run, shared by its cases: what one of them learns of the server's limits holds for all."""

    def __init__(self, concurrency: int, *, say: Say | None = None) -> None:
        self.slots = Slots(concurrency)
        self.aside = Aside()
        self._say = say or (lambda _line: None)
        self._resume = 0.0
        self._eased = 0.0
        self._gone = False
        self._loading_said = False

    async def ask(self, client: Client, outgoing: Outgoing, *, waits_for: Collection[int] = ()) -> FinalExchange:
        """Asks until there is an answer to judge, or patience ends; statuses in `waits_for` are answers."""
        now = asyncio.get_running_loop().time
        notes: list[str] = []
        loading_until = now() + client.limits.first_byte
        retries = 0
        while True:
            if (held_back := self._resume - now()) > 0:
                await asyncio.sleep(held_back)
            sent = now()
            exchange = await client.ask(outgoing)
            trouble = _trouble(exchange, waits_for)
            if not trouble:
                self._gone = False
                break
            if is_loading(exchange) and now() < loading_until:
                self._announce_loading(client.limits.first_byte)
                await asyncio.sleep(LOADING_PAUSE)
                continue
            wait = _wait(exchange, retries)
            if retries == RETRIES or wait is None or (self._gone and exchange.status is None):
                self._gone = exchange.status is None
                break
            retries += 1
            against = f", {AGAINST}" if is_final(exchange) else ""
            notes.append(f"{trouble}; {ASKED_AGAIN} {wait:g} s{against}")
            self._ease(sent, wait)
            await asyncio.sleep(wait)
        if notes:
            exchange = replace(exchange, notes=(*notes, *exchange.notes))
        return FinalExchange(exchange, trouble)

    def _ease(self, sent: float, wait: float) -> None:
        """Holds all cases back, and halves how many run: once for all requests that were in flight together."""
        now = asyncio.get_running_loop().time()
        self._resume = max(self._resume, now + wait)
        if sent > self._eased:
            self._eased = now
            self.slots.halve()

    def _announce_loading(self, longest: float) -> None:
        if not self._loading_said:
            self._loading_said = True
            self._say(f"The server is still loading the model: waiting for it, up to {longest:g} s.")


def _trouble(exchange: Exchange, waits_for: Collection[int]) -> str:
    """Why this exchange is no answer to judge, or nothing."""
    if exchange.outcome == "unreachable":
        return f"unreachable: {exchange.detail}"
    if exchange.status in BUSY and exchange.status not in waits_for:
        return f"rate limited: status {exchange.status}"
    return ""


def is_final(exchange: Exchange) -> bool:
    """Whether a failure tells its client not to ask again, which the official SDKs obey."""
    return exchange.status is not None and exchange.status >= FAILED and exchange.header("x-should-retry") == "false"


def is_loading(exchange: Exchange) -> bool:
    """llama.cpp says `Loading model` with 503 (https://github.com/ggml-org/llama.cpp/tree/master/tools/server)."""
    return exchange.status == 503 and b"loading" in exchange.body[:2000].lower()


def _wait(exchange: Exchange, retries: int) -> float | None:
    """Seconds to wait before the next try; None when the server asks for more than we give."""
    asked = _retry_after(exchange)
    if asked is None:
        return BACK_OFF[min(retries, len(BACK_OFF) - 1)]
    return asked if asked <= LONGEST_WAIT else None


def _retry_after(exchange: Exchange) -> float | None:
    """Seconds in `retry-after`, a number or a date (https://www.rfc-editor.org/rfc/rfc9110#name-retry-after)."""
    value = exchange.header("retry-after")
    if value is None:
        return None
    asked = seconds(value)
    if asked is not None:
        return max(0.0, asked)
    when = http_date(value)
    return None if when is None else max(0.0, (when - datetime.now(UTC)).total_seconds())

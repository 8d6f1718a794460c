"""Measures whether a server answers questions side by side or one after the other, by asking two at once."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from msgspec import Struct

from conformance.catalog.case import Ask
from conformance.probe.client import Client
from conformance.probe.request import Setting, new_nonce, render
from conformance.targets.target import Target

NOTICED = 0.2
"""Seconds of one answer below which nobody waits: to ask side by side or not is all the same."""
CERTAIN = 2.0
"""Seconds of one answer from which on the times are no noise, and one look is enough."""
OURS = 0.2
"""The part of a time for which the suite itself may have been held up: side by side it stays below SERIAL."""
TRIES = 4
"""How often a time is taken at most in which the suite was held up: a busy machine has quiet seconds, too."""
SERIAL = 1.6
"""The times of one answer that two together take at least: side by side it is 1, one after the other 2."""

Result = TypeVar("Result")


class Pace(Struct, frozen=True):
    """Seconds of one answer alone, and of two that were asked together."""

    alone: float
    together: float

    @property
    def serial(self) -> bool:
        """Whether to ask two at once gains next to nothing."""
        return self.alone >= NOTICED and self.together >= SERIAL * self.alone

    def __str__(self) -> str:
        return f"two questions together took {self.together:.1f} s, one alone {self.alone:.1f} s"


async def timed(work: Awaitable[Result]) -> tuple[Result, float]:
    """What some work comes to, and the seconds that it took."""
    began = time.monotonic()
    return await work, time.monotonic() - began


async def pace_of(target: Target, client: Client) -> Pace | None:
    """The pace of a server that answers one question at a time; None for any other, and where nobody waits.

    Short answers are looked at twice, and both looks must say the same.
    """
    pace = await _look(target, client)
    if pace is None or not pace.serial:
        return None
    if pace.alone < CERTAIN:
        again = await _look(target, client)
        if again is None or not again.serial:
            return None
        pace = Pace(max(pace.alone, again.alone), min(pace.together, again.together))
    return pace if pace.serial else None


async def _look(target: Target, client: Client) -> Pace | None:
    alone = await _seconds(target, client, 1)
    if alone is None or alone < NOTICED:
        return None
    together = await _seconds(target, client, 2)
    return None if together is None else Pace(alone, together)


async def _seconds(target: Target, client: Client, number: int) -> float | None:
    """How long some questions take that are asked together; None where one is not answered, or we were held up."""
    body = {"max_tokens": 16, "messages": [{"role": "user", "content": "Reply with exactly: {nonce}"}]}
    for _ in range(TRIES):
        asked = [render(Ask(body=body), Setting(target=target, mode="json", nonce=new_nonce())) for _ in range(number)]
        began = asyncio.get_running_loop().time()
        answers = await asyncio.gather(*map(client.ask, asked))
        took = asyncio.get_running_loop().time() - began
        if any(answer.status != 200 for answer in answers):
            return None
        if max(answer.late for answer in answers) <= OURS * took:
            return took
    return None

"""The pulse of the event loop that asks: when it was held up, so that its own delay is not held against an endpoint."""

import asyncio
from collections import deque
from itertools import takewhile
from types import TracebackType
from typing import Self

BEAT = 0.05
"""Seconds between two beats, while something is asked."""
LATE = 0.05
"""Seconds by which a beat is late where the loop was held up: by work, by other threads, or by a busy machine."""
MOST = 1000
"""Delays that are remembered: the latest ones."""
SECOND_LOOK = 1.0
"""Seconds at most for which one looks again where time was over while nobody could look."""

Gap = tuple[float, float]
"""A time in which nobody looked at what had arrived: from the last beat before it to the late one."""


class Pulse:
    """Beats while somebody asks, and remembers when it could not; on one event loop."""

    def __init__(self) -> None:
        self._gaps: deque[Gap] = deque(maxlen=MOST)
        self._asking = 0
        self._last = self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._asking += 1
        if self._timer is None:
            self._beat(asyncio.get_running_loop())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._asking -= 1

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        if self._timer is not None:
            self._note(now)
        self._last, self._due = now, now + BEAT
        self._timer = loop.call_at(self._due, self._beat, loop) if self._asking else None

    def _note(self, now: float) -> None:
        if now - self._due <= LATE:
            return
        begun = self._gaps.pop()[0] if self._gaps and self._gaps[-1][1] == self._last else self._last
        self._gaps.append((begun, now))

    def gaps_since(self, begun: float, now: float) -> tuple[Gap, ...]:
        """The delays since a time of the loop, in seconds from then; the one that lasts until now included."""
        found = [(self._last, now)] if self._timer is not None and now - self._due > LATE else []
        found += takewhile(lambda gap: gap[1] > begun, reversed(self._gaps))
        return tuple([(round(max(start - begun, 0.0), 6), round(end - begun, 6)) for start, end in reversed(found)])


class Allowance:
    """Ends the waiting when its time is over, with TimeoutError; where that came late, only after a second look.

    Whatever arrived while the loop was held up is read first, so that a busy machine is no slow server.
    """

    def __init__(self, when: float) -> None:
        self._when = when
        self._over = False

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._cancelling = task, task.cancelling()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_at(self._when, self._end)
        return self

    def reschedule(self, when: float) -> None:
        self._when = when
        self._timer.cancel()
        self._timer = self._loop.call_at(when, self._end)

    def _end(self) -> None:
        late = self._loop.time() - self._when
        if late > LATE:
            self.reschedule(self._loop.time() + min(late, SECOND_LOOK))
            return
        self._over = True
        self._task.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._over and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

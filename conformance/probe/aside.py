"""Runs slow work on a thread of its own, so that the event loop goes on asking and can be stopped."""

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import cache
from typing import TypeVar

Result = TypeVar("Result")

LARGE = 64 * 2**10
"""Bytes of answers from which on reading them is worth a thread."""


class Aside:
    """Runs work on large answers one after the other: two at once would be no faster, and take twice the memory."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._next = asyncio.Lock()
        self._alone = asyncio.Lock()
        self._holder: AsyncExitStack | None = None

    async def alone(self, stack: AsyncExitStack) -> None:
        """Waits until no other stack is alone; until this one is closed, no other one is."""
        if self._holder is not stack:
            await stack.enter_async_context(self._alone)
            self._holder = stack

    async def run(self, size: int, work: Callable[[], Result]) -> Result:
        """The result of work on so many bytes: here where they are few, one after the other.

        Before each, the loop sends what may go out and takes what has arrived: a server that answers sixteen requests
        together would else wait for sixteen readings before it hears more.
        """
        if size <= LARGE:
            async with self._next:
                await asyncio.sleep(0)
                return work()
        async with self._turn:
            place = _Place()
            try:
                return await on_thread(lambda: _TURN.take(work, place))
            finally:
                _TURN.leave(place)
                _give_back()


@cache
def _trim() -> Callable[[int], int] | None:
    """What gives the free memory of the C library back to the system, where it is glibc."""
    if sys.platform != "linux":
        return None
    import ctypes

    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim


def _give_back() -> None:
    """Gives back what reading a large answer took: between what stays, it would lie free until the next one."""
    if trim := _trim():
        trim(0)


class _Place:
    """The place of one piece of work in the queue for a turn."""

    def __init__(self) -> None:
        self.left = False
        """Whether nobody waits for the work any more."""


class _Turn:
    """Gives one piece of work after the other its turn."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holder: _Place | None = None
        self._mine = threading.local()
        """`place`: that of the work that a thread is doing."""

    def take(self, work: Callable[[], Result], place: _Place) -> Result:
        self._enter(place)
        if place.left:
            raise TimeoutError("given up before its turn")
        self._mine.place = place
        try:
            return work()
        finally:
            self._mine.place = None
            self.leave(place)

    def _enter(self, place: _Place) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._holder is None or place.left)
            if not place.left:
                self._holder = place

    def leave(self, place: _Place) -> None:
        """Makes way for the next, though the work may go on: at the end of a budget, nobody waits for it."""
        with self._changed:
            place.left = True
            if self._holder is place:
                self._holder = None
            self._changed.notify_all()

    def lend(self, wait: Callable[[], Result]) -> Result:
        """What a thread waits for in the midst of its work; meanwhile others have their turn, for it may be theirs."""
        mine: _Place | None = getattr(self._mine, "place", None)
        if mine is None:
            return wait()
        self.leave(mine)
        try:
            return wait()
        finally:
            mine.left = False
            self._enter(mine)


_TURN = _Turn()
out_of_turn = _TURN.lend


def in_turn(size: int, work: Callable[[], Result]) -> Result:
    """The result of work on so many bytes, done here; where they are many, not while others are read on a thread."""
    return work() if size <= LARGE else _TURN.take(work, _Place())


async def on_thread(work: Callable[[], Result]) -> Result:
    """The result of work on a thread that nobody waits for when the run ends first."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, problem: BaseException | None) -> None:
        if done.cancelled():
            return
        if problem is None:
            done.set_result(result)  # type: ignore[arg-type]  # None is a result, too
        else:
            done.set_exception(problem)

    def run() -> None:
        result, problem = None, None
        try:
            result = work()
        except BaseException as caught:  # noqa: BLE001 - it is raised where the work is waited for
            problem = caught
        try:
            loop.call_soon_threadsafe(settle, result, problem)
        except RuntimeError:  # the run ended meanwhile, and nobody waits
            return

    threading.Thread(target=run, name="conformance-aside", daemon=True).start()
    return await done

"""Work that is given up when its time is over, or when a person or the system ends it."""

import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import FrameType
from typing import TypeVar

Result = TypeVar("Result")
HEEDED = 0.5
"""Seconds between two looks at whether the work was ended."""
_ended = threading.Event()


def end_by_signals() -> None:
    """Lets SIGTERM end the work of the main thread as Ctrl-C does, and neither of them be lost.

    What a handler raises while a weak reference is let go of is dropped by Python: it was seen once in a run's test.
    """
    _ended.clear()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _end)
        signal.signal(signal.SIGTERM, _end)


def _end(_number: int, _frame: FrameType | None) -> None:
    _ended.set()
    raise KeyboardInterrupt


def heed() -> None:
    """KeyboardInterrupt where the work was ended, however that came to nothing at the time."""
    if _ended.is_set():
        raise KeyboardInterrupt


def awaited(future: "Future[Result]") -> Result:
    """What a future comes to; KeyboardInterrupt where the work is ended meanwhile."""
    while True:
        heed()
        try:
            return future.result(HEEDED)
        except TimeoutError:
            if future.done():
                raise


def within(seconds: float | None, work: Callable[[], Result]) -> Result:
    """What some work comes to, done in a thread of its own; TimeoutError when it takes longer, None for any time.

    The thread is left to itself then: it does not keep the process from ending. Ctrl-C is heard all the while.
    """
    if seconds is None:
        return work()
    done: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as problem:  # noqa: BLE001 - it is raised again where the result is waited for
            failed.append(problem)

    thread = threading.Thread(target=run, name="conformance-bounded", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError(f"not done within {seconds:g} s")
    return done[0]

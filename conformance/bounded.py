"""Work that is given up when its time is over."""

import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


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

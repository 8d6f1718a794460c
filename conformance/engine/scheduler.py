"""The engine: asks questions on one event loop in a thread of its own, ahead of the judging."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import TypeVar

from conformance.engine.question import Question, Record

AHEAD = 64
"""Questions asked ahead of the judging, at most: answers wait in memory until they are judged."""

PATIENCE = 1.0
"""Seconds that what is under way gets to end when the run ends."""

Result = TypeVar("Result")
Asking = Callable[[Question], Awaitable[Record]]


class Engine:
    """Turns questions into records; every question is asked once, whoever wants to know."""

    def __init__(self, asking: Callable[["Engine"], Asking], *, ahead: int = AHEAD) -> None:
        self._make_asking = asking
        self._ask: Asking | None = None
        self._ahead = ahead
        self._tasks: dict[Question, asyncio.Task[Record]] = {}
        self._known: dict[Question, Record] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="conformance-engine", daemon=True)
        self._begun = False
        self._left: Iterator[Question] = iter(())
        self._fed = 0  # counted on the loop
        self._judged = 0  # counted by the judging thread

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._ask = self._make_asking(self)
        self._loop.run_forever()

    def submit(self, work: Coroutine[object, object, Result]) -> Future[Result]:
        """Runs a coroutine on the engine's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Coroutine[object, object, Result]) -> Result:
        """Runs a coroutine on the engine's loop and waits for it."""
        return self.submit(work).result()

    def know(self, record: Record) -> None:
        """Takes a record that an earlier run left, so that the question is not asked again."""
        self._known[record.question] = record

    def begin(self, questions: Sequence[Question]) -> None:
        """Starts to ask in this order, a bounded number ahead of the judging; once."""
        if not self._begun:
            self._begun = True
            self._left = iter(questions)
            self._loop.call_soon_threadsafe(self._feed)

    def _feed(self, _done: object = None) -> None:
        """Fills the window, whenever an answer is there or the judging has caught up."""
        for question in islice(self._left, self._ahead - (self._fed - self._judged)):
            self._fed += 1
            self._task(question)

    def _task(self, question: Question) -> asyncio.Task[Record]:
        task = self._tasks.get(question)
        if task is None:
            task = self._tasks[question] = self._loop.create_task(self._recorded(question))
            task.add_done_callback(self._feed)
        return task

    async def _recorded(self, question: Question) -> Record:
        known = self._known.get(question)
        if known is not None:
            return known
        assert self._ask is not None
        return await self._ask(question)

    async def learn(self, question: Question) -> Record:
        """The record of a question that another one leans on; for use on the loop."""
        return await asyncio.shield(self._task(question))

    def record(self, question: Question) -> Record:
        """The record of a question, waited for; asked out of turn where it is not under way."""
        known = self._known.get(question)
        if known is not None:
            return known
        task = self._tasks.get(question)
        return task.result() if task is not None and task.done() else self.call(self.learn(question))

    def judged(self, question: Question) -> None:
        """Lets go of a question's answers, and makes room for another.

        The loop makes use of it with its next answer; it is woken only when half of the window is judged, since to
        wake it for every question costs as much as to judge one.
        """
        record = self._known.get(question) or self._tasks[question].result()
        self._known[question] = record.light()
        self._tasks.pop(question, None)
        self._judged += 1
        if self._fed - self._judged == self._ahead // 2:
            self._loop.call_soon_threadsafe(self._feed)

    def running(self) -> int:
        """How many questions are under way."""
        return sum(not task.done() for task in list(self._tasks.values()))

    def stop(self, closing: Coroutine[object, object, None] | None = None) -> None:
        """Cancels what is under way, closes what `closing` closes, and ends the thread."""
        if not self._thread.is_alive():
            return
        self.call(self._cancel())
        if closing is not None:
            self.call(closing)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        if not self._thread.is_alive():
            self._loop.close()

    async def _cancel(self) -> None:
        self._left = iter(())
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE)


class Deadline:
    """The end of a run's budget; never, without one."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """Seconds, None without a budget."""
        return None if self._end is None else max(0.0, self._end - time.monotonic())

    @property
    def passed(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end

"""The scheduler: asks each question once, on one event loop, ahead of the judging."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import TypeVar

from conformance.bounded import HEEDED, awaited, heed
from conformance.catalog.prompts import words_asked_for
from conformance.engine.question import Question, Record
from conformance.probe.aside import LARGE, out_of_turn

AHEAD = 256
"""Questions asked ahead of the judging, at most: answers wait in memory until they are judged, small ones as a rule.

With 64, the asking stood still while the SDK, which reads the first answers, was imported: two seconds of thirty."""

HELD = 2 * 2**20
"""Bytes of answers that wait to be judged: while there are more, nothing further is asked."""
LONG = 200
"""Words from which on an answer is asked for before the others."""
BUDGET_SPENT = "budget spent"
LATE = 1.0
"""Seconds after the end of the budget from which on a large answer, which takes long to judge, is given up."""
PATIENCE = 1.0
"""Seconds that what is under way gets to end when the run ends."""

Result = TypeVar("Result")
Asking = Callable[[Question], Awaitable[Record]]


def long_first(questions: Iterable[Question]) -> list[Question]:
    """The questions whose answers take long before all others, so that nobody waits for them alone at the end."""
    words = {question: words_asked_for(question.case) for question in questions}
    return sorted(words, key=lambda question: -words[question] if words[question] >= LONG else 0)


class Memory:
    """The records of a run, on an event loop: every question is asked once, whoever wants to know."""

    def __init__(self, asking: "Callable[[Memory], Asking]") -> None:
        self._ask = asking(self)
        self.tasks: dict[Question, asyncio.Task[Record]] = {}
        """What is under way, or answered and not yet judged."""
        self.known: dict[Question, Record] = {}
        """What was judged, or recorded by an earlier run, and is not asked again."""
        self._awaited: dict[Question, threading.Event] = {}
        """Of the questions whose end another thread waits for."""

    def task(self, question: Question) -> asyncio.Task[Record]:
        """The asking of a question, begun if it is not under way."""
        task = self.tasks.get(question)
        if task is None:
            task = self.tasks[question] = asyncio.ensure_future(self._recorded(question))
            task.add_done_callback(lambda _: self._tell(question))
        return task

    def _tell(self, question: Question) -> None:
        """Tells who waits, after all on the loop that is to be told first."""
        if ended := self._awaited.pop(question, None):
            asyncio.get_running_loop().call_soon(ended.set)

    def wait_for(self, task: "asyncio.Task[Record]", question: Question) -> Record:
        """The record of a question that is under way, waited for on another thread than the loop's.

        The loop need not be woken for it: that takes as long as a tenth of a question.
        """
        ended = self._awaited.setdefault(question, threading.Event())
        while not task.done():
            heed()
            ended.wait(HEEDED)
        return task.result()

    async def _recorded(self, question: Question) -> Record:
        known = self.known.get(question)
        return await self._ask(question) if known is None else known

    async def learn(self, question: Question) -> Record:
        """The record of a question, for another one that leans on it."""
        return await asyncio.shield(self.task(question))

    async def learn_all(self, questions: Iterable[Question]) -> dict[Question, Record]:
        """The records of these questions and of all that they lean on, asked side by side."""
        await asyncio.gather(*map(self.learn, questions))
        return {question: await task for question, task in list(self.tasks.items())}


class Scheduler:
    """Asks the questions of a run on an event loop in a thread of its own, a bounded number ahead of the judging."""

    def __init__(
        self,
        asking: Callable[[Memory], Asking],
        *,
        ahead: int = AHEAD,
        deadline: "Deadline | None" = None,
        shown_to: Callable[[Record], None] | None = None,
    ) -> None:
        """`shown_to`: who gets to see each record as soon as it is there, on the loop."""
        self._shown_to = shown_to
        self._deadline = deadline or Deadline(None)
        self._memory = Memory(asking)
        self._ahead = ahead
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="conformance-scheduler", daemon=True)
        self._begun = False
        self._left: Iterator[Question] = iter(())
        self._fed = 0  # counted on the loop
        self._judged = 0  # counted by the judging thread
        self._arrived = 0  # bytes, counted on the loop
        self._let_go = 0  # bytes, counted by the judging thread
        self._full = False

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def submit(self, work: Coroutine[object, object, Result]) -> Future[Result]:
        """Runs a coroutine on the scheduler's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Coroutine[object, object, Result]) -> Result:
        """Runs a coroutine on the scheduler's loop and waits for it."""
        return self.submit(work).result()

    def know(self, record: Record) -> None:
        """Takes a record that an earlier run left, so that the question is not asked again."""
        self._memory.known[record.question] = record

    def begin(self, questions: Sequence[Question]) -> None:
        """Starts to ask in this order, but long answers first, a bounded number ahead of the judging; once."""
        if not self._begun:
            self._begun = True
            self._left = iter(long_first(questions))
            self._loop.call_soon_threadsafe(self._feed)

    def _feed(self) -> None:
        """Fills the window, whenever an answer is there or the judging has caught up."""
        self._full = self._arrived - self._let_go > HELD
        if self._full:
            return
        for question in islice(self._left, self._ahead - (self._fed - self._judged)):
            self._fed += 1
            self._memory.task(question).add_done_callback(self._came)

    def _came(self, task: "asyncio.Task[Record]") -> None:
        if not task.cancelled() and task.exception() is None:
            record = task.result()
            self._arrived += record.size
            if self._shown_to is not None:
                self._shown_to(record)
        self._feed()

    def record(self, question: Question) -> Record:
        """The record of a question, waited for; asked out of turn where it is not under way."""
        task = self._memory.tasks.get(question)
        if task is not None:
            if task.done():
                return self._in_time(task.result())
            return out_of_turn(lambda: self._memory.wait_for(task, question))
        return self._memory.known.get(question) or out_of_turn(
            lambda: awaited(self.submit(self._memory.learn(question)))
        )

    def _in_time(self, record: Record) -> Record:
        """The record, or that the budget is over, where to judge it now would hold up the end of the run."""
        if record.size <= LARGE or not self._deadline.is_past(LATE):
            return record
        question = record.question
        self._let_go += record.size
        self._memory.tasks.pop(question)
        given_up = self._memory.known[question] = Record(question=question, prevented=BUDGET_SPENT)
        return given_up

    def judged(self, question: Question) -> None:
        """Lets go of a question's answers, and makes room for another.

        The loop makes use of it with its next answer; it is woken only when half of the window is judged, since to
        wake it for every question costs as much as to judge one.
        """
        memory = self._memory
        task = memory.tasks.get(question)
        record = memory.known[question] if task is None else task.result()
        memory.known[question] = record.light()
        self._let_go += record.size
        memory.tasks.pop(question, None)
        self._judged += 1
        if self._full or self._fed - self._judged == self._ahead // 2:
            self._loop.call_soon_threadsafe(self._feed)

    def running(self) -> int:
        """The number of questions under way."""
        return sum(not task.done() for task in list(self._memory.tasks.values()))

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
        left = self.until(0)
        return None if left is None else max(0.0, left)

    def until(self, seconds: float) -> float | None:
        """Seconds until so many after the end, below zero when they are over; None without a budget."""
        return None if self._end is None else self._end + seconds - time.monotonic()

    def is_past(self, seconds: float) -> bool:
        """Whether the time ended so many seconds ago, or more."""
        left = self.until(seconds)
        return left is not None and left <= 0

    @property
    def passed(self) -> bool:
        return self.is_past(0)

"""The official SDK's reading of the answers to a question, kept beside the verdict; it never decides.

The SDK is heard in a process of its own, for its import takes a second and each answer a millisecond or two, which were
half of what the judging thread had to do. Answers are shown to it as they come; the judging waits for what it says.
"""

import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from queue import SimpleQueue
from typing import NamedTuple

import msgspec
from msgspec import Struct

from conformance.bounded import heed
from conformance.engine.question import Record
from conformance.engine.scheduler import LATE, PATIENCE, Deadline
from conformance.judge.observe import Reply
from conformance.judge.witness import Heard, Testimony, is_shown, messages, packed, too_large
from conformance.keys import KNOWN
from conformance.words import SdkTestimony

WORST_FIRST: tuple[SdkTestimony, ...] = ("rejects", "misreads", "accepts")
COMMAND: Sequence[str] = (sys.executable, "-m", "conformance.judge.witness")
SILENT = 60.0
"""Seconds for which its process may say nothing: it spends one on the largest answer."""
LARGE = 64 * 2**10
"""Bytes of an answer from which on it is shown only when it is judged: until then it lies on disk."""
MOST, BYTES = 64, 256 * 2**10
"""Answers that are on their way to the process at once, and their bytes: what it says of them fits into the socket."""
LOOKS = 0.5
"""Seconds between two looks at whether the run was ended."""


class Testimonies(Struct, frozen=True):
    """The worst testimony on the answers to a question, and each by the name of its evidence."""

    worst: SdkTestimony | None = None
    each: dict[str, Testimony] = {}
    failures: dict[str, str] = {}
    """Where the suite itself failed to ask the witness: the tracebacks."""
    unshown: dict[str, str] = {}
    """Why an answer was not shown to it."""

    @property
    def trace(self) -> str:
        """The first of these tracebacks; empty without one."""
        return next(iter(self.failures.values()), "")


Witness = Callable[[Record], Testimonies]


def no_testimonies(record: Record) -> Testimonies:  # noqa: ARG001 - a Witness that is not asked
    """The testimonies of a run that shows its answers to nobody."""
    return Testimonies()


def _shown(record: Record) -> Iterator[Reply]:
    """The answers of which the SDK has something to say."""
    for attempt in record.attempts:
        for reply in attempt.replies:
            if reply.answer.exchange.outcome != "abandoned" and is_shown(reply.answer):
                yield reply


class _Asked(NamedTuple):
    """An answer for the SDK, and what will have been heard of it."""

    data: bytes
    heard: "Future[Heard]"


class SdkWitness:
    """The installed SDK in a process that starts with the first answer; what it dies of is one answer's loss."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._heard: dict[str, Future[Heard]] = {}
        """By the name of the evidence."""
        self._queue: SimpleQueue[_Asked | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._end: socket.socket | None = None
        self._says: Iterator[bytes] = iter(())
        self._broken = ""
        """Why there is no SDK to be heard at all."""

    def show(self, record: Record) -> None:
        """Shows it the answers to a question, all but large ones, ahead of the judging."""
        for reply in _shown(record):
            if reply.answer.exchange.size <= LARGE and not too_large(reply.answer.exchange):
                self._heard[reply.evidence] = self._ask(reply)

    def __call__(self, record: Record) -> Testimonies:
        """What it says of the answers to a question, waited for."""
        found = Testimonies(None, {}, {}, {})
        for reply in _shown(record):
            if why := too_large(reply.answer.exchange):
                found.unshown[reply.evidence] = why
                continue
            asked = self._heard.pop(reply.evidence) if reply.evidence in self._heard else self._ask(reply)
            heard = self._awaited(asked)
            if heard.failure:
                found.failures[reply.evidence] = KNOWN.removed_from(heard.failure)
            elif heard.unshown:
                found.unshown[reply.evidence] = heard.unshown
            elif heard.testimony is not None:
                found.each[reply.evidence] = heard.testimony
        worst = min((testimony.verdict for testimony in found.each.values()), key=WORST_FIRST.index, default=None)
        return msgspec.structs.replace(found, worst=worst)

    def _ask(self, reply: Reply) -> "Future[Heard]":
        asked = _Asked(packed(reply.answer), Future())
        self._queue.put(asked)
        with self._lock:
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="conformance-witness", daemon=True)
                self._worker.start()
        return asked.heard

    def _awaited(self, future: "Future[Heard]") -> Heard:
        while not self._deadline.is_past(LATE):
            heed()
            try:
                return future.result(LOOKS)
            except TimeoutError:
                continue
        return future.result() if future.done() else Heard(unshown="not shown to the SDK: budget spent")

    def close(self) -> None:
        """Ends the process, whatever it is at."""
        with self._lock:
            self._closed = True
        self._queue.put(None)
        self._kill()
        if self._worker is not None:
            self._worker.join(PATIENCE)

    def _work(self) -> None:
        """Shows one batch of answers after the other: to hand over each alone takes longer than to hear it."""
        waiting: deque[_Asked] = deque()
        while True:
            while len(waiting) < MOST and not (waiting and self._queue.empty()):
                if (asked := self._queue.get()) is None:
                    self._hang_up()
                    return
                waiting.append(asked)
            batch, size = 1, len(waiting[0].data)
            while batch < len(waiting) and (size := size + len(waiting[batch].data)) <= BYTES:
                batch += 1
            for _ in range(self._show([waiting[number] for number in range(batch)])):
                waiting.popleft()

    def _show(self, batch: Sequence[_Asked]) -> int:
        """How many of these answers it is done with."""
        end = self._end or self._start()
        if end is None:
            for asked in batch:
                asked.heard.set_result(Heard(failure=self._broken))
            return len(batch)
        done = 0
        try:
            end.sendall(b"".join([asked.data for asked in batch]))
            for asked in batch:
                asked.heard.set_result(self._next())
                done += 1
        except OSError as problem:
            batch[done].heard.set_result(Heard(unshown=f"not shown to the SDK: its process {self._ended(problem)}"))
            done += 1
        return done

    def _start(self) -> socket.socket | None:
        """Starts the process; None where there is none to be had, now and later."""
        if self._broken:
            return None
        self._end, theirs = socket.socketpair()
        self._end.settimeout(SILENT)
        self._says = messages(self._end)
        try:
            with theirs, self._lock:
                if self._closed:
                    raise ConnectionError
                nobody = subprocess.DEVNULL
                self._process = subprocess.Popen(  # noqa: S603 - our own module
                    COMMAND, stdin=theirs.fileno(), stdout=nobody, stderr=nobody, process_group=0
                )
            self._broken = self._next().failure
        except OSError as problem:
            self._broken = f"the process of the SDK {self._ended(problem)} before it began"
        return None if self._broken else self._end

    def _next(self) -> Heard:
        """What it says next; OSError where it says nothing."""
        data = next(self._says, None)
        if data is None:
            raise ConnectionError
        return msgspec.msgpack.decode(data, type=Heard)

    def _ended(self, problem: OSError) -> str:
        """Ends what is left of the process, and says how it failed."""
        code = self._kill()
        self._hang_up()
        return f"said nothing for {SILENT:g} s" if isinstance(problem, TimeoutError) else f"ended with {code}"

    def _hang_up(self) -> None:
        if self._end is not None:
            self._end.close()
            self._end = None

    def _kill(self) -> int | None:
        """Its exit code, -9 where it had not ended by itself."""
        process = self._process
        if process is None:
            return None
        process.kill()
        return process.wait()

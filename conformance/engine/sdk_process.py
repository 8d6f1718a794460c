"""The official SDK in a process of its own: it reads answers, and writes requests, while others are asked and judged.

It takes a second to import, 60 MB, and for an answer as long as all rules together. Whatever it does to itself with the
bytes of an endpoint, it ends or holds up no run.
"""

import asyncio
import contextlib
import gc
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import count
from queue import SimpleQueue
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from conformance.bounded import HEEDED, heed
from conformance.engine.question import Record
from conformance.engine.scheduler import BUDGET_SPENT, Deadline
from conformance.engine.testimony import Hearing, Testimonies, answers_of, summed_up
from conformance.judge.answer import Answer, path_of
from conformance.judge.observe import Reply
from conformance.judge.witness import prepare, testify, too_large, too_much
from conformance.keys import KNOWN
from conformance.probe.aside import out_of_turn
from conformance.probe.asking import trace_of
from conformance.probe.exchange import Exchange, Request
from conformance.probe.vendor import SdkCall, SdkSays
from conformance.words import Mode

LONGEST = 120.0
"""Seconds without a word of it after which it is given up: what it is shown takes it one, and its import two."""
MOST_ENDS = 5
"""How often it is started anew."""
ENDED = f"its process ended {MOST_ENDS + 1} times"
LENGTH = 4
"""Bytes before each message that tell how long it is."""
STREAM, PLAIN = b'{"stream":true}', b"{}"
"""What the SDK's reading depends on in a request."""


class Shown(Struct, frozen=True, tag=True):
    """An answer as the process gets it."""

    mode: Mode
    exchange: Exchange


class Failed(Struct, frozen=True, tag=True):
    """A failure of our own: the traceback."""

    trace: str


class SdkProcess:
    """Started by the first thing that it is asked, and ended when the `with` block is left."""

    def __init__(self, deadline: Deadline, longest: float = LONGEST) -> None:
        """`longest`: seconds without a word after which it is given up."""
        self._deadline = deadline
        self._longest = longest
        self._lock = threading.RLock()
        self._numbers = count()
        self._work: dict[int, _Work] = {}
        """What it was given and has not said anything to, in this order."""
        self._hearings: dict[str, Future[Any]] = {}
        """Of answers whose testimony nobody asked for yet, by the name of their evidence."""
        self._seen: set[str] = set()
        self._child: _Child | None = None
        self._ends = 0
        self._closed = False

    def __enter__(self) -> "SdkProcess":
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.end()

    def start(self) -> None:
        """Starts it, so that it has imported the SDK when it is asked."""
        with self._lock:
            if self._child is None and not self._closed:
                self._child = _Child(self._fail)
                threading.Thread(target=self._listen, args=(self._child,), name="conformance-sdk", daemon=True).start()

    async def step(self, call: SdkCall) -> SdkSays:
        """Replays a call."""
        says: Said = await asyncio.wrap_future(self._give(lambda: call, lambda why: SdkSays(raised=why)))
        if isinstance(says, SdkSays):
            return says
        raise RuntimeError(str(says))

    def show(self, record: Record) -> None:
        """Shows it every answer of a record that it was not shown before; waits for nothing."""
        for reply in answers_of(record):
            with self._lock:
                if reply.evidence not in self._seen:
                    self._seen.add(reply.evidence)
                    self._hearings[reply.evidence] = self._shown(reply)

    def testimonies(self, record: Record) -> Testimonies:
        """Its testimonies on the answers of a record, waited for."""
        self.show(record)
        names = [reply.evidence for reply in answers_of(record)]
        return summed_up({name: self._hearing(self._hearings.pop(name)) for name in names})

    def _shown(self, reply: Reply) -> "Future[Any]":
        if why := too_large(reply.answer.exchange):
            future: Future[Any] = Future()
            future.set_result(Hearing(unshown=why))
            return future
        return self._give(lambda: _bare(reply), lambda why: Hearing(unshown=f"not read by the SDK: {why}"))

    def _hearing(self, future: "Future[Any]") -> Hearing:
        said = future.result() if future.done() else out_of_turn(lambda: self._awaited(future))
        return Hearing(trace=said.trace) if isinstance(said, Failed) else said

    def _awaited(self, future: "Future[Any]") -> Any:
        while not self._deadline.passed:
            heed()
            left = self._deadline.left
            with contextlib.suppress(TimeoutError):
                return future.result(HEEDED if left is None else min(left, HEEDED))
        return Hearing(unshown=f"not shown to the SDK: {BUDGET_SPENT}")

    def _give(self, message: "Callable[[], Message]", given_up: "Callable[[str], Said]") -> "Future[Any]":
        """Gives it something to do; `given_up`: what stands for the result where it ends at it, and why."""
        with self._lock:
            work = _Work(next(self._numbers), message, given_up)
            if self._ends > MOST_ENDS:
                work.future.set_result(given_up(ENDED))
            else:
                self._work[work.number] = work
                self.start()
                self._pass_on(work)
            return work.future

    def _pass_on(self, *work: "_Work") -> None:
        if self._child is not None:
            for one in work:
                self._child.queue.put(one)

    def _settle(self, number: int, said: Any) -> None:
        with self._lock:
            work = self._work.pop(number, None)
        if work is not None and not work.future.done():
            work.future.set_result(said)

    def _fail(self, number: int, problem: Exception) -> None:
        self._settle(number, Failed(trace_of(problem)))

    def _listen(self, child: "_Child") -> None:
        """Hands on what it says, on a thread of its own; begins again where it has ended, or says nothing any more."""
        last = time.monotonic()
        for said in child.says():
            if said or not self._work:
                last = time.monotonic()
            for number, one in said:
                self._settle(number, one)
            if time.monotonic() > last + self._longest:
                return self._begin_again(f"it took longer than {self._longest:g} s")
        return None if self._closed else self._begin_again(f"its process ended ({child.exit_code()})")

    def _begin_again(self, why: str) -> None:
        """Starts it anew, without what it ended at."""
        with self._lock:
            if self._child is not None:
                self._child.end()
            self._ends += 1
            self._child = None
            for work in list(self._work.values())[:1]:
                self._settle(work.number, work.given_up(why))
            for work in list(self._work.values()) if self._ends > MOST_ENDS else ():
                self._settle(work.number, work.given_up(ENDED))
            if self._work:
                self.start()
                self._pass_on(*self._work.values())


Message = Shown | SdkCall
Said = Hearing | SdkSays | Failed


class _Work:
    """One thing for it to do."""

    def __init__(self, number: int, message: Callable[[], Message], given_up: "Callable[[str], Said]") -> None:
        self.number = number
        self.message = message
        self.given_up = given_up
        self.future: Future[Any] = Future()


class _Child:
    """One process, and the thread that writes to it: whoever gives it something to do does not wait."""

    def __init__(self, failed: Callable[[int, Exception], None]) -> None:
        self.queue: SimpleQueue[_Work | None] = SimpleQueue()
        self._failed = failed
        command = [sys.executable, "-P", "-m", "conformance.engine.sdk_process"]
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._data = b""
        threading.Thread(target=self._write, name="conformance-sdk", daemon=True).start()

    def _write(self) -> None:
        assert self._process.stdin is not None
        with self._process.stdin as pipe, contextlib.suppress(BrokenPipeError):  # whoever listens finds out
            while (work := self.queue.get()) is not None:
                try:
                    message = memoryview(_framed((work.number, work.message())))
                except Exception as problem:  # noqa: BLE001 - whatever fails here is one answer's failure
                    self._failed(work.number, problem)
                    continue
                while message:
                    message = message[pipe.write(message) :]

    def says(self) -> "Iterator[list[tuple[int, Said]]]":
        """What it says, until it has ended; twice a second nothing where it says nothing."""
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            while True:
                if not select.select([pipe], [], [], HEEDED)[0]:
                    yield []
                elif data := pipe.read(2**16):
                    yield [msgspec.msgpack.decode(one, type=tuple[int, Said]) for one in self._whole(data)]
                else:
                    return

    def _whole(self, data: bytes) -> Iterator[bytes]:
        """Every message that is whole with these bytes."""
        self._data += data
        while len(self._data) >= LENGTH:
            end = LENGTH + int.from_bytes(self._data[:LENGTH], "big")
            if len(self._data) < end:
                return
            yield self._data[LENGTH:end]
            self._data = self._data[end:]

    def exit_code(self) -> str:
        code = self._process.wait()
        return f"exit code {code}" if code >= 0 else f"signal {-code}"

    def end(self) -> None:
        self.queue.put(None)
        self._process.kill()  # nothing of it is to be kept
        self._process.wait()


def _bare(reply: Reply) -> Shown:
    """An answer without what the SDK does not read."""
    exchange = reply.answer.exchange
    request = Request(exchange.request.method, exchange.request.url, (), STREAM if reply.answer.streaming else PLAIN)
    bare = replace(exchange, request=request, chunks=tuple(exchange.chunks), notes=(), held_up=())
    return Shown(reply.answer.mode, bare)


def _framed(message: "tuple[int, Message | Said]") -> bytes:
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(LENGTH, "big") + data


def said_to(message: Message) -> Said:
    """What the SDK makes of an answer, or a call of it comes to: in the process in which it is asked."""
    try:
        if isinstance(message, SdkCall):
            from conformance.probe.replay import replayed  # with the SDK

            KNOWN.remember(message.secret)  # before a traceback is cut, which could leave half of it
            return replayed(message)
        if why := too_much(message.exchange):
            return Hearing(unshown=why)
        return Hearing(testify(Answer(message.exchange, message.mode, path_of(message.exchange.request.url))))
    except Exception as problem:  # noqa: BLE001 - whatever fails here is one answer's failure
        return Failed(trace_of(problem))


def _listened(given: "SimpleQueue[bytes]") -> None:
    """Takes what the standard input says; when it closes nobody waits for an answer, and the process ends at once."""
    while len(length := sys.stdin.buffer.read(LENGTH)) == LENGTH:
        given.put(sys.stdin.buffer.read(int.from_bytes(length, "big")))
    os._exit(0)


def main() -> None:
    """Does what the standard input says until it closes, and writes to the standard output what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # at a terminal it reaches us, too; whoever started us ends us
    given: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listened, args=(given,), daemon=True).start()
    with contextlib.suppress(Exception):  # each answer tells of it
        prepare()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    while True:
        number, message = msgspec.msgpack.decode(given.get(), type=tuple[int, Message])
        sys.stdout.buffer.write(_framed((number, said_to(message))))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

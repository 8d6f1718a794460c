"""Large answers are read one after the other; nobody waits for the reading of one that nobody waits for."""

import asyncio
import threading
import time
from contextlib import suppress

import pytest

from conformance.probe import aside
from conformance.probe.aside import LARGE, Aside, in_turn


@pytest.fixture
def ending() -> "threading.Event":
    return threading.Event()


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "LONGEST_TURN", 300.0)


async def begun(ending: threading.Event) -> "asyncio.Task[bool]":
    """A reading that is under way, until it is told to end."""
    there = threading.Event()

    def reading() -> bool:
        there.set()
        return ending.wait(100)

    task = asyncio.create_task(Aside().run(LARGE + 1, reading))
    await asyncio.to_thread(there.wait, 100)
    return task


def test_large_answers_are_read_one_after_the_other(ending: threading.Event) -> None:
    async def run() -> list[str]:
        done: list[str] = []
        first = await begun(ending)
        second = asyncio.create_task(asyncio.to_thread(in_turn, LARGE + 1, lambda: done.append("judged")))
        await asyncio.sleep(0.2)
        assert not done
        ending.set()
        await asyncio.gather(first, second)
        return done

    assert asyncio.run(run()) == ["judged"]


def test_a_reading_that_was_given_up_holds_up_nobody(ending: threading.Event) -> None:
    """As at the end of a budget: the question has ended, and the thread is still busy with its answer."""

    async def run() -> str:
        first = await begun(ending)
        waits = asyncio.create_task(asyncio.to_thread(in_turn, LARGE + 1, lambda: "judged"))
        await asyncio.sleep(0.1)
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        try:
            assert await asyncio.to_thread(in_turn, LARGE + 1, lambda: "judged") == "judged"
            return await waits
        finally:
            ending.set()

    assert asyncio.run(run()) == "judged"


def test_a_reading_that_was_given_up_before_its_turn_is_not_begun(ending: threading.Event) -> None:
    async def run() -> list[str]:
        read: list[str] = []
        first = await begun(ending)
        second = asyncio.create_task(Aside().run(LARGE + 1, lambda: read.append("read")))
        await asyncio.sleep(0.1)
        second.cancel()
        with suppress(asyncio.CancelledError):
            await second
        ending.set()
        await first
        in_turn(LARGE + 1, lambda: None)
        await asyncio.sleep(0.1)
        return read

    assert asyncio.run(run()) == []


def test_a_reading_without_an_end_is_waited_for_once(ending: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "LONGEST_TURN", 0.3)

    async def run() -> float:
        first = await begun(ending)
        in_turn(LARGE + 1, lambda: None)
        monkeypatch.setattr(aside, "LONGEST_TURN", 300.0)
        since = time.monotonic()
        in_turn(LARGE + 1, lambda: None)
        waited = time.monotonic() - since
        ending.set()
        await first
        return waited

    assert asyncio.run(run()) < 100

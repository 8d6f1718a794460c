"""Large answers are read one after the other; nobody waits for the reading of one that nobody waits for."""

import asyncio
import threading
from contextlib import suppress

import pytest

from conformance.probe.aside import LARGE, Aside, in_turn, out_of_turn


@pytest.fixture
def ending() -> "threading.Event":
    return threading.Event()


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


def test_who_waits_in_the_midst_of_its_turn_lets_others_have_it() -> None:
    """As a verdict that leans on another question, whose large answer is still to be read."""

    async def run() -> list[str]:
        loop = asyncio.get_running_loop()

        def judging() -> str:
            def waiting() -> str:
                return asyncio.run_coroutine_threadsafe(Aside().run(LARGE + 1, lambda: "read"), loop).result(100)

            return out_of_turn(waiting) + out_of_turn(lambda: " judged")

        return [await asyncio.to_thread(in_turn, LARGE + 1, judging), in_turn(LARGE + 1, lambda: "the next")]

    assert asyncio.run(run()) == ["read judged", "the next"]
    assert out_of_turn(lambda: "without a turn") == "without a turn"

"""A server that answers one question at a time is found out, and one that answers side by side is left alone."""

import asyncio
import json

import pytest
from misbehaving import Behaviour, Peer, serving

from conformance.probe.client import Client
from conformance.probe.pace import CERTAIN, NOTICED, SERIAL, Pace, pace_of
from conformance.probe.recording import Limits
from conformance.targets.target import Target

ANSWER = CERTAIN + 0.1
"""Seconds beside which the noise of a busy machine is small."""


def server(width: int, seconds: float, status: str = "200 OK") -> tuple[Behaviour, list[int]]:
    """Takes so many seconds for an answer, and works at `width` of them together."""
    room = asyncio.Semaphore(width)
    flying: list[int] = [0, 0]

    async def behaviour(peer: Peer) -> None:
        while True:
            await peer.request()
            flying[0] += 1
            flying[1] = max(flying)
            async with room:
                await asyncio.sleep(seconds)
            flying[0] -= 1
            body = json.dumps({"type": "message"}).encode()
            await peer.send(f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)

    return behaviour, flying


def pace(width: int, seconds: float, status: str = "200 OK") -> tuple[Pace | None, int, int]:
    async def run() -> tuple[Pace | None, int, int]:
        behaviour, flying = server(width, seconds, status)
        async with serving(behaviour) as one, Client(limits=Limits(first_byte=20)) as client:
            found = await pace_of(Target(name="t", base_url=one.url, model="m"), client)
            return found, flying[1], len(one.requests)

    return asyncio.run(run())


def test_a_server_that_answers_one_at_a_time_is_found_out() -> None:
    found, most, asked = pace(1, ANSWER)
    assert found is not None
    assert found.together >= SERIAL * found.alone
    assert most == 2
    assert asked == 3
    assert "one alone" in str(found)


@pytest.mark.parametrize(("width", "seconds", "status", "asked"), [(2, ANSWER, "200 OK", 3), (1, 0.0, "200 OK", 1)])
def test_another_server_is_left_alone(width: int, seconds: float, status: str, asked: int) -> None:
    found, _, requests = pace(width, seconds, status)
    assert found is None
    assert requests <= asked * 2  # a busy machine may want a second look


def test_a_server_that_does_not_answer_is_not_measured() -> None:
    found, _, requests = pace(1, NOTICED * 1.5, "400 Bad Request")
    assert (found, requests) == (None, 1)

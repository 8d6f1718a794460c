"""A server of all hostile endpoints at once, each below a path of its own: `http://127.0.0.1:PORT/NAME`."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress

from hostile_endpoints import Asked, Attack, good, response
from misbehaving import Peer, serving

NOT_THERE = response(b'{"type":"error","error":{"type":"not_found_error","message":"no"}}', status="404 Not Found")


class _Endpoints:
    """Answers the first request of each endpoint well, and the ones with two words; the rest as the attack does."""

    def __init__(self, attacks: Mapping[str, Attack], canary: str) -> None:
        self._attacks, self._canary = attacks, canary
        self._asked: Counter[str] = Counter()

    async def behave(self, peer: Peer) -> None:
        while True:
            raw = await peer.request()
            head, _, body = raw.partition(b"\r\n\r\n")
            name, _, path = head.split(b" ")[1].decode().removeprefix("/").partition("/")
            if path != "v1/messages":
                await peer.send(NOT_THERE)
                continue
            asked = Asked(json.loads(body), raw, self._canary)
            self._asked[name] += 1
            if " " in asked.text or self._asked[name] == 1:
                await peer.send(good(asked))
                continue
            answer = self._attacks[name](asked)
            if isinstance(answer, AsyncIterator):
                async for piece in answer:
                    await peer.send(piece)
            else:
                await peer.send(answer)
            await asyncio.sleep(0.05)
            return


@contextmanager
def hostile(attacks: Mapping[str, Attack]) -> Iterator[tuple[str, list[bytes]]]:
    """The address below which these endpoints are, and what a server was asked that nobody is to ask."""
    there, over = threading.Event(), threading.Event()
    told: list[tuple[str, list[bytes]]] = []

    async def serve() -> None:
        async with serving(lambda peer: peer.gone()) as canary:
            async with serving(_Endpoints(attacks, canary.url).behave) as server:
                told.append((server.url, canary.requests))
                there.set()
                await asyncio.to_thread(over.wait)
            if canary.connections:
                canary.requests.append(b"a connection")

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    there.wait()
    try:
        yield told[0]
    finally:
        over.set()
        with suppress(RuntimeError):
            thread.join()

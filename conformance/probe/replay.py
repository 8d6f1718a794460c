"""Replays recorded bytes to the official SDK as if they came over the network, without settings of this machine.

Imported late, together with the SDK.
"""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import httpx2

from conformance.probe.exchange import Exchange

SETTINGS = ("ANTHROPIC_", "OTEL_")
UNDONE = frozenset({"content-encoding", "content-length", "transfer-encoding", "connection"})
"""Headers that describe the wire and not the bytes as recorded: encodings are undone, the length is theirs."""


@contextmanager
def no_settings() -> Iterator[None]:
    """Hides the environment variables that the SDK reads, so that no key or header that happens to be set is used."""
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(SETTINGS)}
    try:
        yield
    finally:
        os.environ.update(hidden)


def response(exchange: Exchange, *, asynchronous: bool = False) -> httpx2.Response:
    """A recorded answer as the SDK's transport would give it; one that was cut breaks off where it did."""
    assert exchange.status is not None, "there is no answer to show"
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in exchange.headers if name not in UNDONE
    ]
    stream: Any = _Later(exchange) if asynchronous else _Chunks(exchange)
    return httpx2.Response(exchange.status, headers=headers, stream=stream)


class Recorded(httpx2.Client):
    """A client without a network: whatever the SDK asks, it gets the answer that was recorded."""

    def __init__(self) -> None:
        super().__init__(transport=httpx2.MockTransport(self._answer), trust_env=False)
        self.exchange: Exchange | None = None
        self.any_request = httpx2.Request("POST", "http://recorded.invalid/v1/messages")

    def _answer(self, _request: httpx2.Request) -> httpx2.Response:
        assert self.exchange is not None
        return response(self.exchange)

    def send(self, request: httpx2.Request, *, stream: bool = False, **_named: Any) -> httpx2.Response:
        answer = self._answer(request)
        answer.request = request
        if not stream:
            answer.read()
        return answer


def failure(exchange: Exchange) -> httpx2.TransportError:
    """The exception with which a transport reports that there is no answer."""
    return (
        httpx2.ConnectError(exchange.detail) if exchange.status is None else httpx2.RemoteProtocolError(exchange.detail)
    )


class _Chunks(httpx2.SyncByteStream):
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._exchange.chunks:
            yield chunk.data
        if self._exchange.outcome not in ("complete", "unfinished"):
            raise failure(self._exchange)


class _Later(httpx2.AsyncByteStream):
    def __init__(self, exchange: Exchange) -> None:
        self._chunks = _Chunks(exchange)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for data in self._chunks:
            yield data

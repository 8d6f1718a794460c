"""Replays recorded bytes to the official SDK as if they came over the network, without settings of this machine.

Imported late, together with the SDK.
"""

import asyncio
import inspect
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2

from conformance.probe.exchange import Exchange
from conformance.probe.request import MESSAGES, Outgoing
from conformance.probe.vendor import SdkCall, SdkSays
from conformance.targets.address import AddressError, url_below

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


with no_settings():
    import anthropic

LOCAL = frozenset({"host", "content-length", "connection", "accept-encoding"})

OUR_OWN_LIMITS_HOLD = 24 * 3600.0
"""Seconds; without a time of its own the SDK refuses large values of max_tokens on its side of the wire."""


def response(exchange: Exchange, *, asynchronous: bool = False) -> httpx2.Response:
    """A recorded answer as the SDK's transport would give it; one that was cut breaks off where it did."""
    assert exchange.status is not None, "there is no answer to show"
    headers = [
        (name.encode("latin-1"), value.encode("latin-1")) for name, value in exchange.headers if name not in UNDONE
    ]
    stream: Any = _Later(exchange) if asynchronous else _Chunks(exchange)
    return httpx2.Response(exchange.status, headers=headers, stream=stream)


class ReplayClient(httpx2.Client):
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


def replayed(call: SdkCall) -> SdkSays:
    """What a call comes to with the answers that are there."""
    wire = _Wire(call.base_url, call.answers)
    raised = ""
    try:
        if call.asynchronous:
            asyncio.run(_asynchronous(call, wire))
        else:
            _synchronous(call, wire)
    except anthropic.APIError as problem:
        raised = f"{type(problem).__name__}: {problem.message}"
    except Exception as problem:  # noqa: BLE001 - whatever it raises about an answer is its testimony
        raised = f"{type(problem).__name__}: {problem}"
    return SdkSays(wire.wanted) if wire.wanted is not None else SdkSays(raised=raised)


async def _asynchronous(call: SdkCall, wire: "_Wire") -> None:
    with no_settings():
        client = anthropic.AsyncAnthropic(
            **_identity(call), http_client=httpx2.AsyncClient(transport=_AsyncTransport(wire))
        )
    body = dict(call.body)
    async with client:
        streams = body.pop("stream", False)
        if call.path == MESSAGES and streams:
            async with client.messages.stream(**_arguments(client.messages.stream, body)) as stream:
                await stream.get_final_message()
        else:
            method = _method(client, call.path)
            await method(**_arguments(method, body))


def _synchronous(call: SdkCall, wire: "_Wire") -> None:
    with no_settings():
        client = anthropic.Anthropic(**_identity(call), http_client=httpx2.Client(transport=_SyncTransport(wire)))
    body = dict(call.body)
    with client:
        streams = body.pop("stream", False)
        if call.path == MESSAGES and streams:
            with client.messages.stream(**_arguments(client.messages.stream, body)) as stream:
                stream.get_final_message()
        else:
            method = _method(client, call.path)
            method(**_arguments(method, body))


def _identity(call: SdkCall) -> dict[str, Any]:
    """Whom the SDK asks and as whom: all explicit, so that nothing is looked up in the environment."""
    credential = "auth_token" if call.bearer else "api_key"
    return {credential: call.secret, "base_url": call.base_url, "max_retries": 0, "timeout": OUR_OWN_LIMITS_HOLD}


def _method(client: anthropic.Anthropic | anthropic.AsyncAnthropic, path: str) -> Callable[..., Any]:
    match path:
        case "/v1/messages":
            return client.messages.create
        case "/v1/messages/count_tokens":
            return client.messages.count_tokens
        case "/v1/models":
            return client.models.list
    raise ValueError(f"no method of the SDK is known for {path}")


def _arguments(method: Callable[..., Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """The body as the SDK's arguments; keys that this version of the SDK has no argument for go along unchanged."""
    known = inspect.signature(method).parameters
    arguments = {name: value for name, value in body.items() if name in known}
    others = {name: value for name, value in body.items() if name not in known}
    return arguments | ({"extra_body": others} if others else {})


class _Wire:
    """Gives one answer after the other, and keeps the first request that has none."""

    def __init__(self, base_url: str, answers: Sequence[Exchange]) -> None:
        self._base_url = base_url
        self._answers = iter(answers)
        self.wanted: Outgoing | None = None

    def exchange(self, request: httpx2.Request) -> Exchange:
        """The answer to a request; a failure of the transport where there is none yet, and where it got none."""
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        kept = [(name, value) for name, value in headers if name.lower() not in LOCAL]
        try:
            url = url_below(self._base_url, str(request.url))
        except AddressError as problem:  # whatever leads the SDK elsewhere, the key in its headers stays here
            raise httpx2.UnsupportedProtocol(str(problem)) from problem
        exchange = next(self._answers, None)
        if exchange is None:
            headers = [*kept, ("accept-encoding", "gzip, deflate")]
            self.wanted = Outgoing(request.method, url, tuple(headers), request.content)
            raise httpx2.UnsupportedProtocol("it is asked later")
        if exchange.status is None:
            raise failure(exchange)
        return exchange


class _AsyncTransport(httpx2.AsyncBaseTransport):
    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        return response(self._wire.exchange(request), asynchronous=True)


class _SyncTransport(httpx2.BaseTransport):
    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        return response(self._wire.exchange(request))

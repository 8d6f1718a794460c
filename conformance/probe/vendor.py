"""Sends requests through the official SDK, as the vendor's examples do, and records the bytes on the wire.

Imported late, only for cases whose transport is the SDK.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx2
from msgspec.structs import replace

from conformance.catalog.case import Ask
from conformance.probe.aside import on_thread
from conformance.probe.exchange import Exchange, Request
from conformance.probe.replay import failure, no_settings, response
from conformance.probe.request import MESSAGES, Outgoing, Setting, completed_body
from conformance.probe.trouble import Answer
from conformance.targets.address import AddressError, url_below
from conformance.targets.target import Target

with no_settings():
    import anthropic

LOCAL = frozenset({"host", "content-length", "connection", "accept-encoding"})

OUR_OWN_LIMITS_HOLD = 24 * 3600.0
"""Seconds; without a time of its own the SDK refuses large values of max_tokens on its side of the wire."""

Send = Callable[[Outgoing], Awaitable[Answer]]


async def ask_with_sdk(ask: Ask, setting: Setting, send: Send, *, asynchronous: bool) -> Answer:
    """The answer to an ask that the SDK sends; what the SDK raised about it stands in its notes."""
    recorder = _Recorder(send, setting.target)
    body = completed_body(ask, setting)
    call = _through_async if asynchronous else _through_sync
    complaint = ""
    try:
        await call(ask.path, body, setting.target, recorder)
    except anthropic.APIError as problem:
        complaint = f"{type(problem).__name__}: {problem.message}"
    except Exception as problem:  # noqa: BLE001 - whatever it raises about an answer is its testimony
        complaint = f"{type(problem).__name__}: {problem}"
    if recorder.answer is None:
        request = Request(ask.method, url_below(setting.target.base_url, ask.path), ())
        return Answer(Exchange(request=request, outcome="failed", detail=f"the SDK sent nothing: {complaint}"))
    if not complaint:
        return recorder.answer
    exchange = recorder.answer.exchange
    return replace(recorder.answer, exchange=replace(exchange, notes=(*exchange.notes, f"the SDK raised {complaint}")))


async def _through_async(path: str, body: dict[str, Any], target: Target, recorder: "_Recorder") -> None:
    with no_settings():
        client = anthropic.AsyncAnthropic(
            **_identity(target), http_client=httpx2.AsyncClient(transport=_AsyncTransport(recorder))
        )
    async with client:
        streams = body.pop("stream", False)
        if path == MESSAGES and streams:
            async with client.messages.stream(**_arguments(client.messages.stream, body)) as stream:
                await stream.get_final_message()
        else:
            method = _method(client, path)
            await method(**_arguments(method, body))


async def _through_sync(path: str, body: dict[str, Any], target: Target, recorder: "_Recorder") -> None:
    loop = asyncio.get_running_loop()
    with no_settings():
        client = anthropic.Anthropic(
            **_identity(target), http_client=httpx2.Client(transport=_SyncTransport(recorder, loop))
        )

    def talk() -> None:
        with client:
            streams = body.pop("stream", False)
            if path == MESSAGES and streams:
                with client.messages.stream(**_arguments(client.messages.stream, body)) as stream:
                    stream.get_final_message()
            else:
                method = _method(client, path)
                method(**_arguments(method, body))

    await on_thread(talk)


def _identity(target: Target) -> dict[str, Any]:
    """Whom the SDK asks and as whom: all explicit, so that nothing is looked up in the environment."""
    secret = target.key or target.auth.placeholder or "no-key"
    credential = "auth_token" if target.auth.header == "bearer" else "api_key"
    return {credential: secret, "base_url": target.base_url, "max_retries": 0, "timeout": OUR_OWN_LIMITS_HOLD}


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


class _Recorder:
    """Hands the SDK's requests to our own client and keeps the last answer."""

    def __init__(self, send: Send, target: Target) -> None:
        self._send = send
        self._target = target
        self.answer: Answer | None = None

    async def exchange(self, request: httpx2.Request) -> Exchange:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        kept = [(name, value) for name, value in headers if name.lower() not in LOCAL]
        try:
            url = url_below(self._target.base_url, str(request.url))
        except AddressError as problem:  # whatever leads the SDK elsewhere, the key in its headers stays here
            raise httpx2.UnsupportedProtocol(str(problem)) from problem
        outgoing = Outgoing(request.method, url, (*kept, ("accept-encoding", "gzip, deflate")), request.content)
        self.answer = await self._send(outgoing)
        return self.answer.exchange


class _AsyncTransport(httpx2.AsyncBaseTransport):
    def __init__(self, recorder: _Recorder) -> None:
        self._recorder = recorder

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        exchange = await self._recorder.exchange(request)
        if exchange.status is None:
            raise failure(exchange)
        return response(exchange, asynchronous=True)


class _SyncTransport(httpx2.BaseTransport):
    """For a client on another thread: the request itself is made on our loop."""

    def __init__(self, recorder: _Recorder, loop: asyncio.AbstractEventLoop) -> None:
        self._recorder = recorder
        self._loop = loop

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.read()
        exchange = asyncio.run_coroutine_threadsafe(self._recorder.exchange(request), self._loop).result()
        if exchange.status is None:
            raise failure(exchange)
        return response(exchange)

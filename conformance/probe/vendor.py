"""Requests as the official SDK writes them, for the vendor's examples: ours go over the wire, their bytes are its own.

The SDK is replayed: called with the answers that are there, it comes to the next request that it wants to send, or to
its end. So it needs no connection, and can be asked anywhere; it is imported where that is.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from conformance.catalog.case import Ask
from conformance.probe.exchange import Exchange, Request
from conformance.probe.request import Outgoing, Setting, completed_body
from conformance.probe.trouble import FinalExchange
from conformance.targets.address import url_below

MOST_REQUESTS = 30
"""What one call of the SDK sends at most; it follows twenty redirections."""

Send = Callable[[Outgoing], Awaitable[FinalExchange]]


class SdkCall(Struct, frozen=True, kw_only=True, tag=True):
    """A call of the SDK, and the answers to the requests that it has sent so far."""

    path: str
    body: dict[str, Any]
    base_url: str
    secret: str
    bearer: bool
    """Whether the secret is sent as a token, and not as a key."""
    asynchronous: bool
    answers: tuple[Exchange, ...] = ()


class SdkSays(Struct, frozen=True, tag=True):
    """What a call came to: a request that it wants to send, or its end and what it raised there."""

    request: Outgoing | None = None
    raised: str = ""


Step = Callable[[SdkCall], Awaitable[SdkSays]]
"""Replays a call."""


async def ask_with_sdk(ask: Ask, setting: Setting, send: Send, step: Step, *, asynchronous: bool) -> FinalExchange:
    """The answer to an ask that the SDK sends; what the SDK raised about it stands in its notes."""
    target = setting.target
    call = SdkCall(
        path=ask.path,
        body=completed_body(ask, setting),
        base_url=target.base_url,
        secret=target.key or target.auth.placeholder or "no-key",
        bearer=target.auth.header == "bearer",
        asynchronous=asynchronous,
    )
    answer: FinalExchange | None = None
    while (says := await step(call)).request is not None and len(call.answers) < MOST_REQUESTS:
        answer = await send(says.request)
        call = replace(call, answers=(*call.answers, answer.exchange))
    if answer is None:
        request = Request(ask.method, url_below(target.base_url, ask.path), ())
        return FinalExchange(Exchange(request=request, outcome="failed", detail=f"the SDK sent nothing: {says.raised}"))
    if not says.raised:
        return answer
    exchange = answer.exchange
    return replace(answer, exchange=replace(exchange, notes=(*exchange.notes, f"the SDK raised {says.raised}")))

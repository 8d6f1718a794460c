"""The reference endpoint as an ASGI application: authentication, request ids, and the hooks that change it."""

import hmac
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from msgspec.structs import replace
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from conformance.scripted.anthropic.answer import Answer, json_answer
from conformance.scripted.anthropic.call import Call, body_of, head_of
from conformance.scripted.anthropic.errors import Refusal, not_found, unauthenticated
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.anthropic.routes import handler_for
from conformance.scripted.anthropic.sending import send_answer, while_connected
from conformance.scripted.anthropic.service import Service

Registries = Mapping[str, Callable[[str], Hooks | None]]
"""By the first step of a path prefix, such as `fault`: the hooks that an id stands for."""


class Reference:
    """The endpoint; `hooks` hold for every request, a path prefix `/<registry>/<id>` adds one of a registry's."""

    def __init__(
        self,
        service: Service,
        *,
        api_key: str | None,
        hooks: tuple[Hooks, ...],
        registries: Registries,
        has_upstream: bool = False,
    ) -> None:
        self.service = service
        self.api_key = api_key
        self.hooks = hooks
        self.registries = registries
        self.has_upstream = has_upstream
        self.prefix = re.compile(rf"^/({'|'.join(registries) or '(?!)'})/([^/]+)(/.*)?$")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = _Exchange(self, {**scope, "root_path": "", "path_params": {}}, receive)
        answer = await exchange.answer()
        complete = await send_answer(answer, exchange.scope, receive, send)
        if not complete and exchange.call is not None:
            for hook in exchange.hooks:
                if hook.departed:
                    hook.departed(exchange.call)

    def hooks_of(self, scope: Scope) -> tuple[Hooks, ...]:
        """The hooks that hold for a request; prefixes of its path move to the scope's root path."""
        found = list(self.hooks)
        path = _raw_path(scope)
        while match := self.prefix.match(path):
            registry, name = match[1], unquote(match[2])
            hook = self.registries[registry](name)
            if hook is None:
                raise not_found(f"there is no {registry} {name}")
            if hook.needs_upstream and not self.has_upstream:
                raise not_found(f"the {registry} {name} shows only in front of an upstream: serve --upstream URL")
            found.append(hook)
            path = match[3] or "/"
            scope["root_path"] += f"/{registry}/{match[2]}"
        scope["path"] = scope["root_path"] + unquote(path)
        return tuple(found)

    def authenticate(self, call: Call) -> None:
        """Open without a key; else `x-api-key` or a bearer token must be it, and one right one of both is enough."""
        if self.api_key is None or not call.path.startswith("/v1/"):
            return
        given = [call.headers.get("x-api-key"), call.headers.get("authorization", "")[7:] or None]
        keys = [key for key in given if key is not None]
        if not keys:
            raise unauthenticated("x-api-key header is required")
        if not any(hmac.compare_digest(key.encode(), self.api_key.encode()) for key in keys):
            raise unauthenticated("invalid x-api-key")


class _Exchange:
    """One request on its way to its answer."""

    def __init__(self, reference: Reference, scope: Scope, receive: Receive) -> None:
        self.reference = reference
        self.scope = scope
        self.receive = receive
        self.hooks: tuple[Hooks, ...] = ()
        self.call: Call | None = None
        self.request_id = fresh("req")

    async def answer(self) -> Answer:
        try:
            answer = await self._handled()
        except Refusal as refusal:
            answer = self._refused(refusal)
        except ClientDisconnect:  # nobody is left to be answered
            answer = self._refused(Refusal(499, "api_error", "The client closed the connection"))
        except Exception:  # noqa: BLE001  # a bug of ours: the client still gets an envelope
            traceback.print_exc(file=sys.stderr)
            answer = self._refused(Refusal(500, "api_error", "Internal server error"))
        answer = _with_headers(answer, self.request_id, self.call)
        for hook in self.hooks:
            answer = hook.answer(answer, self.call) if hook.answer and self.call else answer
        return answer

    async def _handled(self) -> Answer:
        self.hooks = self.reference.hooks_of(self.scope)
        request = Request(self.scope, self.receive)
        self.call = call = head_of(request)
        self.call = call = replace(call, body=await body_of(request, call.path))
        for hook in self.hooks:
            self.call = call = _bent(hook, call)
        handler, names = handler_for({**self.scope, "method": call.method})
        if not any(hook.lets_in and hook.lets_in(call) for hook in self.hooks):
            self.reference.authenticate(call)
        answering = handler(self.reference.service, _named(call, names), self.hooks)
        if self.reference.has_upstream and not any(hook.asks_on for hook in self.hooks):
            return await while_connected(answering, self.receive)
        return await answering

    def _refused(self, refusal: Refusal) -> Answer:
        for hook in self.hooks:
            if hook.refusal and self.call:
                bent = hook.refusal(refusal, self.call)
                if isinstance(bent, Answer):
                    return bent
                refusal = bent
        return json_answer(refusal.envelope(self.request_id), refusal.status, refusal.headers)


def _bent(hook: Hooks, call: Call) -> Call:
    """What a hook makes of a request; a shape over which it stumbles is left to the checks, which refuse it."""
    try:
        return hook.request(call) if hook.request else call
    except (AttributeError, IndexError, KeyError, TypeError):
        return call


def _raw_path(scope: Scope) -> str:
    raw = scope.get("raw_path")
    return str(raw.split(b"?")[0].decode("latin-1")) if raw else str(scope["path"])


def _named(call: Call, names: dict[str, str]) -> Call:
    return replace(call, names=names)


_ORGANIZATION = ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000")
_REQUESTS_A_MINUTE = 1000


def _with_headers(answer: Answer, request_id: str, call: Call | None) -> Answer:
    """What every answer carries: who was asked, the limits that hold, and leave for browsers to read it."""
    headers = [("request-id", request_id), _ORGANIZATION]
    if call is not None and call.method == "POST":
        reset = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=1)
        values = (str(_REQUESTS_A_MINUTE), str(_REQUESTS_A_MINUTE - 1), f"{reset:%Y-%m-%dT%H:%M:%SZ}")
        names = ("limit", "remaining", "reset")
        headers += [(f"anthropic-ratelimit-requests-{name}", value) for name, value in zip(names, values, strict=True)]
    if call is not None and "origin" in call.headers:
        headers.append(("access-control-allow-origin", "*"))
    return replace(answer, headers=(*answer.headers, *headers))

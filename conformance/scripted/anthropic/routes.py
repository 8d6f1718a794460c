"""The routes: the handler of each method and path.

Source: https://platform.claude.com/docs/en/api/overview
"""

from collections.abc import Callable, Coroutine
from typing import Any

from starlette.routing import Match, Route
from starlette.types import Scope

from conformance.scripted.anthropic import batches, files
from conformance.scripted.anthropic.answer import Answer, json_answer
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import invalid, no_route, wrong_method
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.messages import count_tokens, create_message
from conformance.scripted.anthropic.models import LIFECYCLES, MODELS, described, model_named
from conformance.scripted.anthropic.service import Service
from conformance.scripted.anthropic.stores import page

Handler = Callable[[Service, Call, tuple[Hooks, ...]], Coroutine[Any, Any, Answer]]


async def _alive(*_: object) -> Answer:
    """What clients ask before anything else: is somebody there?"""
    return Answer(headers=(("content-length", "0"),), framing="none")


async def _list_models(_: Service, call: Call, __: object) -> Answer:
    wanted = {value for key, value in call.query if key in ("lifecycle", "lifecycle[]")}
    if unknown := wanted - set(LIFECYCLES):
        raise invalid("lifecycle", f"unknown value {min(unknown)!r}; expected one of {', '.join(LIFECYCLES)}")
    models = [described(model) for model in MODELS.values()]
    return json_answer(page([model for model in models if not wanted or model["lifecycle"] in wanted], call))


async def _get_model(_: Service, call: Call, __: object) -> Answer:
    return json_answer(described(model_named(call.names["model"])))


async def _count_tokens(service: Service, call: Call, _: object) -> Answer:
    return json_answer(await count_tokens(service, call))


_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("HEAD", "/", _alive),
    ("POST", "/v1/messages", create_message),
    ("POST", "/v1/messages/count_tokens", _count_tokens),
    ("POST", "/v1/messages/batches", batches.create),
    ("GET", "/v1/messages/batches", batches.listing),
    ("GET", "/v1/messages/batches/{batch}", batches.retrieve),
    ("DELETE", "/v1/messages/batches/{batch}", batches.delete),
    ("POST", "/v1/messages/batches/{batch}/cancel", batches.cancel),
    ("GET", "/v1/messages/batches/{batch}/results", batches.results),
    ("GET", "/v1/models", _list_models),
    ("GET", "/v1/models/{model:path}", _get_model),
    ("POST", "/v1/files", files.upload),
    ("GET", "/v1/files", files.listing),
    ("GET", "/v1/files/{file}", files.retrieve),
    ("DELETE", "/v1/files/{file}", files.delete),
    ("GET", "/v1/files/{file}/content", files.content),
)
_ROUTES = tuple((Route(path, handler, methods=[method]), handler) for method, path, handler in _TABLE)


def handler_for(scope: Scope) -> tuple[Handler, dict[str, str]]:
    """The handler of a request and what stands at the named places of its path; 404 and 405 are refusals."""
    allowed: list[str] = []
    for route, handler in _ROUTES:
        match, found = route.matches(scope)
        if match is Match.FULL:
            return handler, found["path_params"]
        if match is Match.PARTIAL:
            allowed.extend(sorted(route.methods or ()))
    if not allowed:
        raise no_route(scope["path"])
    methods = ", ".join(dict.fromkeys([*allowed, "OPTIONS"]))
    if scope["method"] == "OPTIONS":
        return _options(methods), {}
    raise wrong_method(scope["method"], methods)


def _options(methods: str) -> Handler:
    async def answer(_: Service, call: Call, __: object) -> Answer:
        """What may be asked here; a browser's preflight is told that it may ask, too."""
        wanted = call.headers.get("access-control-request-headers", "*")
        cross = (("access-control-allow-methods", methods), ("access-control-allow-headers", wanted))
        return Answer(status=204, headers=(("allow", methods), *cross))

    return answer

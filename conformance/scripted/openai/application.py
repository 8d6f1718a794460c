"""The routes of the `openai` face."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from conformance.scripted.delivery import Endings, delivery_of, with_ending
from conformance.scripted.openai.completion import Completion
from conformance.scripted.openai.errors import OpenAIRefusal
from conformance.scripted.openai.request import read
from conformance.scripted.openai.understanding import understood
from conformance.scripted.protocol import Application, Setting, UsageError, refuse_bending
from conformance.scripted.speaking import Spoken, Voice, json_response, nobody_is_left, spoken

MODEL = "scripted"
"""The model that is listed; requests may name any."""

_CARD = {"id": MODEL, "object": "model", "created": 1_767_225_600, "owned_by": "conformance"}


def application(setting: Setting, voiced: Callable[[Voice], Voice] = lambda voice: voice) -> Application:
    """The face as an ASGI application.

    `voiced` is the seam for an upstream that misbehaves: it is given each answer before it is spoken, and gives back
    the one to speak.
    """
    refuse_bending("openai", setting)
    if setting.like is not None:
        raise UsageError("the face openai is like no other server: leave --like out")

    endings = Endings()

    async def chat(request: Request) -> Response | Spoken:
        _let_in(request, setting)
        asked, received = read(await request.body())
        conversation = await with_ending(understood(asked, received), endings)
        delivery = delivery_of(conversation)
        reply = setting.brain(conversation)
        voice = voiced(Completion(asked, reply, delivery.shape))
        return spoken(reply, voice, stream=bool(asked.stream), delivery=delivery, ending=endings.begin(reply))

    async def models(request: Request) -> Response:
        _let_in(request, setting)
        return json_response({"object": "list", "data": [_CARD]})

    async def model(request: Request) -> Response:
        _let_in(request, setting)
        name = request.path_params["name"]
        if name != MODEL:
            raise OpenAIRefusal(
                f"The model '{name}' does not exist.", status=404, param="model", code="model_not_found"
            )
        return json_response(_CARD)

    return Starlette(
        routes=[
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/models", models, methods=["GET"]),
            Route("/v1/models/{name:path}", model, methods=["GET"]),
        ],
        exception_handlers={OpenAIRefusal: _refused, HTTPException: _no_route, ClientDisconnect: nobody_is_left},
    )


def _let_in(request: Request, setting: Setting) -> None:
    if setting.api_key is None:
        return
    given = request.headers.get("authorization", "")
    if not given:
        raise OpenAIRefusal("You didn't provide an API key.", status=401)
    if given != f"Bearer {setting.api_key}":
        raise OpenAIRefusal("Incorrect API key provided.", status=401, code="invalid_api_key")


async def _refused(_: Request, refusal: Any) -> Response:
    return json_response(refusal.body, refusal.status)


async def _no_route(request: Request, error: Any) -> Response:
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        refusal = OpenAIRefusal(
            f"Not allowed to {request.method} on {request.url.path}.", status=405, code="method_not_supported"
        )
    else:
        refusal = OpenAIRefusal(
            f"Invalid URL ({request.method} {request.url.path})", status=error.status_code, code="unknown_url"
        )
    return json_response(refusal.body, refusal.status, error.headers)

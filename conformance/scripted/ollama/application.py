"""The routes of the `ollama` face."""

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from conformance.scripted.conversation import UNREADABLE
from conformance.scripted.delivery import Endings, delivery_of, with_ending
from conformance.scripted.likeness import numbers_of
from conformance.scripted.ollama.library import Model
from conformance.scripted.ollama.management import Management, read, signin_url
from conformance.scripted.ollama.reply import OllamaVoice
from conformance.scripted.ollama.request import ChatRequest, GenerateRequest, understood
from conformance.scripted.ollama.store import OllamaRefusal, Store, timestamp
from conformance.scripted.protocol import Application, Setting, UsageError, refuse_bending
from conformance.scripted.protocol import application as face
from conformance.scripted.speaking import Spoken, Voice, json_response, nobody_is_left, spoken

_TYPES = {401: "authentication_error", 404: "not_found_error"}


class Messages:
    """An ASGI application; the reference endpoint's own model stands in for the one that was asked for."""

    def __init__(self, store: Store, setting: Setting) -> None:
        self.store = store
        self.setting = setting
        self.reference: Application | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = self._with_own_model(await Request(scope, receive).body())
        except OllamaRefusal as refusal:
            error = {"type": _TYPES.get(refusal.status, "api_error"), "message": str(refusal)}
            await json_response({"type": "error", "error": error}, refusal.status)(scope, receive, send)
            return
        if self.reference is None:
            self.reference = face("anthropic", Setting(brain=self.setting.brain, api_key=self.setting.api_key))
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_again() -> Any:
            return unread.pop() if unread else await receive()

        await self.reference(scope, receive_again, send)

    def _with_own_model(self, body: bytes) -> bytes:
        try:
            asked = msgspec.json.decode(body, type=dict[str, Any])
            model = self.store.load(asked["model"])
        except (*UNREADABLE, KeyError, TypeError, AttributeError):
            return body  # the reference endpoint says what is wrong with it
        self.store.check_account(model, "")
        return msgspec.json.encode({**asked, "model": "scripted"})


VERSION = "0.40.12"


def application(setting: Setting, voiced: Callable[[Voice], Voice] = lambda voice: voice) -> Application:
    """The face as an ASGI application; `like` names the version, and `voiced` is the seam for an upstream that
    misbehaves: it is given each answer before it is spoken, and gives back the one to speak."""
    refuse_bending("ollama", setting)
    store = Store()
    endings = Endings()

    async def root(_: Request) -> Response:
        return PlainTextResponse("Ollama is running")

    async def chat(request: Request) -> Response | Spoken:
        return await answer(request, await read(request, ChatRequest), "message")

    async def generate(request: Request) -> Response | Spoken:
        return await answer(request, (await read(request, GenerateRequest)).as_chat(), "response")

    async def answer(request: Request, asked: ChatRequest, spoken_as: str) -> Response | Spoken:
        _let_in(request, setting)
        if not asked.model:
            raise OllamaRefusal("model is required")
        model = store.model(asked.model)
        if not asked.messages:
            return _loading(store, asked, spoken_as)
        _check_abilities(asked, model)
        store.check_account(model, signin_url(request))
        store.load(asked.model)
        received = msgspec.json.decode(await request.body())
        conversation = understood(asked, received, thinks="thinking" in model.capabilities)
        conversation = await with_ending(conversation, endings)
        delivery = delivery_of(conversation)
        reply = setting.brain(conversation)
        voice = voiced(OllamaVoice(asked.model, reply, spoken_as, delivery.shape))
        return spoken(reply, voice, stream=asked.stream is not False, delivery=delivery, ending=endings.begin(reply))

    return Starlette(
        routes=[
            Route("/", root, methods=["GET"]),
            Route("/api/chat", chat, methods=["POST"]),
            Route("/api/generate", generate, methods=["POST"]),
            *Management(store, _version(setting)).routes(),
            Route("/v1/messages", Messages(store, setting), methods=["POST"]),
        ],
        exception_handlers={OllamaRefusal: _refused, HTTPException: _no_route, ClientDisconnect: nobody_is_left},
    )


def _let_in(request: Request, setting: Setting) -> None:
    """A local Ollama asks nobody for a key; ollama.com takes one as Bearer only."""
    if setting.api_key is not None and request.headers.get("authorization") != f"Bearer {setting.api_key}":
        raise OllamaRefusal("unauthorized", 401)


def _version(setting: Setting) -> str:
    """That of `--like ollama@VERSION`, with all three of its numbers."""
    if setting.like is None:
        return VERSION
    target, _, version = setting.like.partition("@")
    if target != "ollama":
        raise UsageError(f"the face ollama is like ollama only, not like {target}: say --like ollama@{VERSION}")
    if not version:
        return VERSION
    numbers_of(version)
    return version if version.count(".") >= 2 else version + ".0" * (2 - version.count("."))


def _loading(store: Store, asked: ChatRequest, spoken_as: str) -> Response:
    """A request that asks nothing brings the model into memory, or out of it where it is to be kept for no time."""
    unloads = asked.keep_alive in {0, "0", "0s"}
    if unloads:
        store.unload(asked.model)
    else:
        store.load(asked.model)
    said: dict[str, Any] = (
        {"response": ""} if spoken_as == "response" else {"message": {"role": "assistant", "content": ""}}
    )
    reason = "unload" if unloads else "load"
    return json_response({"model": asked.model, "created_at": timestamp(), **said, "done": True, "done_reason": reason})


def _check_abilities(asked: ChatRequest, model: Model) -> None:
    if asked.tools and "tools" not in model.capabilities:
        raise OllamaRefusal(f"{asked.model} does not support tools")
    if asked.think not in {None, False} and "thinking" not in model.capabilities:
        raise OllamaRefusal(f'"{asked.model}" does not support thinking')


async def _refused(_: Request, error: Any) -> Response:
    return json_response(error.body, error.status)


async def _no_route(_: Request, error: Any) -> Response:
    """Ollama's router answers in plain text."""
    sentence = {404: "404 page not found", 405: "405 method not allowed"}.get(error.status_code, error.detail)
    return PlainTextResponse(sentence, error.status_code, error.headers)

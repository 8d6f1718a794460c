"""The routes that manage models: list, show, pull, create, copy, delete, sign in."""

from collections.abc import AsyncIterator
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from conformance.scripted.conversation import UNREADABLE
from conformance.scripted.ollama.library import Model
from conformance.scripted.ollama.store import (
    OllamaRefusal,
    Step,
    Steps,
    Store,
    assembling,
    creating,
    details,
    pulling,
    timestamp,
)
from conformance.scripted.speaking import NDJSON, Spoken, json_response


class Named(Struct, frozen=True):
    """A request about one model; `name` is what older clients say."""

    model: str = ""
    name: str = ""
    stream: bool | None = None

    @property
    def wanted(self) -> str:
        if not (self.model or self.name):
            raise OllamaRefusal("model is required")
        return self.model or self.name


class Creation(Named, frozen=True, kw_only=True, rename={"source": "from"}):
    source: str = ""
    remote_host: str = ""
    files: dict[str, str] = {}
    """Names to the digests of blobs that were uploaded."""
    template: str = ""
    parameters: dict[str, Any] = {}


class Copy(Struct, frozen=True):
    source: str
    destination: str


class Management:
    """The routes over one store."""

    def __init__(self, store: Store, version: str) -> None:
        self.store = store
        self.version = version

    def routes(self) -> list[Route]:
        return [
            Route("/api/version", self.tell_version, methods=["GET"]),
            Route("/api/tags", self.tags, methods=["GET"]),
            Route("/api/ps", self.running, methods=["GET"]),
            Route("/api/show", self.show, methods=["POST"]),
            Route("/api/pull", self.pull, methods=["POST"]),
            Route("/api/create", self.create, methods=["POST"]),
            Route("/api/blobs/{digest}", self.blob, methods=["HEAD", "POST"]),
            Route("/api/copy", self.copy, methods=["POST"]),
            Route("/api/delete", self.delete, methods=["DELETE"]),
            Route("/api/me", self.me, methods=["POST"]),
            Route("/api/signout", self.signout, methods=["POST"]),
            Route("/connect", self.connect, methods=["GET"]),
        ]

    async def tell_version(self, _: Request) -> Response:
        return json_response({"version": self.version})

    async def tags(self, _: Request) -> Response:
        return json_response({"models": [_listed(name, model) for name, model in self.store.installed.items()]})

    async def running(self, _: Request) -> Response:
        return json_response({"models": [_running(*loaded) for loaded in self.store.in_memory()]})

    async def show(self, request: Request) -> Response:
        return json_response(_shown(self.store.model((await read(request, Named)).wanted)))

    async def pull(self, request: Request) -> Response | Spoken:
        asked = await read(request, Named)
        return await _progress(pulling(self.store, asked.wanted), asked.stream)

    async def create(self, request: Request) -> Response | Spoken:
        asked = await read(request, Creation)
        if asked.files:
            steps = assembling(self.store, asked.wanted, asked.files, asked.parameters)
        else:
            steps = creating(
                self.store, asked.wanted, asked.source, parameters=asked.parameters, remote_host=asked.remote_host
            )
        return await _progress(steps, asked.stream)

    async def blob(self, request: Request) -> Response:
        digest = request.path_params["digest"]
        if request.method == "HEAD":
            return Response(status_code=200 if digest in self.store.blobs else 404)
        content = await request.body()
        if digest != f"sha256:{sha256(content).hexdigest()}":
            raise OllamaRefusal("digest mismatch")
        there = digest in self.store.blobs
        self.store.blobs[digest] = len(content)
        return Response(status_code=200 if there else 201)

    async def copy(self, request: Request) -> Response:
        asked = await read(request, Copy)
        self.store.copy(asked.source, asked.destination)
        return Response()

    async def delete(self, request: Request) -> Response:
        self.store.delete((await read(request, Named)).wanted)
        return Response()

    async def me(self, request: Request) -> Response:
        if not self.store.signed_in:
            raise OllamaRefusal("unauthorized", 401, signin_url=signin_url(request))
        return json_response({"id": "00000000-0000-0000-0000-000000000000", "name": "scripted", "plan": "free"})

    async def connect(self, _: Request) -> Response:
        self.store.signed_in = True
        return PlainTextResponse("You are signed in.")

    async def signout(self, _: Request) -> Response:
        self.store.signed_in = False
        return json_response({})


def signin_url(request: Request) -> str:
    return str(request.url.replace(path="/connect", query="name=scripted&key=c2NyaXB0ZWQ"))


Body = TypeVar("Body", bound=Struct)


async def read(request: Request, kind: type[Body]) -> Body:
    """The body as one of the types of this API."""
    body = await request.body()
    if not body:
        raise OllamaRefusal("missing request body")
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as error:
        raise OllamaRefusal(str(error)) from None


def _listed(name: str, model: Model) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        **_remote(model),
        "modified_at": model.modified_at,
        "size": model.size,
        "digest": model.digest,
        "details": details(model),
        "capabilities": list(model.capabilities),
    }


def _running(name: str, model: Model, until: datetime) -> dict[str, Any]:
    return {
        "name": name,
        "model": name,
        "size": model.size,
        "digest": model.digest,
        "details": details(model),
        "expires_at": timestamp(until),
        "size_vram": int(model.size * model.share_in_vram),
        "context_length": model.loaded_context,
    }


def _shown(model: Model) -> dict[str, Any]:
    lines = [*((("num_ctx", str(model.num_ctx)),) if model.num_ctx else ()), *model.parameters]
    return {
        "modelfile": "FROM scripted\n",
        "parameters": "\n".join(f"{name:<30} {value}" for name, value in lines),
        "template": "{{ .Prompt }}",
        **_remote(model),
        "details": details(model),
        "model_info": {
            "general.architecture": model.family,
            "general.parameter_count": 3_212_749_888,
            f"{model.family}.context_length": model.context_length,
            f"{model.family}.embedding_length": 4096,
        },
        "capabilities": list(model.capabilities),
        "modified_at": model.modified_at,
    }


def _remote(model: Model) -> dict[str, str]:
    return {"remote_model": model.remote_model, "remote_host": model.remote_host} if model.remote_host else {}


async def _progress(steps: Steps, stream: bool | None) -> Response | Spoken:
    """The steps as they happen, or the last of them; an error in a stream comes with the status 200 it began with."""
    if stream is not False:
        return Spoken(_lines(steps), NDJSON)
    last: Step = {}
    async for step in steps:
        last = step
    return json_response(last, 500 if "error" in last else 200)


async def _lines(steps: Steps) -> AsyncIterator[bytes]:
    async for step in steps:
        yield msgspec.json.encode(step) + b"\n"

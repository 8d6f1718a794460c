"""Emulation of Ollama's other routes: its own API as far as a run asks it, and 404 for what it lacks."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import msgspec

from conformance.scripted.anthropic.answer import Answer, json_answer
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.anthropic.rewriting import plain_answer
from conformance.scripted.likeness.ollama_request import CONTEXT
from conformance.scripted.likeness.ollama_versions import MODELS_NOT_FOUND, MODELS_TAGGED, Version, last_change

MODEL = "scripted:latest"
CREATED = 1_767_225_600
TAGGED: dict[str, Any] = {
    "name": MODEL,
    "model": MODEL,
    "modified_at": "2026-01-01T00:00:00Z",
    "size": 1_000_000,
    "digest": "5c12a9d3e0b74f6e8d2b1a3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f70",
}
SHOWN: dict[str, Any] = {
    "parameters": f"num_ctx                        {CONTEXT}",
    "capabilities": ["completion", "tools", "vision", "thinking"],
    "model_info": {"general.architecture": "scripted", "scripted.context_length": CONTEXT},
}
OPENAI_MODEL = {"id": MODEL, "object": "model", "created": CREATED, "owned_by": "library"}

_OWN_NAMES = ("localhost", ".localhost", ".local", ".internal")


def answer_of(call: Call, version: Version, gaps: frozenset[str]) -> Answer | None:
    """The answer to a request that is not for the Messages API, or that Ollama has no route for."""
    asked = f"{call.method} {call.path}"
    if not _is_own(call.headers.get("host", "")):
        return Answer(status=403)
    if asked == "POST /v1/messages/":
        return Answer(status=307, headers=(("location", "/v1/messages"),))
    match asked:
        case "GET /api/version":
            return json_answer({"version": ".".join(map(str, version)), "simulated": True})
        case "GET /api/tags":
            return json_answer({"models": [TAGGED]})
        case "GET /api/ps":
            loaded = {**TAGGED, "size_vram": TAGGED["size"], "context_length": CONTEXT}
            return json_answer({"models": [loaded]})
        case "POST /api/show":
            return _shown(call)
        case "GET /" | "HEAD /":
            return plain_answer("Ollama is running", 200)
    return _lacking(call, last_change(version), gaps)


def _is_own(host: str) -> bool:
    """Whether a Host header names this machine: a public name would be a page that lies about whose server it is."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        address = ip_address(name)
    except ValueError:
        return name in ("", *_OWN_NAMES) or name.endswith(_OWN_NAMES)
    return address.is_loopback or address.is_private


def _shown(call: Call) -> Answer:
    document = call.document if isinstance(call.document, dict) else {}
    name = document.get("model") or document.get("name")
    if name not in (MODEL, MODEL.removesuffix(":latest")):
        return json_answer({"error": f"model '{name}' not found"}, 404)
    return json_answer(SHOWN)


def _lacking(call: Call, version: Version, gaps: frozenset[str]) -> Answer | None:
    path = call.path
    plain = "plain_errors" in gaps
    if call.method == "OPTIONS" and "preflight" in gaps:
        return _preflight(call)
    if path == "/v1/messages/count_tokens" and "count_tokens" in gaps:
        return _no_route(plain=plain)
    if path.startswith(("/v1/messages/batches", "/v1/files")) and "batches" in gaps:
        return _no_route(plain=plain)
    if "models" in gaps and call.method == "GET":
        return _models(path, version, plain=plain)
    return None


def _no_route(*, plain: bool) -> Answer:
    """The answer of a route that there is not: Go's own words, or the envelope of the API."""
    if plain:
        return plain_answer("404 page not found", 404, "text/plain")
    raise Refusal(404, "not_found_error", "404 page not found")


def _preflight(call: Call) -> Answer:
    """What Ollama allows a browser is what OpenAI's client sends; without an origin it is no preflight."""
    if "origin" not in call.headers:
        return plain_answer("405 method not allowed", 405, "text/plain")
    allowed = "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Lang"
    headers = (("access-control-allow-headers", allowed), ("access-control-allow-origin", call.headers["origin"]))
    return Answer(status=204, headers=headers)


def _models(path: str, version: Version, *, plain: bool) -> Answer | None:
    if path == "/v1/models":
        return json_answer({"object": "list", "data": [OPENAI_MODEL]})
    name = path.removeprefix("/v1/models/")
    if name == path:
        return None
    if name in (MODEL, MODEL.removesuffix(":latest")):
        return json_answer(OPENAI_MODEL | {"id": name})
    tagged = name if ":" in name or version < MODELS_TAGGED else f"{name}:latest"
    message = f"model '{tagged}' not found"
    if not plain:
        raise Refusal(404, "not_found_error", message)
    kind = "not_found_error" if version >= MODELS_NOT_FOUND else "api_error"
    error = {"message": message, "type": kind, "param": None, "code": None}
    return json_answer(msgspec.to_builtins({"error": error}), 404)

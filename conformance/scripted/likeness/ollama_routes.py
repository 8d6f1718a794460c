"""Emulation of Ollama's other routes: its own API as far as a run asks it, and 404 for what it lacks."""

from typing import Any

import msgspec

from conformance.scripted.anthropic.answer import Answer, json_answer
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.rewriting import plain_answer

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
    "parameters": "num_ctx                        200000",
    "capabilities": ["completion", "tools", "vision", "thinking"],
    "model_info": {"general.architecture": "scripted", "scripted.context_length": 200_000},
}
OPENAI_MODEL = {"id": MODEL, "object": "model", "created": CREATED, "owned_by": "library"}


def answer_of(call: Call, version: str, gaps: frozenset[str]) -> Answer | None:
    """The answer to a request that is not for the Messages API, or that Ollama has no route for."""
    asked = f"{call.method} {call.path}"
    match asked:
        case "GET /api/version":
            return json_answer({"version": version, "simulated": True})
        case "GET /api/tags":
            return json_answer({"models": [TAGGED]})
        case "GET /api/ps":
            loaded = {**TAGGED, "size_vram": TAGGED["size"], "context_length": 200_000}
            return json_answer({"models": [loaded]})
        case "POST /api/show":
            return _shown(call)
        case "GET /" | "HEAD /":
            return plain_answer("Ollama is running", 200)
    return _lacking(call, gaps)


def _shown(call: Call) -> Answer:
    document = call.document if isinstance(call.document, dict) else {}
    name = document.get("model") or document.get("name")
    if name not in (MODEL, MODEL.removesuffix(":latest")):
        return json_answer({"error": f"model '{name}' not found"}, 404)
    return json_answer(SHOWN)


def _lacking(call: Call, gaps: frozenset[str]) -> Answer | None:
    path = call.path
    if call.method == "OPTIONS" and "preflight" in gaps:
        return _preflight(call)
    if path == "/v1/messages/count_tokens" and "count_tokens" in gaps:
        return plain_answer("404 page not found", 404, "text/plain")
    if path.startswith(("/v1/messages/batches", "/v1/files")) and "batches" in gaps:
        return plain_answer("404 page not found", 404, "text/plain")
    if "models" in gaps and call.method == "GET":
        return _models(path)
    return None


def _preflight(call: Call) -> Answer:
    """What Ollama allows a browser is what OpenAI's client sends; without an origin it is no preflight."""
    if "origin" not in call.headers:
        return plain_answer("405 method not allowed", 405, "text/plain")
    allowed = "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Lang"
    headers = (("access-control-allow-headers", allowed), ("access-control-allow-origin", call.headers["origin"]))
    return Answer(status=204, headers=headers)


def _models(path: str) -> Answer | None:
    if path == "/v1/models":
        return json_answer({"object": "list", "data": [OPENAI_MODEL]})
    name = path.removeprefix("/v1/models/")
    if name == path:
        return None
    if name in (MODEL, MODEL.removesuffix(":latest")):
        return json_answer(OPENAI_MODEL)
    message = f"model '{name}' not found"
    error = {"message": message, "type": "not_found_error", "param": None, "code": None}
    return json_answer(msgspec.to_builtins({"error": error}), 404)

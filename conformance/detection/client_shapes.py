"""The shapes of a client's requests, as lines that are compared as a set: no prose and no ids."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from conformance.detection.client_figures import FOLDER, PROFILE
from conformance.errors import UserError

SHAPES = FOLDER / "shapes"
WITH_VALUE = frozenset({"accept", "anthropic-version", "anthropic-dangerous-direct-browser-access", "x-app"})
"""Headers whose value belongs to the shape; of the others the name does."""
BELOW_THE_CLIENT = frozenset({"host", "content-length", "connection", "accept-encoding"})
PROSE = frozenset({"model", "messages", "system", "tools", "metadata"})
"""Fields that have lines of their own, or that differ from session to session."""


def shape_lines(requests: Iterable[Mapping[str, Any]]) -> list[str]:
    """The lines of all requests of a session, each once, sorted; a request is as `relay` keeps it."""
    return sorted({f"{_kind(request)}: {line}" for request in requests for line in _lines(request)})


def shape_file(version: str) -> Path:
    return SHAPES / f"{PROFILE}-{version}.txt"


def read_shape(version: str) -> list[str]:
    """The committed shape of a version; UserError where there is none."""
    file = shape_file(version)
    if not file.is_file():
        raise UserError(f"no shape of {PROFILE} {version} is committed: there is no {file.name}")
    return file.read_text(encoding="utf-8").splitlines()


def compared(old: Iterable[str], new: Iterable[str]) -> list[str]:
    """The lines that are new and those that are gone, in their order."""
    before, after = set(old), set(new)
    marked = [(line, "+") for line in after - before] + [(line, "-") for line in before - after]
    return [f"{mark} {line}" for line, mark in sorted(marked)]


def _kind(request: Mapping[str, Any]) -> str:
    """What a request is for, as far as its shape says so."""
    path, body = urlsplit(request["path"]).path, request["body"]
    if not isinstance(body, dict) or "messages" not in body:
        return f"{request['method']} {path}"
    if path.endswith("/count_tokens"):
        return "count"
    if any(name.lower() == "x-claude-code-agent-id" for name, _ in request["headers"]):
        return "agent"
    if not body.get("tools"):
        return "side"
    return "turn" if body.get("stream") else "turn without stream"


def _lines(request: Mapping[str, Any]) -> Iterator[str]:
    parts = urlsplit(request["path"])
    yield f"{request['method']} {parts.path}{'?' if parts.query else ''}{parts.query}"
    for name, value in request["headers"]:
        yield from _header(name.lower(), value)
    body = request["body"]
    if isinstance(body, dict):
        yield from _body(body)


def _header(name: str, value: str) -> Iterator[str]:
    if name == "anthropic-beta":
        yield from (f"header {name} {flag.strip()}" for flag in value.split(","))
    elif name not in BELOW_THE_CLIENT:
        yield f"header {name}: {value}" if name in WITH_VALUE else f"header {name}"


def _body(body: Mapping[str, Any]) -> Iterator[str]:
    for name, value in body.items():
        yield f"field {name}" if name in PROSE else f"field {name} = {_json(value)}"
    system = body.get("system")
    for block in system if isinstance(system, list) else []:
        yield f"system: {_block(block)}"
    if isinstance(system, str):
        yield "system: a string"
    for message in body.get("messages") or []:
        yield from _message(message)
    for tool in body.get("tools") or []:
        yield from _tool(tool)


def _message(message: Mapping[str, Any]) -> Iterator[str]:
    role, content = message.get("role"), message.get("content")
    if isinstance(content, str):
        yield f"message {role}: a string"
    for block in content if isinstance(content, list) else []:
        yield f"message {role}: {_block(block)}"
        inner = block.get("content") if isinstance(block, dict) else None
        for part in inner if isinstance(inner, list) else []:
            yield f"message {role}: {block.get('type')} of {_block(part)}"


def _block(block: Any) -> str:
    if not isinstance(block, dict):
        return type(block).__name__
    keys = ", ".join(sorted(key for key in block if key != "type"))
    return f"{block.get('type')} {{{keys}}}"


def _tool(tool: Mapping[str, Any]) -> Iterator[str]:
    name = tool.get("name", tool.get("type"))
    yield f"tool {name} {{{', '.join(sorted(tool))}}}"
    schema = tool.get("input_schema") or {}
    required = schema.get("required") or []
    for key, value in (schema.get("properties") or {}).items():
        words = ", ".join(sorted(set(value) - {"description"})) if isinstance(value, dict) else ""
        yield f"tool {name} takes {key}{' (required)' if key in required else ''}: {words}"


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))

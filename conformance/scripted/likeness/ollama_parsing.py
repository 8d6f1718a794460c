"""Parses Messages requests as Go's decoder in Ollama does, with its messages for what it refuses."""

import json
from typing import Any

import msgspec

from conformance.scripted.anthropic.errors import Refusal

Body = dict[str, Any]

_GO_TYPES = {
    "model": (str, "string"),
    "max_tokens": (int, "int"),
    "stream": (bool, "bool"),
    "temperature": (float, "float64"),
    "top_p": (float, "float64"),
    "top_k": (int, "int"),
    "stop_sequences": (list, "[]string"),
    "tools": (list, "[]anthropic.Tool"),
    "tool_choice": (dict, "anthropic.ToolChoice"),
    "thinking": (dict, "anthropic.ThinkingConfig"),
    "metadata": (dict, "anthropic.Metadata"),
    "output_config": (dict, "anthropic.OutputConfig"),
}
_JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}


LARGEST = 2**63
"""The first whole number that Go's int does not hold."""


def decoded(body: bytes) -> Body:
    """The first JSON value of a body: what follows it is not read, and bytes that are no UTF-8 are replaced."""
    text = body.decode(errors="replace")
    try:
        begins = len(text) - len(text.lstrip(" \t\r\n"))
        _, end = json.JSONDecoder().raw_decode(text, begins)
        document = msgspec.json.decode(text[begins:end])
    except (ValueError, RecursionError):
        raise bad("invalid character looking for beginning of value") from None
    if not isinstance(document, dict):
        kind = _JSON_NAMES.get(type(document), "null")
        raise bad(f"json: cannot unmarshal {kind} into Go value of type anthropic.MessagesRequest")
    return document


def check_types(body: Body, *, typed: bool, documents: bool) -> None:
    """The types that Go reads a request into; `typed` where blocks have types of their own, `documents` where read."""
    for key, (kind, go_type) in _GO_TYPES.items():
        value = body.get(key)
        if value is None:
            continue
        fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
        too_large = kind is int and isinstance(value, int) and not -LARGEST <= value < LARGEST
        if not fits or too_large or (isinstance(value, bool) and kind is not bool):
            raise _unmarshal(value, key, go_type)
    for stop in body.get("stop_sequences") or []:
        if not isinstance(stop, str):
            raise _unmarshal(stop, "stop_sequences", "string")
    if not isinstance((body.get("metadata") or {}).get("user_id"), str | None):
        raise _unmarshal(body["metadata"]["user_id"], "metadata.user_id", "string")
    for tool in body.get("tools") or []:
        for key in ("name", "description"):
            if isinstance(tool, dict) and not isinstance(tool.get(key), str | None):
                raise _unmarshal(tool[key], f"tools.{key}", "string")
    messages = body.get("messages") or []
    if not isinstance(messages, list):
        raise _unmarshal(messages, "messages", "[]anthropic.MessageParam")
    for message in messages:
        _check_message(message, typed=typed, documents=documents)


def _check_message(message: Any, *, typed: bool, documents: bool) -> None:
    if not isinstance(message, dict):
        raise _unmarshal(message, "messages", "anthropic.MessageParam")
    if not isinstance(message.get("role"), str | None):
        raise _unmarshal(message["role"], "messages.role", "string")
    if "content" not in message:
        raise bad("unexpected end of JSON input")
    content = message["content"]
    if content is None and not typed:
        raise bad("invalid message content type: <nil>")
    if not isinstance(content, str | list | None):
        raise _unmarshal(content, "messages.content", "[]anthropic.ContentBlock")
    for block in content if isinstance(content, list) else []:
        _check_block(block, typed=typed, documents=documents)


def _check_block(block: Any, *, typed: bool, documents: bool) -> None:
    if not isinstance(block, dict):
        raise _unmarshal(block, "messages", "anthropic.ContentBlock")
    if not typed:
        _check_untyped(block)
        return
    # a document's `citations: {enabled: true}` and a search result's `source` meet types made for other blocks
    if documents and block.get("type") in ("document", "search_result"):
        return
    if not isinstance(block.get("citations"), list | None):
        raise _unmarshal(block["citations"], "messages.citations", "[]anthropic.Citation")
    if not isinstance(block.get("source"), dict | None):
        raise _unmarshal(block["source"], "messages.source", "anthropic.ImageSource")
    for key in ("id", "name"):
        if not isinstance(block.get(key), str | None):
            raise _unmarshal(block[key], f"messages.{key}", "string")
    if block.get("type") == "tool_use":
        _check_call(block)
    for key, kind, go_type in (("is_error", bool, "bool"), ("text", str, "string")):
        if not isinstance(block.get(key), kind | None):
            raise _unmarshal(block[key], f"messages.content.{key}", go_type)


def _check_untyped(block: Body) -> None:
    for key in ("id", "name") if block.get("type") == "tool_use" else ():
        if not isinstance(block.get(key), str):
            raise bad(f"tool_use block missing required '{key}' field")


def _check_call(block: Body) -> None:
    for key in ("id", "name"):
        if not block.get(key):
            raise bad(f"tool_use block missing required '{key}' field")
    if not isinstance(block.get("input", {}), dict):
        raise _unmarshal(block["input"], "messages.content.input", "api.ToolCallFunctionArguments")


def _unmarshal(value: Any, field: str, go_type: str) -> Refusal:
    kind = _JSON_NAMES.get(type(value), "null")
    return bad(f"json: cannot unmarshal {kind} into Go struct field MessagesRequest.{field} of type {go_type}")


def bad(message: str) -> Refusal:
    return Refusal(400, "invalid_request_error", message)

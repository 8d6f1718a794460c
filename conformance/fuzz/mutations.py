"""Single changes that make a valid request one that the API refuses, applied wherever a request has the place for it.

Sources: https://platform.claude.com/docs/en/api/messages (types, required keys, ranges, closed objects) and the public
OpenAPI description of the API; only what the documents say is here, so that a refusal is always the right answer.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

Body = Mapping[str, Any]
Place = tuple[str | int, ...]

GONE = object()
"""Stands for the removal of a key."""
NO_NUMBER: tuple[Any, ...] = ("16", [], {})
NO_LIST: tuple[Any, ...] = ({}, 5)
NO_TEXT: tuple[Any, ...] = (5, {}, [5])
NO_OBJECT: tuple[Any, ...] = ("auto", 5, [])


class Mutation(Struct, frozen=True):
    """One change: its place, a word for what is wrong there, and the request that has it."""

    at: str
    """The path with its indexes as `*`."""
    kind: str
    body: Mapping[str, Any]
    raw: str = ""
    """The body to the letter, where it is no JSON object any more."""


def mutations(body: Body) -> list[Mutation]:
    """Every single change that this request has a place for, in a fixed order."""
    found = [
        Mutation("/" + "/".join("*" if isinstance(part, int) else part for part in place), kind, changed)
        for place, kind, value in _changes(body)
        if (changed := _changed(body, place, value)) is not None
    ]
    return [*list({(one.at, one.kind): one for one in reversed(found)}.values())[::-1], *_unreadable(body)]


def _unreadable(body: Body) -> Iterator[Mutation]:
    """The same request as what no reader of JSON objects takes."""
    text = json.dumps({"model": "{model}", **body}, ensure_ascii=False)
    broken = {"cut": text[:-1], "a comma too many": f"{text[:-1]}, }}", "in a list": f"[{text}]"}
    yield from (Mutation("/", kind, body, raw) for kind, raw in broken.items())


def _changed(value: Any, place: Place, new: Any) -> Any:
    """The value with one place changed."""
    if not place:
        return new
    key, rest = place[0], place[1:]
    if isinstance(value, Mapping):
        if not rest and new is GONE:
            return {name: item for name, item in value.items() if name != key}
        return {**value, key: _changed(value.get(str(key)), rest, new)}
    assert isinstance(value, Sequence)
    assert isinstance(key, int)
    return [*value[:key], _changed(value[key], rest, new), *value[key + 1 :]]


Change = tuple[Place, str, Any]


def _changes(body: Body) -> Iterator[Change]:
    yield from _top()
    for number, message in enumerate(body["messages"]):
        yield from _message(("messages", number), message)
    if isinstance(body.get("system"), list):
        for number, block in enumerate(body["system"]):
            yield from _text_block(("system", number), block)
    for number, tool in enumerate(body.get("tools", ())):
        yield from _tool(("tools", number), tool)
    if tools := body.get("tools"):
        yield ("tools",), "duplicate name", [*tools, tools[0]]
    yield from _choice(body)


def _wrong(place: Place, values: Sequence[Any]) -> Iterator[Change]:
    for value in values:
        yield place, f"wrong type {type(value).__name__}", value


def _top() -> Iterator[Change]:
    for name in ("max_tokens", "messages"):
        yield (name,), "missing", GONE
    yield from _wrong(("max_tokens",), NO_NUMBER)
    yield ("max_tokens",), "negative", -1
    yield ("max_tokens",), "no integer", 1.5
    yield from _wrong(("messages",), (*NO_LIST, "hello"))
    yield ("messages",), "empty", []
    yield ("frobnicate",), "unknown key", True
    ranges: tuple[tuple[str, str, Any], ...] = (
        ("temperature", "above its range", 1.5),
        ("temperature", "wrong type str", "hot"),
        ("top_p", "above its range", 1.5),
        ("top_k", "negative", -1),
        ("stop_sequences", "wrong type str", "HALT"),
        ("stop_sequences", "blank item", [" "]),
        ("stop_sequences", "wrong item", [5]),
        ("metadata", "wrong type str", "u-1"),
        ("metadata", "user_id too long", {"user_id": "a" * 513}),
        ("metadata", "user_id of a wrong type", {"user_id": 5}),
        ("system", "wrong type int", 5),
        ("system", "blank block", [{"type": "text", "text": ""}]),
        ("tools", "wrong type dict", {}),
        ("service_tier", "unknown word", "gold"),
        ("thinking", "unknown type", {"type": "sideways"}),
        ("thinking", "no budget", {"type": "enabled"}),
        ("thinking", "budget below 1024", {"type": "enabled", "budget_tokens": 100}),
        ("thinking", "budget not below max_tokens", {"type": "enabled", "budget_tokens": 4096}),
    )
    yield from (((name,), kind, value) for name, kind, value in ranges)


def _message(place: Place, message: Mapping[str, Any]) -> Iterator[Change]:
    yield (*place, "role"), "missing", GONE
    yield (*place, "role"), "unknown word", "robot"
    yield (*place, "content"), "missing", GONE
    yield from _wrong((*place, "content"), (5, {}))
    yield (*place, "frobnicate"), "unknown key", True
    if isinstance(message["content"], list):
        for number, block in enumerate(message["content"]):
            yield from _block((*place, "content", number), block)


_REQUIRED = {
    "text": ("text",),
    "image": ("source",),
    "document": ("source",),
    "search_result": ("content", "source", "title"),
    "tool_use": ("id", "name", "input"),
    "tool_result": ("tool_use_id",),
}


def _block(place: Place, block: Mapping[str, Any]) -> Iterator[Change]:
    yield (*place, "type"), "missing", GONE
    yield (*place, "type"), "unknown word", "hologram"
    yield (*place, "frobnicate"), "unknown key", True
    for name in _REQUIRED.get(block["type"], ()):
        yield (*place, name), "missing", GONE
    yield from _OF_BLOCK.get(block["type"], _no_changes)(place)
    if block["type"] != "tool_use":
        yield (*place, "cache_control"), "unknown type", {"type": "eternal"}


def _text_block(place: Place, block: Mapping[str, Any]) -> Iterator[Change]:
    """A block of system: a text, so that servers may take it for one where it does not say so."""
    yield from (change for change in _block(place, block) if change[:2] != ((*place, "type"), "missing"))


def _no_changes(_place: Place) -> Iterator[Change]:
    yield from ()


def _text(place: Place) -> Iterator[Change]:
    yield from _wrong((*place, "text"), NO_TEXT)


def _image(place: Place) -> Iterator[Change]:
    yield (*place, "source", "media_type"), "unknown word", "image/hologram"
    yield (*place, "source", "data"), "no base64", "%%%"
    yield (*place, "source", "type"), "unknown word", "telepathy"


def _tool_use(place: Place) -> Iterator[Change]:
    yield from _wrong((*place, "input"), ("word", [], 5))
    yield from _wrong((*place, "name"), (5,))
    yield (*place, "id"), "an id that no result answers", "toolu_other"


def _tool_result(place: Place) -> Iterator[Change]:
    yield from _wrong((*place, "is_error"), ("no", 5))
    yield from _wrong((*place, "content"), (5, {}))
    yield (*place, "tool_use_id"), "an id that no call has", "toolu_other"


_OF_BLOCK: Mapping[str, Callable[[Place], Iterator[Change]]] = {
    "text": _text,
    "image": _image,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
}


def _tool(place: Place, _tool: Mapping[str, Any]) -> Iterator[Change]:
    yield (*place, "name"), "missing", GONE
    yield (*place, "name"), "a blank in it", "look up"
    yield (*place, "name"), "too long", "a" * 129
    yield from _wrong((*place, "name"), (5,))
    yield (*place, "input_schema"), "missing", GONE
    yield from _wrong((*place, "input_schema"), ("object", []))
    yield (*place, "frobnicate"), "unknown key", True


def _choice(body: Body) -> Iterator[Change]:
    yield from _wrong(("tool_choice",), NO_OBJECT)
    yield ("tool_choice",), "unknown type", {"type": "maybe"}
    yield ("tool_choice",), "no name", {"type": "tool"}
    yield ("tool_choice",), "a tool that is not declared", {"type": "tool", "name": "undeclared"}
    if "tools" not in body:
        yield ("tool_choice",), "any without tools", {"type": "any"}

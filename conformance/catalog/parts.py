"""The parts of a request, by which two requests are compared, and the references from a case to others."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from msgspec import UNSET

from conformance.catalog.case import Ask, Case, asks_of

KEYS = ("control", "twin", "without", "within")


def leans(case: Case) -> Iterator[tuple[str, str]]:
    """The keys of a case that name another one, each with the id that it names."""
    for key in KEYS:
        if (name := getattr(case, key)) is not None:
            yield key, name


def circle(cases: Mapping[str, Case]) -> list[str]:
    """The ids of cases that lean on each other in a circle, the first one again at the end; empty where none do."""
    try:
        TopologicalSorter({id_: [name for _, name in leans(case)] for id_, case in cases.items()}).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found[::-1]
    return []


CHOICES = frozenset({"type", "role", "media_type", "mode", "ttl", "effort", "service_tier", "speed", "inference_geo"})
"""Keys whose value is one of a few words: each is a part of its own."""
FREE = frozenset({"input", "input_schema", "schema"})
"""Keys under which a caller names keys as he likes: of a schema, only its keywords count."""
KEYWORDS = {
    *("$defs", "$ref", "$schema", "additionalProperties", "allOf", "anyOf", "const", "default", "enum"),
    *("exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maxLength", "maximum", "minItems"),
    *("minLength", "minimum", "not", "oneOf", "pattern", "prefixItems", "propertyNames", "required"),
}
LONG = 64
"""Characters of a text, entries of a list: from here the size is a part of its own, in powers of two."""
OPENING = 5
"""Words of an instruction that tell one kind from another."""


def parts_of(case: Case) -> frozenset[str]:
    """The parts of all requests of a case: `tools[].name`, `tool_choice.type=any`, `header anthropic-beta`, ..."""
    sent = frozenset(part for ask in asks_of(case) for part in _of_ask(ask))
    return sent if case.transport == "http" else sent | {f"transport {case.transport}"}


def _of_ask(ask: Ask) -> Iterator[str]:
    if ask.key != "right":
        yield f"key {ask.key}"
    if ask.version != "2023-06-01":
        yield f"version {ask.version}"
    for name, value in ask.headers.items():
        yield f"header {name.lower()}"
        for one in value if isinstance(value, list) else str(value).split(","):
            yield f"header {name.lower()}={one.strip()}"
    for name in ask.query:
        yield f"query {name}"
    yield from (f"without {key}" for key in ask.omits)
    if ask.padded_to:
        yield f"body~{ask.padded_to.bit_length()}"
    if ask.raw is not UNSET:
        yield "raw body"
    if ask.multipart is not UNSET:
        yield "multipart"
    if isinstance(ask.body, dict):
        yield from _of_value(ask.body, "")
        yield from _instruction(ask.body)


def _of_value(value: Any, path: str) -> Iterator[str]:
    key = path.rsplit(".", 1)[-1].removesuffix("[]")
    if key in FREE:
        yield path
        yield from (f"{path}~{name}" for name in _names(value))
    elif isinstance(value, dict):
        if path:
            yield f"{path}{{}}"
        for name, inner in value.items():
            yield from _of_value(inner, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        yield f"{path}[]"
        if len(value) > 1:
            yield f"{path}[]#{len(value).bit_length()}"
        for inner in value:
            yield from _of_value(inner, f"{path}[]")
    elif isinstance(value, str):
        yield f"{path}={value}" if key in CHOICES else path
        if len(value) >= LONG:
            yield f"{path}~{len(value).bit_length()}"
    elif isinstance(value, bool) or value is None:
        yield f"{path}={value}"
    else:
        yield path
        yield f"{path}~{'-' if value < 0 else ''}{int(abs(value)).bit_length() // 4}"


def _names(value: Any) -> Iterator[str]:
    """The keywords of a schema at any depth, and the words of its `type`s."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "type" and isinstance(inner, str):
                yield f"type={inner}"
            elif name in KEYWORDS:
                yield name
            yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def _instruction(body: dict[str, Any]) -> Iterator[str]:
    """How the last line of the last turn begins: what the model was asked to do."""
    texts = list(_texts(body.get("messages")))
    line = texts[-1].strip().splitlines()[-1:] if texts else []
    if line:
        words = line[0].split()[:OPENING]
        kept = [word for word in words if word.isalpha() or word[:-1].isalpha()]
        yield f"instruction {' '.join(kept[: 3 if kept[:2] != ['Reply', 'with'] else OPENING])}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, dict):
        content = value.get("content", value.get("text") if value.get("type") == "text" else None)
        if isinstance(content, str):
            yield content
        else:
            yield from _texts(content)

"""Variants of the objects of an answer: optional keys absent or null, unknown keys, ids of another form.

Source: https://platform.claude.com/docs/en/api/versioning (what may be added within a version)
"""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

from conformance.scripted.anthropic.rewriting import forget, on_body, rewritten
from conformance.scripted.variants.variant import Answer, Call, Hooks, Message, VariantGroup

FIELDS = VariantGroup("fields")

OPTIONAL = frozenset(
    ["stop_details", "container", "diagnostics", "citations", "caller", "cache_creation_input_tokens",
     "cache_read_input_tokens", "cache_creation", "output_tokens_details", "server_tool_use", "service_tier",
     "inference_geo", "speed"]
)  # fmt: skip
_NULLABLE = OPTIONAL - {"caller"}
_OPEN = ("input", "capabilities")
"""Objects whose keys are their content."""
_UNKNOWN = "x_vendor_note"


def _mapped(value: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Every object inside a value, changed from the inside out."""
    if isinstance(value, list):
        return [_mapped(item, change) for item in value]
    if isinstance(value, dict):
        inner = {key: item if key in _OPEN else _mapped(item, change) for key, item in value.items()}
        return change(inner)
    return value


def _everywhere(
    name: str,
    says: str,
    change: Callable[[dict[str, Any]], dict[str, Any]],
    request: Callable[[Call], Call] | None = None,
    worsens: tuple[str, ...] = (),
) -> None:
    def write(document: Any, _: bool) -> str:
        return json.dumps(_mapped(document, change), ensure_ascii=False, separators=(",", ":"))

    def answer(answer: Answer, call: Call) -> Answer:
        return rewritten(answer, write) if call.path == "/v1/messages" else answer

    FIELDS.add(name, says, Hooks(request=request, answer=answer), worsens=worsens)


def _optional(item: tuple[str, Any]) -> bool:
    """Whether a key may be left out; citations that were given stay."""
    return item[0] in OPTIONAL and not (item[0] == "citations" and item[1])


def _counted_once(value: dict[str, Any]) -> dict[str, Any]:
    """A usage that does not tell cached tokens apart counts them with the others."""
    cached = [value.get(key) or 0 for key in ("cache_creation_input_tokens", "cache_read_input_tokens")]
    return {**value, "input_tokens": value["input_tokens"] + sum(cached)} if "input_tokens" in value else value


_CACHE_UNTOLD = ("upstream.shape.cached-tokens ignored",)
"""A usage without cache counters does not tell what the upstream read from its cache."""

_everywhere(
    "optional-absent",
    "cache counters, service_tier, container, stop_details and citations are absent",
    lambda value: {key: item for key, item in _counted_once(value).items() if not _optional((key, item))},
    worsens=_CACHE_UNTOLD,
)
_everywhere(
    "optional-null",
    "cache counters, service_tier, container, stop_details and citations are null",
    lambda value: {
        key: None if _optional((key, item)) and key in _NULLABLE else item for key, item in _counted_once(value).items()
    },
    worsens=_CACHE_UNTOLD,
)
_everywhere(
    "citations-empty",
    "a text without citations has an empty list of them",
    lambda value: {key: [] if key == "citations" and item is None else item for key, item in value.items()},
)
_everywhere(
    "unknown-keys",
    "every object has a key that the API does not know",
    lambda value: {**value, _UNKNOWN: True},
    on_body(lambda body: forget(body, _UNKNOWN)),  # what it sent, it takes back
)


def _of_every_shape(value: dict[str, Any]) -> dict[str, Any]:
    """The object with keys of a vendor's own: a list of objects, an object, a null, a fraction, a text."""
    return {
        "x_vendor_trace": [{"input_tokens": -1, "type": "x"}, "y"],
        **value,
        "x_vendor_timing": {"seconds": 0.25, "text": None, "usage": {"output_tokens": "none"}},
        "x_vendor_null": None,
        "x_vendor_load": 0.5,
        "x_vendor_name": "caf\u00e9 \ufffd",
    }


def _vendor_keys_dropped(body: dict[str, Any]) -> None:
    for key in ("trace", "timing", "null", "load", "name"):
        forget(body, f"x_vendor_{key}")


def _shaped(document: Any, _: bool) -> str:
    return json.dumps(_mapped(document, _of_every_shape), ensure_ascii=False, separators=(",", ":"))


FIELDS.add(
    "keys-of-every-shape",
    "every object of every answer, errors and lists included, has keys of a vendor's own, in every shape",
    Hooks(request=on_body(_vendor_keys_dropped), answer=lambda answer, _: rewritten(answer, _shaped)),
)

_COUNTERS = re.compile(r"(_|^)tokens$")


def _counting(number: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(value: dict[str, Any]) -> dict[str, Any]:
        return {key: number if isinstance(item, int) and _COUNTERS.search(key) else item for key, item in value.items()}

    return change


_NOT_COUNTED = (
    *("usage.* *", "count-tokens.* *", "caching.* *", "parity.usage* *"),
    *("thinking.request.tokens-counted *", "gaps.accepted.thinking-tokens *", "gaps.loss.empty-answer *"),
)
"""The rows that ask for a count."""

_everywhere("counts-nothing", "every count of a usage is 0", _counting(0), worsens=_NOT_COUNTED)
_everywhere("counts-a-constant", "every count of a usage is 1", _counting(1), worsens=_NOT_COUNTED)


def _with_ids(message: Message, foreign: Callable[[int], str], own: str) -> Message:
    tools = iter(range(1, 1 + len(message["content"])))
    content = [
        {**block, "id": foreign(next(tools))} if block["type"] == "tool_use" else block for block in message["content"]
    ]
    return {**message, "id": own, "content": content}


def _dots_taken(body: dict[str, Any]) -> None:
    """A server that gives such ids takes them back."""
    for message in body.get("messages") or []:
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else []:
            for key in ("id", "tool_use_id"):
                if isinstance(block, dict) and isinstance(block.get(key), str):
                    block[key] = block[key].replace(".", "_")


def _call_ids(message: Message, _: Call) -> Message:
    stem = uuid.uuid4().hex[:12]
    return _with_ids(message, lambda number: f"call_{stem}.{number}", f"chatcmpl-{stem}")


def _uuids(message: Message, _: Call) -> Message:
    return _with_ids(message, lambda _: str(uuid.uuid4()), str(uuid.uuid4()))


FIELDS.add(
    "foreign-ids",
    "ids have the form call_abc.1 and chatcmpl-abc",
    Hooks(request=on_body(_dots_taken), message=_call_ids),
)
FIELDS.add("uuids", "ids are UUIDs", Hooks(message=_uuids))


def _whole(value: Any) -> Any:
    """A value whose fractions that are none are integers: JSON knows numbers only."""
    match value:
        case dict():
            return {key: _whole(inner) for key, inner in value.items()}
        case list():
            return [_whole(inner) for inner in value]
        case float() if value.is_integer() and abs(value) < 2**53:
            return int(value)
    return value


@FIELDS.message("whole-fractions", "1.0 in a call's input is written as 1", needs="tools")
def whole_fractions(message: Message, _: Call) -> Message:
    blocks = [{**one, "input": _whole(one["input"])} if "input" in one else one for one in message["content"]]
    return {**message, "content": blocks}

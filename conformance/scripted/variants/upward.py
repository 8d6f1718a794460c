"""Other ways to say the same to an upstream: they show in front of one only.

Sources: https://www.rfc-editor.org/rfc/rfc8259 (JSON: escapes, white space, and objects without an order),
https://platform.openai.com/docs/api-reference/chat/create (names and forms that are taken in place of each other)
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.gateway.passage import Asking
from conformance.scripted.variants.variant import Call, VariantGroup, replace

UPWARD = VariantGroup("upward")

Body = dict[str, Any]


def _asking(name: str, says: str, needs: str = "") -> Callable[[Callable[[Body], Body]], None]:
    """The function makes of a copy of the body that goes upstream another one that says the same."""

    def register(write: Callable[[Body], Body]) -> None:
        def asking(correct: Asking, _: Call) -> Asking:
            return replace(correct, body=write(msgspec.json.decode(msgspec.json.encode(correct.body))))

        UPWARD.add(name, says, Hooks(asking=asking), f"upstream {needs}")

    return register


def _functions(body: Body) -> Iterator[Body]:
    """The calls of earlier answers."""
    for message in body["messages"]:
        for call in message.get("tool_calls") or []:
            yield call["function"]


@_asking("arguments-in-ascii", "the arguments of earlier calls go upstream with all but ASCII escaped", "tools")
def arguments_in_ascii(body: Body) -> Body:
    for function in _functions(body):
        function["arguments"] = json.dumps(json.loads(function["arguments"])).replace("/", "\\/")
    return body


@_asking("arguments-indented", "the arguments of earlier calls go upstream in lines, indented", "tools")
def arguments_indented(body: Body) -> Body:
    for function in _functions(body):
        function["arguments"] = json.dumps(json.loads(function["arguments"]), ensure_ascii=False, indent=2) + "\n"
    return body


@_asking("keys-in-another-order", "the gateway's own objects go upstream with their keys in another order")
def keys_in_another_order(body: Body) -> Body:
    return {key: _reversed(value) for key, value in reversed(body.items())}


def _reversed(value: Any) -> Any:
    """All but what a client wrote, whose order is its own."""
    if isinstance(value, list):
        return [_reversed(one) for one in value]
    if isinstance(value, dict):
        kept = ("parameters", "schema")
        return {key: inner if key in kept else _reversed(inner) for key, inner in reversed(value.items())}
    return value


@_asking("newer-names", "the limit and the instructions go upstream under their newer names")
def newer_names(body: Body) -> Body:
    if "max_tokens" in body:
        body["max_completion_tokens"] = body.pop("max_tokens")
    for message in body["messages"]:
        if message["role"] == "system":
            message["role"] = "developer"
    return body


@_asking("text-in-place-of-its-part", "a content of one text goes upstream as that text, not as a list of parts")
def text_in_place_of_its_part(body: Body) -> Body:
    for message in body["messages"]:
        match message.get("content"):
            case [{"type": "text", "text": text}]:
                message["content"] = text
    return body

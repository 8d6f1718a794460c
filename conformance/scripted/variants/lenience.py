"""Variants of lenient servers, which answer what the API refuses.

A refusal that does not come is `ignored` in the row that asks for it, and nothing else may turn: what a lenient server
makes of a bad request is not judged.
"""

import json
from typing import Any

import msgspec

from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.identity import is_genuine
from conformance.scripted.anthropic.message import plain_message
from conformance.scripted.anthropic.messages import written
from conformance.scripted.anthropic.models import SCRIPTED
from conformance.scripted.anthropic.rewriting import on_body
from conformance.scripted.variants.variant import Answer, Call, VariantGroup, replace

LENIENCE = VariantGroup("lenience")

REFUSALS = ("refusals ignored", "refusals partial")
Body = dict[str, Any]

_KNOWN = frozenset(
    ["model", "messages", "system", "max_tokens", "stream", "stop_sequences", "tools", "tool_choice", "thinking",
     "output_config", "output_format", "cache_control", "context_management", "speed", "temperature", "top_p", "top_k",
     "metadata", "service_tier", "inference_geo", "container", "diagnostics"]
)  # fmt: skip
_TYPES: dict[str, type | tuple[type, ...]] = {
    "system": (str, list),
    "stop_sequences": list,
    "tools": list,
    "tool_choice": dict,
    "thinking": dict,
    "output_config": dict,
    "metadata": dict,
}


def _lenient(call: Call) -> Call:
    """A request for a message has a limit to be mended, and count_tokens knows none; other bodies have other fields."""
    mend = {"/v1/messages": _mend, "/v1/messages/count_tokens": _mend_fields}.get(call.path)
    return on_body(mend)(call) if mend else call


def _mend(body: Body) -> None:
    _mend_fields(body)
    _mend_limits(body)


def _mend_fields(body: Body) -> None:
    """What a lenient server makes of the fields: unknown ones and wrong types are dropped, numbers are clamped."""
    for key in [key for key in body if key not in _KNOWN or not isinstance(body[key], _TYPES.get(key, object))]:
        del body[key]
    if not isinstance(body.get("stream", False), bool):
        body["stream"] = bool(body["stream"])  # "no" is true, as in every language with truthy values
    if isinstance(body.get("stop_sequences"), list):
        body["stop_sequences"] = [stop for stop in body["stop_sequences"] if isinstance(stop, str) and stop.strip()]
    if isinstance(body.get("messages"), list):
        body["messages"] = [_mended(message) for message in body["messages"] if _says_something(message)]

    _mend_sampling(body)


def _mend_limits(body: Body) -> None:
    if type(body.get("max_tokens")) is not int or body["max_tokens"] < 1:
        body["max_tokens"] = 1024


def _mend_sampling(body: Body) -> None:
    for key in ("temperature", "top_p"):
        if key in body:
            value = body[key]
            body[key] = min(max(value, 0.0), 1.0) if isinstance(value, int | float) else 1.0
    if type(body.get("top_k", 0)) is not int or body.get("top_k", 0) < 0:
        del body["top_k"]


def _says_something(message: Any) -> bool:
    return isinstance(message, dict) and bool(message.get("content"))


def _mended(message: Body) -> Body:
    role = message.get("role")
    return {**message, "role": role if role in ("user", "assistant", "system") else "user"}


LENIENCE.add(
    "lenient",
    "unknown fields are dropped, wrong values are replaced by the nearest right one",
    Hooks(request=_lenient),
    worsens=(*REFUSALS, "stop.max-tokens-zero partial"),
)


def _odd_model(document: Any) -> Any:
    """The model as it was asked for, whatever that is: some servers only give it back."""
    return document["model"] if isinstance(document, dict) and "model" in document else SCRIPTED.id


def _answered(refusal: Refusal, call: Call) -> Refusal | Answer:
    if refusal.status != 400 or call.path != "/v1/messages" or refusal.about or "too long" in refusal.message:
        return refusal
    answered = replace(call, body=msgspec.json.encode({"stream": _streams(call.document)}))
    return written(plain_message(_odd_model(call.document)), answered, ())


def _streams(document: Any) -> bool:
    return isinstance(document, dict) and bool(document.get("stream"))


LENIENCE.add(
    "accepts-anything",
    "whatever is wrong with a request, it is answered, and its odd model name is given back",
    Hooks(refusal=_answered),
    worsens=REFUSALS,
)


def _first_value(call: Call) -> Call:
    """The first JSON value of a body, undecodable bytes replaced, as Go's and JavaScript's decoders read it."""
    if call.document is not None or not call.body:
        return call
    try:
        value, _ = json.JSONDecoder().raw_decode(call.body.decode(errors="replace").lstrip())
        return replace(call, body=msgspec.json.encode(_whole_text(value)))
    except (ValueError, RecursionError):
        return call


def _whole_text(value: Any) -> Any:
    """A value whose lone surrogates are U+FFFD."""
    match value:
        case str():
            return value.encode(errors="surrogatepass").decode(errors="replace")
        case list():
            return [_whole_text(item) for item in value]
        case dict():
            return {_whole_text(key): _whole_text(item) for key, item in value.items()}
    return value


LENIENCE.add(
    "reads-broken-json",
    "text after the JSON and bytes that are not UTF-8 are read over",
    Hooks(request=_first_value),
    worsens=REFUSALS,
)


def _without_foreign_thoughts(body: Body) -> None:
    """Thinking blocks that were signed elsewhere are not read: what a server makes of them that never signs."""
    for message in body.get("messages") or []:
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, list):
            message["content"] = [block for block in content if not _is_foreign(block)]


def _is_foreign(block: Any) -> bool:
    if not isinstance(block, dict) or block.get("type") != "thinking":
        return False
    thinking, signature = block.get("thinking"), block.get("signature")
    return isinstance(thinking, str) and isinstance(signature, str) and not is_genuine(thinking, signature)


LENIENCE.add(
    "takes-any-signature",
    "thinking blocks are taken whatever their signature",
    Hooks(request=on_body(_without_foreign_thoughts)),
    worsens=("validation.thinking-signature partial",),
)


def _without_nulls(body: Body) -> None:
    """A field that is null is none."""
    for key in [key for key, value in body.items() if value is None]:
        del body[key]
    for message in body.get("messages") or []:
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else []:
            if isinstance(block, dict) and block.get("content", "") is None:
                del block["content"]


LENIENCE.add("takes-null", "a field that is null is none", Hooks(request=on_body(_without_nulls)), worsens=REFUSALS)

"""Faults that reach every request: a field is lost, a field is refused, a refusal does not come."""

from typing import Any

from conformance.scripted.anthropic.answer import json_answer
from conformance.scripted.anthropic.errors import invalid
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.anthropic.message import plain_message
from conformance.scripted.anthropic.messages import written
from conformance.scripted.anthropic.models import SCRIPTED, described
from conformance.scripted.anthropic.rewriting import on_body
from conformance.scripted.faults.fault import Answer, Call, Refusal

Path = list[str]


def generic(name: str) -> Hooks | None:
    """`drop:PATH`, `refuse:PATH` or `accept:CASE`; PATH is dotted, as in `messages.0.content.1.cache_control`."""
    kind, colon, argument = name.partition(":")
    if not colon or not argument:
        return None
    path = argument.split(".")
    match kind:
        case "drop":
            return Hooks(request=on_body(lambda body: _drop(body, path)))
        case "refuse":
            return Hooks(request=lambda call: _refuse(call, path))
        case "accept":
            return Hooks(refusal=_accept)
    return None


def _step(value: Any, step: str) -> Any:
    """What stands one step down, or LookupError."""
    if isinstance(value, list) and step.isdigit():
        return value[int(step)]
    if isinstance(value, dict):
        return value[step]
    raise LookupError(step)


def _holder(body: Any, path: Path) -> Any:
    """What the last step of a path stands in, or LookupError."""
    for step in path[:-1]:
        body = _step(body, step)
    _step(body, path[-1])
    return body


def _drop(body: dict[str, Any], path: Path) -> None:
    try:
        holder = _holder(body, path)
    except LookupError:
        return
    del holder[int(path[-1]) if isinstance(holder, list) else path[-1]]


def _refuse(call: Call, path: Path) -> Call:
    try:
        _holder(call.document, path)
    except LookupError:
        return call
    raise invalid(".".join(path), "Extra inputs are not permitted")


def _accept(refusal: Refusal, call: Call) -> Refusal | Answer:
    """Whatever was wrong with the request, it is answered as if nothing were."""
    if refusal.status >= 500:
        return refusal
    if call.path == "/v1/messages":
        return written(plain_message(_model(call)), call, ())
    if call.path == "/v1/messages/count_tokens":
        return json_answer({"input_tokens": 1})
    if call.path.startswith("/v1/models"):
        return json_answer(described(SCRIPTED))
    return json_answer({"id": fresh("any"), "type": "any"})


def _model(call: Call) -> str:
    model = call.document.get("model") if isinstance(call.document, dict) else None
    return model if isinstance(model, str) else SCRIPTED.id

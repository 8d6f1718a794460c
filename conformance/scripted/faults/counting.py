"""Faults of POST /v1/messages/count_tokens."""

from collections.abc import Callable
from typing import Any

from conformance.scripted.anthropic.answer import json_answer
from conformance.scripted.anthropic.errors import Refusal, not_found
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.anthropic.models import SCRIPTED
from conformance.scripted.anthropic.rewriting import document_of, on_body, with_document
from conformance.scripted.faults.fault import Answer, Call, FaultGroup

COUNTING = FaultGroup("count_tokens")

PATH = "/v1/messages/count_tokens"


def _counted(answer: Answer, call: Call) -> int | None:
    return int(document_of(answer)["input_tokens"]) if call.path == PATH and answer.status == 200 else None


@COUNTING.request("CT01", "count_tokens is answered with 404")
def absent(call: Call) -> Call:
    if call.path == PATH:
        raise not_found("not found")
    return call


@COUNTING.answer("CT02", "count_tokens is always 0")
def zero(answer: Answer, call: Call) -> Answer:
    return answer if _counted(answer, call) is None else with_document(answer, {"input_tokens": 0})


Body = dict[str, Any]
Change = Callable[[Body], None]


def _uncounted(name: str, says: str, needs: str = "") -> Callable[[Change], Change]:
    """The function under it takes out of a copy of the request what is not counted."""

    def register(change: Change) -> Change:
        COUNTING.request(name, says, needs=needs)(lambda call: on_body(change)(call) if call.path == PATH else call)
        return change

    return register


@_uncounted("CT04", "system and tools are not counted")
def parts_not_counted(body: Body) -> None:
    for key in ("system", "tools", "tool_choice"):
        body.pop(key, None)


def _blocks(body: Body, kind: str) -> list[dict[str, Any]]:
    contents = [message.get("content") for message in body.get("messages") or [] if isinstance(message, dict)]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    return [block for block in blocks if isinstance(block, dict) and block.get("type") == kind]


@_uncounted("X-count-last-turn", "of several plain messages the last one is counted")
def last_turn_only(body: Body) -> None:
    messages = body.get("messages")
    if isinstance(messages, list) and messages and isinstance(messages[-1].get("content"), str):
        del messages[:-1]


@_uncounted("X-count-no-calls", "the inputs of tool calls are not counted", needs="turns")
def calls_not_counted(body: Body) -> None:
    for block in _blocks(body, "tool_use"):
        block["input"] = {}


@_uncounted("X-count-no-schemas", "the schemas of tools are not counted", needs="tools")
def schemas_not_counted(body: Body) -> None:
    for tool in body.get("tools") or []:
        if "input_schema" in tool:
            tool["input_schema"] = {"type": "object"}


@_uncounted("X-count-no-pdf", "documents count as nothing, unless they are text")
def pdf_not_counted(body: Body) -> None:
    for block in _blocks(body, "document"):
        if block["source"].get("type") == "base64":
            block["source"] = {"type": "text", "media_type": "text/plain", "data": "."}


@_uncounted("X-count-any-model", "count_tokens takes any model")
def any_model(body: Body) -> None:
    if isinstance(body.get("model"), str):
        body["model"] = SCRIPTED.id


@COUNTING.refusal("X-count-model-crash", "an unknown model is a 500 of count_tokens")
def model_crashes(refusal: Refusal, call: Call) -> Refusal:
    unknown = call.path == PATH and refusal.status == 404
    return Refusal(500, "api_error", "model runner has unexpectedly stopped") if unknown else refusal


@COUNTING.answer("CT06", 'the count comes as {"tokens": n}')
def other_key(answer: Answer, call: Call) -> Answer:
    counted = _counted(answer, call)
    return answer if counted is None else with_document(answer, {"tokens": counted})


@COUNTING.answer("CT07", "the count is far from the usage of the same request")
def far_off(answer: Answer, call: Call) -> Answer:
    counted = _counted(answer, call)
    return answer if counted is None else with_document(answer, {"input_tokens": counted * 3 + 10})


@COUNTING.answer("CT09", "counting generates an answer, and returns it")
def generates(answer: Answer, call: Call) -> Answer:
    counted = _counted(answer, call)
    if counted is None:
        return answer
    message = {
        "id": fresh("msg"),
        "type": "message",
        "role": "assistant",
        "model": call.document["model"],
        "content": [{"type": "text", "text": "OK"}],
        "stop_reason": "max_tokens",
        "stop_sequence": None,
        "usage": {"input_tokens": counted, "output_tokens": 1},
    }
    return json_answer(message, headers=tuple(item for item in answer.headers if item[0] == "request-id"), at=0.1)


@COUNTING.request("CT11", "count_tokens is forbidden to keys for which messages works")
def forbidden(call: Call) -> Call:
    if call.path == PATH:
        raise Refusal(403, "permission_error", "this key may not count tokens")
    return call

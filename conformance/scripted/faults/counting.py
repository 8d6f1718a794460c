"""Faults of POST /v1/messages/count_tokens."""

from typing import Any

from conformance.scripted.anthropic.answer import json_answer
from conformance.scripted.anthropic.errors import Refusal, not_found
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.faults.fault import Answer, Call, Group, document_of, on_body, with_document

COUNTING = Group("count_tokens")

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


@COUNTING.request("CT04", "system and tools are not counted")
def parts_not_counted(call: Call) -> Call:
    def forget(body: dict[str, Any]) -> None:
        for key in ("system", "tools", "tool_choice"):
            body.pop(key, None)

    return on_body(forget)(call) if call.path == PATH else call


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

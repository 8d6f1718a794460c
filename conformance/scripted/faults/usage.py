"""Faults in the usage counts of an answer, and of POST /v1/messages/count_tokens."""

from collections.abc import Callable
from typing import Any

import msgspec

from conformance.scripted.anthropic.answer import json_answer
from conformance.scripted.anthropic.errors import Refusal, not_found
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.anthropic.models import SCRIPTED
from conformance.scripted.anthropic.rewriting import document_of, on_body, with_document
from conformance.scripted.faults.fault import Answer, Call, Event, FaultGroup, Message

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


@COUNTING.answer("X-count-capped", "count_tokens never says more than 4,096", needs="long")
def capped(answer: Answer, call: Call) -> Answer:
    count = _counted(answer, call)
    return answer if count is None else with_document(answer, {"input_tokens": min(count, 4096)})


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


@_uncounted("X-count-no-answers", "earlier answers of plain text are not counted", needs="turns")
def answers_not_counted(body: Body) -> None:
    for message in body.get("messages") or []:
        if message.get("role") == "assistant" and isinstance(message.get("content"), str):
            message["content"] = "x"


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


@COUNTING.refusal("X-count-mistake-500", "a mistake in tools or results is a 500 of count_tokens", needs="tools")
def mistake_crashes(refusal: Refusal, call: Call) -> Refusal:
    mistaken = call.path == PATH and refusal.status == 400 and refusal.message.startswith(("tools.", "messages."))
    return Refusal(500, "api_error", "failed to convert the request") if mistaken else refusal


@COUNTING.request("X-count-extra-500", "stop sequences are a 500 of count_tokens")
def extra_crashes(call: Call) -> Call:
    if call.path == PATH and isinstance(call.document, dict) and "stop_sequences" in call.document:
        raise Refusal(500, "api_error", "too many stop sequences")
    return call


@_uncounted("X-count-first-tool", "of several tools the first is counted", "tools")
def first_tool_counted(body: Body) -> None:
    if isinstance(body.get("tools"), list) and "tool_choice" not in body:
        body["tools"] = body["tools"][:1]


def _uncountable(name: str, says: str, wrong: Callable[[Body], object]) -> None:
    """A fault that refuses to count what may be asked."""

    @COUNTING.request(name, says)
    def request(call: Call) -> Call:
        if call.path == PATH and isinstance(call.document, dict) and wrong(call.document):
            raise Refusal(400, "invalid_request_error", "Extra inputs are not permitted")
        return call


def _marked(body: Body) -> bool:
    return '"cache_control"' in msgspec.json.encode(body).decode()


def _speaks_of_system(body: Body) -> bool:
    messages = body.get("messages")
    return isinstance(messages, list) and any("system" in one.values() for one in messages if isinstance(one, dict))


_uncountable("X-count-cache-refused", "count_tokens refuses cache_control", _marked)
_uncountable("X-count-format-refused", "count_tokens refuses output_config", lambda body: "output_config" in body)
_uncountable("X-count-system-message", "count_tokens refuses a system message between the turns", _speaks_of_system)


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


USAGE = FaultGroup("usage")

_INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
Usage = dict[str, Any]


def _with_usage(message: Message, **changes: Any) -> Message:
    return {**message, "usage": {**message["usage"], **changes}}


def _start_usage(events: list[Event], **changes: Any) -> list[Event]:
    return [{**events[0], "message": _with_usage(events[0]["message"], **changes)}, *events[1:]]


@USAGE.events("US01", "message_start counts 0 tokens, the true numbers come only at the end", needs="stream")
def start_counts_nothing(events: list[Event], _: Call) -> list[Event]:
    return _start_usage(events, input_tokens=0, output_tokens=0)


@USAGE.message("US02", "input_tokens is missing everywhere")
def input_missing(message: Message, _: Call) -> Message:
    return {**message, "usage": {key: value for key, value in message["usage"].items() if key != "input_tokens"}}


@USAGE.message("US02-zero", "input_tokens is 0 everywhere")
def input_zero(message: Message, _: Call) -> Message:
    return _with_usage(message, input_tokens=0)


@USAGE.message("US04", "input_tokens counts the cached tokens too", needs="caching")
def cached_twice(message: Message, _: Call) -> Message:
    return _with_usage(message, input_tokens=sum(message["usage"][key] for key in _INPUT))


@USAGE.events(
    "US06", "message_start estimates the input otherwise than the end counts it", needs="stream", strength="note"
)
def estimated_at_start(events: list[Event], call: Call) -> list[Event]:
    return _start_usage(events, input_tokens=len(call.body) // 4)


@USAGE.message("US07", "output_tokens is 0 although text was produced")
def output_zero(message: Message, _: Call) -> Message:
    return _with_usage(message, output_tokens=0)


@USAGE.message("US09", "the numbers of usage are strings")
def counted_in_words(message: Message, _: Call) -> Message:
    return _with_usage(message, **{key: str(message["usage"][key]) for key in ("input_tokens", "output_tokens")})


@USAGE.message("US09-null", "the numbers of usage are null")
def counted_as_null(message: Message, _: Call) -> Message:
    return _with_usage(message, input_tokens=None, output_tokens=None)


@USAGE.events("US11", "usage differs between the stream and the JSON answer to the same request", needs="stream")
def stream_counts_otherwise(events: list[Event], _: Call) -> list[Event]:
    def more(usage: Usage) -> Usage:
        return {**usage, "input_tokens": usage["input_tokens"] * 3 + 7}

    started = _start_usage(events, **more(events[0]["message"]["usage"]))
    return [
        {**event, "usage": more(event["usage"])} if event["type"] == "message_delta" else event for event in started
    ]


@USAGE.message("X-output-max-tokens", "output_tokens repeats max_tokens, whatever was said")
def output_at_limit(message: Message, call: Call) -> Message:
    return _with_usage(message, output_tokens=call.document["max_tokens"])


@USAGE.message("X-output-calls", "tool calls are not counted in output_tokens", needs="tools")
def calls_uncounted(message: Message, _: Call) -> Message:
    calls = any(block["type"] == "tool_use" for block in message["content"])
    return _with_usage(message, output_tokens=1) if calls else message


@USAGE.message("X-input-less", "input_tokens is 100 less than it was")
def input_less(message: Message, _: Call) -> Message:
    return _with_usage(message, input_tokens=max(1, message["usage"]["input_tokens"] - 100))


@USAGE.message("X-input-beyond", "the input of a request counts a thousand times what it was, the cached one too")
def input_beyond(message: Message, _: Call) -> Message:
    counts = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    return _with_usage(message, **{key: (message["usage"].get(key) or 0) * 1000 for key in counts})


@USAGE.message("X-searches", "server_tool_use counts a search that nobody asked for")
def searches_counted(message: Message, _: Call) -> Message:
    return _with_usage(message, server_tool_use={"web_search_requests": 1, "web_fetch_requests": 0})

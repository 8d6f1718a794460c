"""Emulation of Ollama's Messages layer: its requests and answers, gap by gap, in each version.

Source: what Ollama's own source says (https://github.com/ollama/ollama, `anthropic/anthropic.go` and
`middleware/anthropic.go` at v0.33.0) and what a running v0.33.0 answered.
"""

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from conformance.scripted.anthropic.answer import Answer
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.anthropic.hooks import Hooks, Message
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.anthropic.rewriting import plain_answer
from conformance.scripted.anthropic.stream import Event
from conformance.scripted.likeness.ollama_request import (
    MODEL_HEADER,
    SEARCH_HEADER,
    Understanding,
    estimated,
    known_model,
)
from conformance.scripted.likeness.ollama_routes import answer_of
from conformance.scripted.likeness.ollama_versions import (
    CALLS_INDEXED,
    INPUT_COUNTED,
    SEARCHES_LOCALLY,
    Version,
    calls_at_the_thoughts_index,
    last_change,
)

NEWEST = "0.33.0"

GAPS = {
    "tool_choice": "tool_choice is ignored in all its forms",
    "metadata": "metadata is ignored",
    "output_format": "output_config.format is ignored",
    "cache_control": "cache_control is ignored, and the cache counters are absent",
    "documents": "document, search_result and unknown blocks are dropped, and nothing is cited",
    "is_error": "is_error of a tool_result is dropped",
    "separator": "text blocks are joined without a separator",
    "leniency": "unknown keys and values out of range are accepted",
    "image_url": "an image by URL is refused",
    "tool_types": "Anthropic-defined tools are taken for custom tools without a schema",
    "empty": "a request whose content is all dropped ends as an empty success",
    "thinks_by_default": "a model that can think does, where thinking is not said",
    "adaptive": "thinking of type adaptive is taken as if thinking were not said",
    "signature": "thinking has no signature",
    "stop_reason": "a stop sequence is reported as end_turn",
    "stop_sequence": "stop_sequence is absent",
    "stop_nulls": "message_start has no stop_reason and stop_sequence",
    "null_content": "content is null where there is none",
    "estimate": "message_start estimates the input",
    "ping": "there is no ping",
    "large_numbers": "whole numbers of a call's input are exact up to 2^53 only",
    "request_id": "there is no request-id header, nor any other of the vendor's",
    "plain_errors": "unknown routes answer in plain text",
    "count_tokens": "count_tokens is answered with 404",
    "batches": "batches and files are answered with 404",
    "models": "models are listed in OpenAI's shape",
    "web_search": "a search that fails is a success, and its stream is announced as application/x-ndjson",
    "truncation": "a prompt beyond the context is cut without a word",
    "preflight": "a browser's preflight does not allow x-api-key and anthropic-version",
}
"""Every gap by its name, with what it is."""

ENVELOPE_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    503: "overloaded_error",
    529: "overloaded_error",
}


class Said(Refusal):
    """An answer that is found before the reference endpoint is asked."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status, "", "")
        self.answer = answer


def hooks(version: Version, gaps: frozenset[str]) -> tuple[Hooks, ...]:
    """The hooks of one version of Ollama with these gaps."""
    since = last_change(version)
    return (
        Hooks(
            request=_request(version, gaps),
            refusal=_refusal(gaps),
            message=_message(since, gaps),
            events=_events(since, gaps),
            answer=_answer(gaps),
        ),
    )


def _request(version: Version, gaps: frozenset[str]) -> Callable[[Call], Call]:
    understanding = Understanding(last_change(version), gaps)

    def request(call: Call) -> Call:
        found = answer_of(call, version, gaps)
        if found is not None:
            raise Said(found)
        if (call.method, call.path) != ("POST", "/v1/messages"):
            return known_model(call)
        understood = understanding.of(call)
        if isinstance(understood, Answer):
            raise Said(understood)
        return understood

    return request


BAD_REQUEST = 400


def _refusal(gaps: frozenset[str]) -> Callable[[Refusal, Call], Refusal | Answer]:
    def refusal(refused: Refusal, _: Call) -> Refusal | Answer:
        if isinstance(refused, Said):
            return refused.answer
        if refused.about == "route" and "plain_errors" in gaps:
            text = {404: "404 page not found", 405: "405 method not allowed"}.get(refused.status, "")
            plain = plain_answer(text, refused.status, "text/plain")
            return replace(plain, headers=(*plain.headers, *refused.headers))
        return Refusal(refused.status, ENVELOPE_TYPES.get(refused.status, "api_error"), refused.message)

    return refusal


def _message(version: Version, gaps: frozenset[str]) -> Callable[[Message, Call], Message]:
    def message(message: Message, call: Call) -> Message:
        bent = {**message, "model": call.headers.get(MODEL_HEADER, message["model"])}
        bent["content"] = [_named(block, gaps) for block in bent["content"]]
        if SEARCH_HEADER in call.headers:
            bent = _searched(bent, version)
        if any(block["type"] == "tool_use" for block in bent["content"]):
            bent["stop_reason"] = "tool_use"
        elif bent["stop_reason"] == "stop_sequence" and "stop_reason" in gaps:
            bent |= {"stop_reason": "end_turn", "stop_sequence": None}
        elif bent["stop_reason"] == "model_context_window_exceeded":
            bent["stop_reason"] = "max_tokens"
        return bent if call.streams else _plain(bent, gaps)

    return message


def _named(block: dict[str, Any], gaps: frozenset[str]) -> dict[str, Any]:
    if block["type"] != "tool_use":
        return block
    named = {**block, "id": f"call_{fresh('x')[-8:].lower()}"}  # a habit, and no gap: an id of any form is right
    return {**named, "input": _in_floats(named["input"])} if "large_numbers" in gaps else named


def _in_floats(value: Any) -> Any:
    """A JSON value after a decoder that holds every number in a float64."""
    if isinstance(value, dict):
        return {key: _in_floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_floats(item) for item in value]
    return int(float(value)) if type(value) is int and abs(value) > 2**53 else value


def _searched(message: Message, version: Version) -> Message:
    """A call of the web_search server tool, which fails here for want of an account: a 200 all the same."""
    call = next((b for b in message["content"] if b["type"] == "tool_use" and b["name"] == "web_search"), None)
    if call is None:
        return message
    code = "unavailable" if version >= SEARCHES_LOCALLY else "web_search_not_supported_for_local_models"
    name = f"srvtoolu_{message['id'].removeprefix('msg_')}"
    used = {"type": "server_tool_use", "id": name, "name": "web_search", "input": call["input"]}
    error = {"type": "web_search_tool_result_error", "error_code": code}
    result = {"type": "web_search_tool_result", "tool_use_id": name, "content": error}
    return {**message, "content": [used, result], "stop_reason": "end_turn"}


def _plain(message: Message, gaps: frozenset[str]) -> Message:
    """The JSON answer with the keys that Ollama has."""
    plain = {key: message[key] for key in ("id", "type", "role", "model", "content", "stop_reason")}
    plain["content"] = [_plain_block(block, gaps) for block in message["content"]]
    if not plain["content"] and "null_content" in gaps:
        plain["content"] = None
    if _says_sequence(message, gaps):
        plain["stop_sequence"] = message["stop_sequence"]
    plain["usage"] = _usage(message["usage"], gaps)
    return plain


def _says_sequence(ending: dict[str, Any], gaps: frozenset[str]) -> bool:
    """Whether an ending says its stop_sequence: the gap leaves it out where it is null."""
    return "stop_sequence" not in gaps or ending["stop_sequence"] is not None


def _plain_block(block: dict[str, Any], gaps: frozenset[str]) -> dict[str, Any]:
    match block["type"]:
        case "thinking" if "signature" in gaps:
            return {"type": "thinking", "thinking": block["thinking"]}
        case "text" if "documents" in gaps:
            return {"type": "text", "text": block["text"]}
        case "tool_use":
            return {key: block[key] for key in ("type", "id", "name", "input")}
    return block


def _usage(usage: dict[str, Any], gaps: frozenset[str]) -> dict[str, Any]:
    if "cache_control" not in gaps:
        return usage
    read = (usage.get("cache_read_input_tokens") or 0) + (usage.get("cache_creation_input_tokens") or 0)
    return {"input_tokens": usage["input_tokens"] + read, "output_tokens": usage["output_tokens"]}


def _events(version: Version, gaps: frozenset[str]) -> Callable[[list[Event], Call], list[Event]]:
    def events(events: list[Event], call: Call) -> list[Event]:
        kept = [event for event in events if event["type"] != "ping" or "ping" not in gaps]
        sent = _joined([bent for event in kept for bent in _event(event, call, version, gaps)])
        return sent if version >= CALLS_INDEXED else calls_at_the_thoughts_index(sent)

    return events


def _event(event: Event, call: Call, version: Version, gaps: frozenset[str]) -> list[Event]:
    match event["type"]:
        case "message_start":
            return [{**event, "message": _started(event["message"], call, version, gaps)}]
        case "content_block_start":
            return [{**event, "content_block": _plain_block(event["content_block"], gaps)}]
        case "content_block_delta" if event["delta"]["type"] == "signature_delta" and "signature" in gaps:
            return []
        case "message_delta":
            return [_ended(event, version, gaps)]
    return [event]


def _started(message: Message, call: Call, version: Version, gaps: frozenset[str]) -> Message:
    keys = ["id", "type", "role", "model", "content"]
    keys += [] if "stop_nulls" in gaps else ["stop_reason", "stop_sequence"]
    usage = {**_usage(message["usage"], gaps), "output_tokens": 0}
    if "estimate" in gaps:
        usage["input_tokens"] = estimated(call) if version >= INPUT_COUNTED else 0
    return {**{key: message[key] for key in keys}, "usage": usage}


def _ended(event: Event, version: Version, gaps: frozenset[str]) -> Event:
    keys = ["stop_reason", "stop_sequence"] if _says_sequence(event["delta"], gaps) else ["stop_reason"]
    usage = _usage(event["usage"], gaps)
    if version < INPUT_COUNTED:
        del usage["input_tokens"]
    return {"type": "message_delta", "delta": {key: event["delta"][key] for key in keys}, "usage": usage}


def _joined(events: list[Event]) -> list[Event]:
    """A tool's input in one piece, as Ollama sends it."""
    joined: list[Event] = []
    for event in events:
        delta = event.get("delta", {})
        before = joined[-1].get("delta", {}) if joined else {}
        if delta.get("type") == before.get("type") == "input_json_delta":
            whole = {**delta, "partial_json": before["partial_json"] + delta["partial_json"]}
            joined[-1] = {**event, "delta": whole}
        else:
            joined.append(event)
    return [_unempty(event) for event in joined]


def _unempty(event: Event) -> Event:
    delta = event.get("delta", {})
    if delta.get("type") == "input_json_delta" and not delta["partial_json"]:
        return {**event, "delta": {**delta, "partial_json": "{}"}}
    return event


def _answer(gaps: frozenset[str]) -> Callable[[Answer, Call], Answer]:
    def answer(answer: Answer, call: Call) -> Answer:
        headers = dict(answer.headers)
        if answer.status == BAD_REQUEST and call.path == "/v1/messages":
            headers["content-type"] = "application/json; charset=utf-8"
        if "request_id" in gaps:
            headers = {k: v for k, v in headers.items() if k != "request-id" and not k.startswith("anthropic-")}
        if answer.is_stream:
            searched = "web_search" in gaps and SEARCH_HEADER in call.headers
            headers["content-type"] = "application/x-ndjson" if searched else "text/event-stream"
        return replace(answer, headers=tuple(headers.items()))

    return answer

"""Faults in the ids, names and descriptions of messages, models and the endpoint."""

from collections.abc import Callable

from conformance.scripted.anthropic.errors import Refusal, invalid, unauthenticated
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.models import MODELS
from conformance.scripted.anthropic.rewriting import with_document
from conformance.scripted.faults.fault import Answer, Call, Event, FaultGroup, Message, replace

IDENTITY = FaultGroup("identity")


@IDENTITY.message("ID01", "model is the name of another model", strength="note")
def backend_name(message: Message, _: Call) -> Message:
    return {**message, "model": "backend-7b-instruct-q4"}


@IDENTITY.message("ID02", "every message has the same id, and not the API's form", strength="note")
def same_id(message: Message, _: Call) -> Message:
    return {**message, "id": "chatcmpl-0"}


@IDENTITY.message("X-message-id-empty", "every message has an empty id")
def empty_id(message: Message, _: Call) -> Message:
    return {**message, "id": ""}


@IDENTITY.message("ID04", "role is model")
def foreign_role(message: Message, _: Call) -> Message:
    return {**message, "role": "model"}


@IDENTITY.message("ID04-missing", "type and role are missing")
def no_type(message: Message, _: Call) -> Message:
    return {key: value for key, value in message.items() if key not in ("type", "role")}


@IDENTITY.message("ID06", "the message has keys that the API does not know", strength="note")
def more_keys(message: Message, _: Call) -> Message:
    return {**message, "provider_specific_fields": {}, "timings": {"predicted_ms": 1.5}}


def _null_text(event: Event) -> Event:
    if event["type"] == "content_block_start" and event["content_block"]["type"] == "text":
        return {**event, "content_block": {**event["content_block"], "text": None}}
    return event


@IDENTITY.events("ID07", "a text block starts with text null", needs="stream text")
def null_text_at_start(events: list[Event], _: Call) -> list[Event]:
    return [_null_text(event) for event in events]


@IDENTITY.message("ID07-json", "a text block has text null")
def null_text(message: Message, call: Call) -> Message:
    if call.streams:
        return message
    content = [{**block, "text": None} if block["type"] == "text" else block for block in message["content"]]
    return {**message, "content": content}


@IDENTITY.answer("ID09", "models are listed in OpenAI's shape", needs="models")
def openai_models(answer: Answer, call: Call) -> Answer:
    if call.method != "GET" or answer.status != 200:
        return answer
    if call.path == "/v1/models":
        return with_document(answer, {"object": "list", "data": [_openai_model(name) for name in MODELS]})
    if call.path.startswith("/v1/models/"):
        return with_document(answer, _openai_model(call.path.rsplit("/", 1)[1]))
    return answer


def _openai_model(name: str) -> dict[str, object]:
    return {"id": name, "object": "model", "created": 1767225600, "owned_by": "library"}


@IDENTITY.request("ID11", "Authorization: Bearer is refused, x-api-key accepted", needs="key")
def no_bearer(call: Call) -> Call:
    if "authorization" in call.headers and "x-api-key" not in call.headers:
        raise unauthenticated("x-api-key header is required")
    return call


@IDENTITY.request("ID11-reverse", "x-api-key is refused, Authorization: Bearer accepted", needs="key")
def no_api_key(call: Call) -> Call:
    if "x-api-key" in call.headers and "authorization" not in call.headers:
        raise unauthenticated("Authorization header is required")
    return call


def _open(name: str, says: str, lets_in: Callable[[Call], bool]) -> None:
    IDENTITY.add(name, says, Hooks(lets_in=lets_in), needs="key")


_open("X-bearer-any", "any bearer token is let in", lambda call: "authorization" in call.headers)
_open("X-key-empty", "an empty x-api-key is let in", lambda call: call.headers.get("x-api-key") == "")
_open("X-models-open", "models are described whatever the key", lambda call: call.path.startswith("/v1/models"))
_open("X-batches-open", "batches are taken whatever the key", lambda call: "/batches" in call.path)
_open("X-files-open", "files are taken whatever the key", lambda call: call.path.startswith("/v1/files"))


@IDENTITY.request("ID12", "a request without anthropic-version is refused", strength="note")
def version_wanted(call: Call) -> Call:
    if call.method == "POST" and "anthropic-version" not in call.headers:
        raise invalid("anthropic-version", "header is required")
    return call


@IDENTITY.request("ID14", "HEAD and OPTIONS are answered with 500")
def probes_crash(call: Call) -> Call:
    if call.method in ("HEAD", "OPTIONS"):
        raise Refusal(500, "api_error", "unhandled method")
    return call


def _header(name: str, says: str, ending: str, value: str, **more: str) -> None:
    @IDENTITY.answer(name, says, **more)
    def answer(answer: Answer, _: Call) -> Answer:
        headers = tuple((key, value if key.endswith(ending) else old) for key, old in answer.headers)
        return replace(answer, headers=headers)


_header("X-request-id-same", "every answer has the same request-id", "request-id", "req_011CSHoEeqs5C35K2UUqR7Fy")
_header("X-limit-exceeded", "more requests are left than the limit allows", "requests-remaining", "5000")
_header("X-reset-passed", "the reset of the limit is long over", "requests-reset", "2020-01-01T00:00:00Z")

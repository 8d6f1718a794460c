"""Faults in error answers."""

import json
from typing import Any

from conformance.scripted.anthropic.answer import json_answer, stream_answer
from conformance.scripted.anthropic.rewriting import plain_answer
from conformance.scripted.faults.fault import Answer, Call, FaultGroup, Frame, Message, Refusal, replace

ERRORS = FaultGroup("errors")

_CLASSES = {
    "invalid_request_error": "BadRequestError",
    "not_found_error": "NotFoundError",
    "authentication_error": "AuthenticationError",
    "request_too_large": "RequestEntityTooLarge",
}
_TRACE = (
    'Traceback (most recent call last):\n  File "/srv/app/server/routes.py", line 214, in create\n    raise ValueError'
)


def _renamed(refusal: Refusal, **changes: Any) -> Refusal:
    kept = {"status": refusal.status, "kind": refusal.kind, "message": refusal.message, **changes}
    return Refusal(kept["status"], kept["kind"], kept["message"], refusal.headers, about=refusal.about)


@ERRORS.refusal("ER01", "errors come in OpenAI's envelope")
def openai_envelope(refusal: Refusal, _: Call) -> Answer:
    error = {"message": refusal.message, "type": refusal.kind, "param": None, "code": refusal.status}
    return json_answer({"error": error}, refusal.status)


@ERRORS.refusal("ER02", "error.type is the name of a class")
def class_names(refusal: Refusal, _: Call) -> Refusal:
    return _renamed(refusal, kind=_CLASSES.get(refusal.kind, "InternalError"))


@ERRORS.refusal("ER04", 'errors are a framework\'s {"detail": ...}')
def framework_body(refusal: Refusal, _: Call) -> Answer:
    detail = [{"loc": ["body"], "msg": refusal.message, "type": "value_error"}]
    return json_answer({"detail": detail}, refusal.status)


@ERRORS.refusal("ER06", "malformed JSON is answered with 500")
def malformed_crashes(refusal: Refusal, _: Call) -> Refusal:
    return _renamed(refusal, status=500, kind="api_error") if refusal.about == "json" else refusal


@ERRORS.refusal("ER09", "a 400 is wrapped as text into a 500")
def wrapped(refusal: Refusal, _: Call) -> Refusal:
    if refusal.status != 400:
        return refusal
    return _renamed(refusal, status=500, kind="api_error", message=f"Bad Request: {json.dumps(refusal.envelope(None))}")


@ERRORS.refusal("ER11", "a wrong key is answered with 400", needs="key")
def key_is_bad_request(refusal: Refusal, _: Call) -> Refusal:
    return _renamed(refusal, status=400, kind="invalid_request_error") if refusal.status == 401 else refusal


@ERRORS.refusal("ER11-openai", "a wrong key is answered with 401 in OpenAI's envelope", needs="key")
def key_in_foreign_envelope(refusal: Refusal, call: Call) -> Refusal | Answer:
    return openai_envelope(refusal, call) if refusal.status == 401 else refusal


@ERRORS.refusal("X-key-echoed", "the refusal of a key repeats it", needs="key")
def key_echoed(refusal: Refusal, call: Call) -> Refusal:
    key = call.headers.get("x-api-key") or call.headers.get("authorization")
    return _renamed(refusal, message=f"{refusal.message}: {key}") if refusal.status == 401 else refusal


@ERRORS.answer("X-methods-unsaid", "a 405 has no allow header")
def methods_unsaid(answer: Answer, _: Call) -> Answer:
    return replace(answer, headers=tuple(header for header in answer.headers if header[0] != "allow"))


@ERRORS.message("ER14-always", "every answer is well-formed and empty")
def empty_success(message: Message, _: Call) -> Message:
    usage = {**message["usage"], "output_tokens": 0}
    return {**message, "content": [], "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}


@ERRORS.refusal("ER16", "an error before the first event comes as a 200 with an event stream", needs="stream")
def streamed_error(refusal: Refusal, call: Call) -> Refusal | Answer:
    if not call.streams:
        return refusal
    return stream_answer(
        [Frame("error", json.dumps({"type": "error", "error": {"type": refusal.kind, "message": refusal.message}}))]
    )


@ERRORS.refusal("ER17", "the message of an error holds a stack trace with file paths")
def traced(refusal: Refusal, _: Call) -> Refusal:
    return _renamed(refusal, message=f"{_TRACE}: {refusal.message}")


@ERRORS.refusal("ER19", "errors are HTML")
def web_page(refusal: Refusal, _: Call) -> Answer:
    page = f"<html><body><h1>{refusal.status}</h1></body></html>"
    return plain_answer(page, refusal.status, "text/html; charset=utf-8")


@ERRORS.refusal("ER19-text", "errors are plain text")
def plain_text(refusal: Refusal, _: Call) -> Answer:
    return plain_answer(refusal.message, refusal.status)


@ERRORS.refusal("ER21", "a wrong method or path is answered in a framework's words")
def framework_route(refusal: Refusal, _: Call) -> Refusal | Answer:
    if refusal.about != "route":
        return refusal
    return json_answer({"detail": "Method Not Allowed" if refusal.status == 405 else "Not Found"}, refusal.status)


@ERRORS.refusal("ER21-ok", "a wrong method or path is answered with 200")
def route_invented(refusal: Refusal, _: Call) -> Refusal | Answer:
    return json_answer({}) if refusal.about == "route" else refusal

"""Variants of how the same JSON is written, and of the words of a refusal.

Sources: RFC 8259; https://platform.claude.com/docs/en/api/errors
"""

import json
import re
from typing import Any

from conformance.scripted.anthropic.rewriting import rewritten
from conformance.scripted.variants.variant import Answer, Call, VariantGroup

WRITING = VariantGroup("writing")

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def _reversed(value: Any) -> Any:
    if isinstance(value, list):
        return [_reversed(item) for item in value]
    if isinstance(value, dict):
        return {key: _reversed(value[key]) for key in reversed(value)}
    return value


@WRITING.document("key-order", "the keys of every object come in the other order, type last")
def key_order(document: Any, _: bool) -> str:
    return json.dumps(_reversed(document), ensure_ascii=False, separators=(",", ":"))


@WRITING.document("unicode-escapes", "characters outside ASCII are written as escapes")
def escapes(document: Any, _: bool) -> str:
    return json.dumps(document, separators=(",", ":"))


@WRITING.document("all-escapes", "letters and the solidus are written as escapes too")
def all_escapes(document: Any, _: bool) -> str:
    written = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return _STRING.sub(lambda match: match[0].replace("/", "\\/").replace("e", "\\u0065"), written)


@WRITING.document("white-space", "white space stands around every token of the JSON")
def white_space(document: Any, _: bool) -> str:
    return " " + json.dumps(document, ensure_ascii=False, separators=(" ,\t", " :  ")) + " "


@WRITING.document("pretty", "JSON bodies are indented, those of errors too")
def pretty(document: Any, streamed: bool) -> str:
    return json.dumps(document, ensure_ascii=False, indent=None if streamed else 4) + ("" if streamed else "\n")


def _with_error(answer: Answer, change: Any) -> Answer:
    def write(document: Any, _: bool) -> str:
        return json.dumps(change(document) if document.get("type") == "error" else document, ensure_ascii=False)

    return rewritten(answer, write) if answer.status >= 400 else answer


def _otherwise(message: str) -> str:
    """That a prompt is too long a client has to be told, in whatever words."""
    return "Désolé, the context is full." if "too long" in message else "Désolé, that will not do."


@WRITING.answer("error-wording", "errors are worded otherwise", worsens=("upstream.failure.says *",))
def worded_otherwise(answer: Answer, _: Call) -> Answer:
    return _with_error(
        answer, lambda body: {**body, "error": {**body["error"], "message": _otherwise(body["error"]["message"])}}
    )


@WRITING.answer("error-details", "errors have details and a null request_id")
def detailed(answer: Answer, _: Call) -> Answer:
    details = {"error_code": "something_specific"}
    return _with_error(
        answer, lambda body: {**body, "error": {**body["error"], "details": details}, "request_id": None}
    )


@WRITING.answer("error-without-request-id", "errors have no request_id in the body")
def unidentified(answer: Answer, _: Call) -> Answer:
    return _with_error(answer, lambda body: {key: value for key, value in body.items() if key != "request_id"})


@WRITING.answer("content-types", "content types are written otherwise")
def content_types(answer: Answer, _: Call) -> Answer:
    from msgspec.structs import replace

    other = {
        "text/event-stream; charset=utf-8": "text/event-stream",
        "application/json": "application/json; charset=utf-8",
    }
    headers = tuple(
        (name, other.get(value, value) if name == "content-type" else value) for name, value in answer.headers
    )
    return replace(answer, headers=headers)

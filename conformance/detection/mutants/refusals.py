"""Mutants of error answers: other envelopes, types and statuses."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from conformance.detection.mutants.mutant import Mutant, mutant_of, with_header, with_json
from conformance.judge.answer import Answer
from conformance.judge.rules.errors import KNOWN_TYPES, OTHER_TYPES, TYPES_OF_STATUS
from conformance.probe.exchange import Exchange

REFUSAL = "refusal"
"""Stands in an aim for the case that asked: it names the statuses and types that it takes for a refusal."""
UNREADABLE = "readable"
"""Stands in an aim for the reading itself: a 5xx answers nothing."""
ALLOWED = "the API's table is silent on this status, and this type fits its class"
FOREIGN_TYPES = (
    "NotFoundError",
    "BadRequestError",
    "internal_error",
    "invalid_request",
    "server_error",
    "Error",
    "400",
)
LEAKS = (
    'Traceback (most recent call last):\n  File "/srv/api/main.py", line 12, in call\nKeyError',
    "TypeError: x is undefined\n    at handler (/app/dist/server.js:10:5)",
    "panic: runtime error\n\ngoroutine 7 [running]:\nmain.go:33",
    "no such file: /usr/lib/python3/dist-packages/vllm/entry.py",
    "<html><body>502</body></html>",
    "thread 'main' panicked at src/main.rs:4:5",
)
WRAPPED = (
    "Error code: 400 - Bad Request",
    "litellm.BadRequestError: messages: at least one message is required",
    'upstream said {"type":"error","error":{"type":"invalid_request_error"}}',
    "Request failed with status code 404",
)


def envelopes(answer: Answer) -> Iterator[Mutant]:
    """The same refusal in other APIs' envelopes."""
    error = dict(answer.error or {})
    sentence, kind = error.get("message"), error.get("type")
    bodies: dict[str, Any] = {
        "OpenAI's": {"error": error | {"param": None, "code": None}},
        "OpenAI's with a code": {"error": {"message": sentence, "code": "invalid"}},
        "without the outer type": {"error": error},
        "with the error as a string": {"type": "error", "error": sentence},
        "with only the error as a string": {"error": sentence},
        "FastAPI's": {"detail": [{"loc": ["body", "model"], "msg": sentence, "type": "missing"}]},
        "FastAPI's short": {"detail": sentence},
        "Fastify's": {"statusCode": answer.status, "error": "Bad Request", "message": sentence},
        "a list of errors": {"errors": [error]},
        "problem details": {"type": "about:blank", "title": sentence, "status": answer.status},
        "flat": {"type": kind, "message": sentence},
        "nested twice": {"error": {"type": "error", "error": error}},
        "the error alone": error,
        "a message": {"message": sentence},
        "an empty object": {},
        "an answer": {"type": "message", "role": "assistant", "content": [], "stop_reason": "end_turn"},
    }
    for slug, body in bodies.items():
        yield mutant_of(answer, f"envelope: {slug}", with_json(answer.exchange, body), "error.envelope")


def types(answer: Answer) -> Iterator[Mutant]:
    """The same refusal with every other type."""
    for kind in sorted(KNOWN_TYPES - OTHER_TYPES - {(answer.error or {}).get("type")}):
        allowed = kind in TYPES_OF_STATUS.get(answer.status, ())
        yield mutant_of(
            answer,
            f"{kind} in a {answer.status}",
            _typed(answer, kind),
            "error.type-fits-status",
            equivalent=ALLOWED if allowed else "",
        )
    for kind in FOREIGN_TYPES:
        yield mutant_of(answer, f"error.type {kind}", _typed(answer, kind), "error.type")


def _typed(answer: Answer, kind: str) -> Exchange:
    return with_json(answer.exchange, answer.json | {"error": answer.json["error"] | {"type": kind}})


def statuses(answer: Answer) -> Iterator[Mutant]:
    """The same refusal with every other status, as it stands and with the type that belongs to it."""
    own = (answer.error or {}).get("type")
    for status, kinds in TYPES_OF_STATUS.items():
        if status == answer.status:
            continue
        kept = replace(with_header(answer.exchange, "allow", "POST"), status=status)
        if own not in kinds:
            slug = f"{own} of {answer.status} sent as {status}"
            yield mutant_of(answer, slug, kept, "error.type-fits-status", REFUSAL, UNREADABLE)
        typed = replace(with_header(_typed(answer, kinds[0]), "allow", "POST"), status=status)
        slug = f"{answer.status} sent as {status} with {kinds[0]}"
        yield mutant_of(answer, slug, typed, REFUSAL, UNREADABLE, "http.retry-after-given")
    for status in (200, 206, 302, 418, 422, 520):
        aim = "error.in-success" if status == 200 else "error.status"
        aims = (REFUSAL, "http.status") if status in (206, 302) else (aim, REFUSAL, UNREADABLE)
        yield mutant_of(answer, f"{answer.status} sent as {status}", replace(answer.exchange, status=status), *aims)


def sentences(answer: Answer) -> Iterator[Mutant]:
    """Sentences that must not stand in the message of an error."""
    for number, leak in enumerate(LEAKS):
        yield mutant_of(answer, f"innards {number}", _saying(answer, leak), "error.message-clean")
    for number, inner in enumerate(WRAPPED):
        failed = replace(_saying(answer, inner, "api_error"), status=500)
        yield mutant_of(answer, f"a 500 around a 4xx {number}", failed, "error.inner-status")
    keyed = replace(answer.exchange.request, headers=(("authorization", "Bearer key-1234567890"),))
    echoed = replace(_saying(answer, "no such key: key-1234567890"), request=keyed)
    yield mutant_of(answer, "the key in the sentence", echoed, "error.message-keyless")
    yield mutant_of(answer, "white space as sentence", _saying(answer, "  "), "error.message")
    damaged = _saying(answer, "caf\ufffd")
    yield mutant_of(answer, "a replacement character", damaged, "message.characters")
    if answer.status == 429:
        yield mutant_of(
            answer, "no retry-after", with_header(answer.exchange, "retry-after", None), "http.retry-after-given"
        )
    other = with_json(answer.exchange, answer.json | {"request_id": "req_of_another"})
    yield mutant_of(answer, "request_id of another", other, "error.request-id")


def _saying(answer: Answer, sentence: str, kind: str | None = None) -> Exchange:
    error = answer.json["error"] | {"message": sentence}
    return with_json(answer.exchange, answer.json | {"error": error | ({"type": kind} if kind else {})})

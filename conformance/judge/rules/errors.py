"""Rules about error answers: the envelope, the type that belongs to the status, a message for people."""

from itertools import islice
from typing import Any

from conformance.catalog.pattern import linear, whole_characters
from conformance.judge.answer import Answer
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.rules.form import (
    FILLED,
    OBJECT,
    STRING,
    Form,
    constant,
    expect,
    expect_all,
    optional,
    unknown_word,
    unlike,
)
from conformance.judge.rules.rule import ERRORS, ON_RESULTS, STREAMING, Found, rule
from conformance.judge.wire import looks_of, shown

INVALID = "invalid_request_error"
TYPES_OF_STATUS: dict[int, tuple[str, ...]] = {
    400: (INVALID,),
    401: ("authentication_error",),
    402: ("billing_error",),
    403: ("permission_error",),
    404: ("not_found_error",),
    405: (INVALID, "not_found_error", "api_error"),
    408: ("timeout_error", INVALID),
    409: ("conflict_error", INVALID),
    413: ("request_too_large", INVALID),
    429: ("rate_limit_error",),
    500: ("api_error",),
    501: ("api_error", "not_found_error", INVALID),
    503: ("overloaded_error", "api_error"),
    504: ("timeout_error", "api_error"),
    529: ("overloaded_error",),
}
"""The API's table, first the type that it names; the others are where its table is silent on that status."""

OTHER_4XX = (INVALID,)
OTHER_5XX = ("api_error", "overloaded_error", "timeout_error")
OTHER_TYPES = frozenset({"memory_precondition_failed_error", "memory_path_conflict_error"})
KNOWN_TYPES = frozenset(name for names in TYPES_OF_STATUS.values() for name in names) | OTHER_TYPES
STATUSES = frozenset(TYPES_OF_STATUS) | {415, 431, 499, 502}

_INNARDS = linear(
    r"Traceback \(most recent call last\)|File \"[^\"]+\", line \d+|\n\s+at .+:\d+|\bat .+\(.+\.(js|ts|java|kt):\d+"
    r"|(site-packages|node_modules|dist-packages)[/\\]|goroutine \d+ \[|panicked at"
    r"|\.(rs|go|py|js|ts|cpp|cc|java|rb|php):\d+"
    r"|(^|[\s'\"(])/(usr|home|root|opt|app|srv|var|tmp|workspace)/[\w.-]+/[\w./-]+|[A-Z]:\\[\w.-]+\\|<html|<!doctype",
    ignore_case=True,
)
LONGEST_SENTENCE = 64 * 2**10
"""Characters of a message that are read: it is a sentence for people."""
MOST_LEAKS = 100
"""Places in one message that are compared with the request."""
_QUOTES = " \t\r\n'\"("
"""What may stand before a path in a sentence, and is no part of it."""
_INNER_REFUSAL = linear(
    r"(^|[\s(\"':])4\d\d\b[\s:\"'-]{1,4}.{0,20}\b"
    r"(bad request|not found|unauthori[sz]ed|forbidden|invalid|unprocessable|too many)"
    r"|\b(bad request|unprocessable entity)\b"
    r"|(http(/[\d.]+)?|status|code|error|provider|upstream|returned|response)[\s:=(\"']{1,4}4\d\d\b"
    r"|invalid_request_error|not_found_error|authentication_error|rate_limit_error|permission_error"
    r"|\b(BadRequest|NotFound|Authentication|RateLimit|Validation|UnprocessableEntity)Error\b",
    ignore_case=True,
)


def _known(kind: Any) -> bool:
    return isinstance(kind, str) and kind in KNOWN_TYPES


_TYPE = Form(sorted(KNOWN_TYPES - OTHER_TYPES), _known, unknown_word)


def _envelope(answer: Answer) -> dict[str, Any] | None:
    """The error object where the envelope is right, so that one wrong envelope is not four findings."""
    return answer.error if isinstance(answer.json, dict) and answer.json.get("type") == "error" else None


@rule(
    "error.envelope",
    row="error.envelope",
    law='A refusal is the JSON object {"type":"error","error":{"type","message"}}.',
    source=ERRORS + "#error-shapes",
    on=("error",),
    leniency="A 413 may come from the edge of the network, without an envelope.",
)
def envelope(answer: Answer) -> Found:
    edge = answer.status == 413 and answer.json is ABSENT
    if answer.exchange.outcome != "complete" or edge:
        return None
    body = answer.json
    if _envelope(answer) is not None:
        return []
    expected = {"type": "error", "error": {"type": "...", "message": "..."}}
    if body is ABSENT:
        looks = looks_of(answer.exchange.body)
        return [Violation("", expected, looks, "html" if looks.startswith("HTML") else "not-json")]
    return [Violation("", expected, shown(body), _whose(body))]


def _whose(body: Any) -> str:
    """Whose envelope it is instead."""
    if not isinstance(body, dict):
        return "not-an-object"
    if "detail" in body:
        return "detail"
    error = body.get("error", ABSENT)
    if error is ABSENT:
        return "no-error"
    if not isinstance(error, dict):
        return "error-not-an-object"
    if "type" in body:
        return "outer-type"
    return "openai" if error.keys() & {"code", "param"} else "no-outer-type"


@rule(
    "error.type",
    row="error.type",
    law="error.type is one of the API's error types.",
    source=ERRORS + "#http-errors",
    on=("error",),
)
def error_type(answer: Answer) -> Found:
    error = _envelope(answer)
    if error is None:
        return None
    return expect(error, "type", "/error", _TYPE)


@rule(
    "error.type-fits-status",
    row="error.type",
    law="error.type is the one that belongs to the status.",
    source=ERRORS + "#http-errors",
    on=("error",),
    leniency="Where the table is silent (405, 501, 503, other 4xx and 5xx) every type that fits the class passes.",
)
def type_fits_status(answer: Answer) -> Found:
    error = _envelope(answer)
    if error is None or not _known(error.get("type")):
        return None
    expected = TYPES_OF_STATUS.get(answer.status, OTHER_4XX if answer.status < 500 else OTHER_5XX)
    if error["type"] in expected or error["type"] in OTHER_TYPES:
        return []
    return [Violation("/error/type", list(expected), error["type"], f"of-{answer.status}")]


@rule(
    "error.status",
    row="error.status",
    law="A refusal has a status that the API uses.",
    source=ERRORS + "#http-errors",
    on=("error",),
    level="should",
    leniency="405, 408, 415, 431, 499, 501, 502 and 503 are HTTP's own, and pass.",
)
def status(answer: Answer) -> Found:
    if answer.status in STATUSES:
        return []
    return [Violation("/status", sorted(STATUSES), answer.status, f"status-{answer.status}")]


@rule(
    "error.message",
    row="error.message",
    law="error.message is a non-empty string.",
    source=ERRORS + "#error-shapes",
    on=("error",),
)
def message(answer: Answer) -> Found:
    error = _envelope(answer)
    if error is None:
        return None
    return expect(error, "message", "/error", FILLED)


@rule(
    "error.message-clean",
    row="error.message",
    law="error.message speaks of the request, not of the server's code: no stack trace, source file or HTML.",
    source="https://cheatsheetseries.owasp.org/cheatsheets/Error_Handling_Cheat_Sheet.html#objective",
    on=("error",),
    leniency="What the request itself contains may be quoted back, its address and headers too.",
)
def message_clean(answer: Answer) -> Found:
    given = _message(answer)
    if given is None:
        return None
    request = answer.exchange.request
    sent = "\n".join([request.body.decode(errors="replace"), request.url, *(value for _, value in request.headers)])
    for leak in islice(_INNARDS.finditer(given), MOST_LEAKS):
        if leak[0].strip(_QUOTES) not in sent:
            return [Violation("/error/message", "no innards of the server", shown(given[leak.start() :]), "innards")]
    return []


@rule(
    "error.message-keyless",
    row="error.message",
    law="error.message does not repeat the key that was sent.",
    source="https://cwe.mitre.org/data/definitions/209.html",
    on=("error",),
    level="should",
    leniency="Parts of the key may be shown, for people to know it by.",
)
def message_keyless(answer: Answer) -> Found:
    given = _message(answer)
    sent = [value.split()[-1] for name, value in answer.exchange.request.headers if name in _KEYS and value.strip()]
    if given is None or not sent:
        return None
    echoed = any(len(key) >= _LONG and key in given for key in sent)
    return [Violation("/error/message", "no key", shown(given), "key")] if echoed else []


_KEYS = ("x-api-key", "authorization")
_LONG = 12
"""Characters from which on a key is no word that a sentence could hold by chance."""


def _message(answer: Answer) -> str | None:
    given = answer.error.get("message") if answer.error is not None else None
    return whole_characters(given[:LONGEST_SENTENCE]) if isinstance(given, str) else None


@rule(
    "error.inner-status",
    row="error.status",
    law="A fault of the request is a 4xx: no 5xx wraps somebody else's 4xx as text.",
    source=ERRORS + "#http-errors",
    on=("error",),
)
def inner_status(answer: Answer) -> Found:
    if answer.status < 500:
        return None
    given = _message(answer)
    text = given if given is not None else answer.exchange.body[:LONGEST_SENTENCE].decode(errors="replace")
    inner = _INNER_REFUSAL.search(text)
    return [Violation("/status", 400, f"{answer.status}: {shown(inner[0])}", "wrapped")] if inner else []


@rule(
    "error.in-success",
    row="error.status",
    law="A failure before the first byte is an HTTP error, not a body of status 200.",
    source=ERRORS + "#http-errors",
    on=(*ON_RESULTS, "stream"),
)
def in_success(answer: Answer) -> Found:
    if answer.in_events or not isinstance(answer.json, dict):
        return None
    bare = (
        "error" in answer.json and "content" not in answer.json and answer.scope not in ("models", "batches", "files")
    )
    if bare or answer.json.get("type") == "error":
        return [Violation("/status", "4xx or 5xx", answer.status, "error-in-success")]
    return []


@rule(
    "error.request-id",
    row="error.request_id",
    law="The request_id in an envelope is a string or null, and the same as in the request-id header.",
    source=ERRORS + "#request-id",
    on=("error",),
    level="should",
    leniency="It may be left out of the envelope.",
)
def request_id(answer: Answer) -> Found:
    if _envelope(answer) is None or "request_id" not in answer.json:
        return None
    given, header = answer.json["request_id"], answer.headers.get("request-id")
    if given is None:
        return []
    return unlike(given, "/request_id", FILLED) or (
        [] if header is None else unlike(given, "/request_id", constant(header, "differs"))
    )


@rule(
    "error.details",
    row="error.envelope",
    law="error.details is an object, and its error_code a string.",
    source=ERRORS,
    on=("error",),
    level="should",
    leniency="Both may be null or left out.",
)
def details(answer: Answer) -> Found:
    error = _envelope(answer)
    given = error.get("details") if error is not None else None
    if given is None:
        return None
    return expect_all(given, "/error/details", {"error_code": optional(STRING)})


@rule(
    "error.event",
    row="stream.error",
    law='An error event holds {"type":"error","error":{"type","message"}} with one of the API\'s error types.',
    source=STREAMING + "#error-events",
    on=("stream",),
)
def event(answer: Answer) -> Found:
    if not answer.in_events or answer.stream_result.error is None:
        return None
    at, error = answer.stream_result.error_at, answer.error
    if error is None:
        return expect(answer.stream_result.error, "error", at, OBJECT)
    return expect_all(error, f"{at}/error", {"type": _TYPE, "message": FILLED})


@rule(
    "error.before-stream",
    row="stream.error",
    law="A failure that is known before the first event is an HTTP error, which a client can retry.",
    source=STREAMING + "#error-events",
    on=("stream",),
    level="should",
    leniency="A SHOULD: the API's grammar lets an error event replace the whole stream, and clients read it.",
)
def before_stream(answer: Answer) -> Found:
    if not answer.in_events or answer.stream_result.error is None:
        return None
    if answer.stream_result.start is ABSENT and not answer.stream_result.blocks:
        return [Violation("/status", "4xx or 5xx", answer.status, "error-first")]
    return []

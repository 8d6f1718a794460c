"""Rules about the transport: status, content type, lengths, request id, limits."""

import json
from datetime import timedelta
from typing import Any

from conformance.catalog.pattern import linear
from conformance.doors import http_date, rfc3339_time, whole_number
from conformance.judge.answer import Answer
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.rules.form import Form, constant, expect, first_fault, fitting, there, unlike
from conformance.judge.rules.rule import ERRORS, HTTP, JSON, ON_ALL, ON_RESULTS, RATE_LIMITS, STREAMING, Found, rule
from conformance.probe.encoding import NOT_SO_ENCODED
from conformance.probe.exchange import AFTER_THE_END, REMOVED
from conformance.probe.sse import Frame

TOO_MANY_REQUESTS = 429
METHOD_NOT_ALLOWED = 405
UPSTREAM_FAILS = b"Fail with "
"""The instruction of the probe language that makes the scripted model behind a gateway fail."""
HTTP_1 = "https://www.rfc-editor.org/rfc/rfc9112"
VERSIONS = ("HTTP/1.1", "HTTP/1.0")
CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")
"""What may be said of bytes that are UTF-8; those of a text without other characters are ASCII, too."""
_CHARSET = linear(r"charset\s*=\s*\"?([^\s;\"]+)")
_OK = constant(200, "status")
_VERSION = fitting("HTTP/1.1", VERSIONS.__contains__, "version")
_REQUEST_ID = fitting("a string", str.strip, "empty")
_BYTES = fitting("a number of bytes", lambda given: whole_number(given) is not None, "format")
_WHOLE_NUMBER = fitting("a whole number", lambda given: whole_number(given) is not None, "format")
_TIME = fitting("an RFC 3339 time", lambda given: rfc3339_time(given) is not None, "format")
_DELAY = fitting(
    "seconds or an HTTP date", lambda given: whole_number(given) is not None or http_date(given) is not None, "format"
)
_LIMITS = frozenset(
    f"anthropic-ratelimit-{counted}-{part}"
    for counted in ("requests", "tokens", "input-tokens", "output-tokens")
    for part in ("limit", "remaining", "reset")
)


@rule(
    "http.status",
    row="response.status",
    law="A request that is carried out is answered with status 200; one that is not, with 4xx or 5xx.",
    source=ERRORS + "#http-errors",
    on=("message", "stream", "count", "models", "model", "other"),
)
def status(answer: Answer) -> Found:
    if answer.scope == "other" and answer.endpoint not in ("POST /v1/messages", "POST /v1/messages/count_tokens"):
        return None
    return unlike(answer.status, "/status", _OK)


@rule(
    "http.version",
    row="response.status",
    law="The status line of an answer over HTTP/1.1 says HTTP/1.1, or HTTP/1.0.",
    source=HTTP_1 + "#section-2.3",
    on=(*ON_ALL, "other"),
    level="should",
    leniency="Clients read on: no answer is lost by it.",
)
def version(answer: Answer) -> Found:
    return unlike(answer.exchange.http_version, "", _VERSION)


@rule(
    "http.complete",
    row="response.complete",
    law="A request is answered, and the answer arrives whole.",
    source=HTTP + "#section-8.6",
    on=(*ON_ALL, "other", "nothing"),
    leniency="A reset connection is tried once more on a fresh one before this is asked: servers close idle ones. Not "
    "asked where the request has the suite's own upstream fail: a cut may be passed on.",
)
def complete(answer: Answer) -> Found:
    exchange = answer.exchange
    if UPSTREAM_FAILS in exchange.request.body or exchange.detail.startswith(NOT_SO_ENCODED):
        return None
    if exchange.outcome in ("cut", "reset", "malformed"):
        told = answer.in_events and answer.stream_result.stopped  # what is lost is the end of the body alone
        kind = f"{exchange.outcome}-after-stop" if told and exchange.outcome != "malformed" else exchange.outcome
        return [Violation("", "a whole answer", exchange.detail or exchange.outcome, kind)]
    return [] if exchange.outcome in ("complete", "unfinished") else None


@rule(
    "http.nothing-after",
    row="response.complete",
    law="Nothing follows the end of an answer on its connection.",
    source=HTTP + "#section-9.2",
    on=(*ON_ALL, "other"),
    leniency="What comes later, while the connection waits for another question, only ends its use.",
)
def nothing_after(answer: Answer) -> Found:
    if answer.exchange.outcome not in ("complete", "unfinished"):
        return None
    after = next((note for note in answer.exchange.notes if note.startswith(AFTER_THE_END)), None)
    return [] if after is None else [Violation("", "the end of the answer", after, "bytes-after")]


@rule(
    "http.content-length",
    row="header.content_length",
    law="A Content-Length that is sent is the length of the body.",
    source=HTTP + "#section-8.6",
    on=ON_ALL,
)
def content_length(answer: Answer) -> Found:
    length = answer.headers.get("content-length")
    if length is None or answer.exchange.outcome != "complete" or REMOVED in answer.exchange.notes:
        return None  # where a key was removed, the bytes are not those that arrived
    at = "header/content-length"
    given = whole_number(length)
    if given is None:
        return unlike(length, at, _BYTES)
    if answer.in_events and not answer.stream_result.stopped and answer.stream_result.error is None:
        return [Violation(at, "the length of the whole stream", length, "shorter-than-stream")]
    plain = answer.headers.get("content-encoding", "identity") == "identity"
    if plain and given != len(answer.exchange.body):
        return [Violation(at, len(answer.exchange.body), length, "differs")]
    return []


@rule(
    "http.content-encoding",
    row="header.content_encoding",
    law="A body is encoded as its content-encoding says, and in a way that the request accepts.",
    source=HTTP + "#section-8.4",
    on=ON_ALL,
)
def content_encoding(answer: Answer) -> Found:
    accepted = next(
        (value for name, value in answer.exchange.request.headers if name.lower() == "accept-encoding"), None
    )
    used = answer.headers.get("content-encoding", "identity").lower()
    if accepted is None or used == "identity":
        return None
    if answer.exchange.detail.startswith(NOT_SO_ENCODED):
        observed = f"content-encoding: {used}, and {answer.exchange.detail}"
        return [Violation("header/content-encoding", "a body that is so encoded", observed, "does-not-fit")]
    names = {part.split(";")[0].strip().lower() for part in accepted.split(",")}
    if (
        "*" in names or {one.strip().removeprefix("x-") for one in used.split(",")} <= names
    ):  # x-gzip is gzip by 8.4.1.3
        return []
    return [Violation("header/content-encoding", accepted, used, "not-accepted")]


@rule(
    "http.content-type-json",
    row="header.content_type.json",
    law="A JSON answer says content-type application/json.",
    source=HTTP + "#section-8.3",
    on=ON_RESULTS,
)
def content_type_json(answer: Answer) -> Found:
    return None if answer.json is ABSENT else _content_type(answer, _JSON_TYPE)


@rule(
    "error.content-type",
    row="error.content_type",
    law="A refusal says content-type application/json.",
    source=ERRORS,
    on=("error",),
    leniency="Asked only where the body is JSON: a page of HTML already breaks the envelope.",
)
def error_content_type(answer: Answer) -> Found:
    return None if answer.json is ABSENT else _content_type(answer, _JSON_TYPE)


def _media_type(name: str) -> Form:
    return fitting(name, lambda given: given.split(";")[0].strip().lower() == name, "type")


_JSON_TYPE, _STREAM_TYPE = _media_type("application/json"), _media_type("text/event-stream")


def _content_type(answer: Answer, media: Form) -> Found:
    """The violation of a content type that is missing, of another media type, or not of UTF-8."""
    headers = answer.headers
    return expect(headers, "content-type", "header", media) or expect(headers, "content-type", "header", _UTF8)


def _says_utf8(content_type: str) -> bool:
    charset = _CHARSET.search(content_type.lower()) if "charset" in content_type.lower() else None
    return charset is None or charset[1] in CHARSETS


_UTF8 = fitting("charset=utf-8", _says_utf8, "charset")


@rule(
    "stream.content-type",
    row="header.content_type.stream",
    law="A stream says content-type text/event-stream, and no other character set than UTF-8.",
    source=STREAMING,
    on=("stream",),
    leniency="The charset parameter may be left out: an event stream is UTF-8 by definition.",
)
def stream_content_type(answer: Answer) -> Found:
    return _content_type(answer, _STREAM_TYPE) if answer.in_events else None


class _RepeatedKeyError(ValueError):
    """Leaves the decoder at the first key that an object holds twice."""


def _once(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _RepeatedKeyError(key)
        seen.add(key)


LARGEST = 2**20
"""Bytes of JSON in which keys are compared at most: to read it once more takes up to sixteen times as much memory."""
KEYS_OF_DELTA = 5
"""Keys in the data of a delta as the API sends it: type, index, delta and, inside, type and the text."""


def _may_repeat(frame: Frame) -> bool:
    """Whether the data of an event can hold a key twice: not a delta with as few keys as it needs, nor a ping."""
    keys = (frame.data or b"").count(b'":') + (frame.data or b"").count(b'" :')
    if frame.name == "content_block_delta":
        return keys != KEYS_OF_DELTA
    return keys > 1


_SEARCH = json.JSONDecoder(object_pairs_hook=_once)


@rule(
    "http.unique-keys",
    row="response.json",
    law="No object of an answer holds a key twice.",
    source=JSON + "#section-4",
    on=ON_ALL,
    level="should",
    leniency="A SHOULD of JSON itself: decoders differ in which of the two they take.",
)
def unique_keys(answer: Answer) -> Found:
    bodies = [("", answer.exchange.body)] if answer.json is not ABSENT and not answer.in_events else []
    if answer.in_events:
        bodies = [(f"event/{frame.number}", frame.data) for frame in answer.frames if frame.data and _may_repeat(frame)]
        if answer.frames and not bodies:
            return []
    for at, body in bodies:
        if len(body) > LARGEST:
            continue
        try:
            _SEARCH.decode(body.decode())
        except _RepeatedKeyError as repeated:
            return [Violation(at, "each key once", str(repeated), "repeated-key")]
        except (ValueError, RecursionError):
            continue
    return [] if bodies else None


@rule(
    "http.request-id",
    row="header.request_id",
    law="Every answer carries a non-empty request-id header.",
    source=ERRORS + "#request-id",
    on=ON_ALL,
    level="should",
    leniency="A SHOULD: without it nothing breaks, but no failure can be traced; the form `req_...` is not asked for.",
)
def request_id(answer: Answer) -> Found:
    return expect(answer.headers, "request-id", "header", _REQUEST_ID)


@rule(
    "http.retry-after",
    row="header.retry_after",
    law="A retry-after header is a whole number of seconds or an HTTP date.",
    source=HTTP + "#section-10.2.3",
    on=("error",),
)
def retry_after(answer: Answer) -> Found:
    return expect(answer.headers, "retry-after", "header", _DELAY) if "retry-after" in answer.headers else None


@rule(
    "http.retry-after-given",
    row="header.retry_after",
    law="A 429 says in retry-after when to try again.",
    source=RATE_LIMITS,
    on=("error",),
    level="should",
    leniency="Not asked where an enforced spend limit is the reason: no waiting helps there.",
)
def retry_after_given(answer: Answer) -> Found:
    if answer.status != TOO_MANY_REQUESTS or b"enforced_spend_limit_reached" in answer.exchange.body:
        return None
    return (
        [] if "retry-after-ms" in answer.headers else expect(answer.headers, "retry-after", "header", there("seconds"))
    )


@rule(
    "http.rate-limit-headers",
    row="header.rate_limit",
    law="Rate limit headers hold whole numbers, no more left than the limit, and RFC 3339 times for resets to come.",
    source=RATE_LIMITS,
    on=ON_ALL,
    level="should",
    leniency="Only the documented ones: those of subscriptions (`unified`) hold seconds. A reset is held against the "
    "Date of the same answer, and may lie a minute before it.",
)
def rate_limit_headers(answer: Answer) -> Found:
    limits = [name for name in answer.headers if name in _LIMITS]
    if not limits:
        return None
    return (
        first_fault(
            expect(answer.headers, name, "header", _TIME if name.endswith("reset") else _WHOLE_NUMBER)
            for name in limits
        )
        or first_fault(_beyond(name, answer) for name in limits if name.endswith("remaining"))
        or first_fault(_passed(name, answer) for name in limits if name.endswith("reset"))
    )


def _beyond(name: str, answer: Answer) -> list[Violation]:
    limit = whole_number(answer.headers.get(name.removesuffix("remaining") + "limit", ""))
    left = whole_number(answer.headers[name])
    if limit is None or left is None or left <= limit:
        return []
    return [Violation(f"header/{name}", f"at most {limit}", answer.headers[name], "beyond")]


_STALE = timedelta(minutes=1)


def _passed(name: str, answer: Answer) -> list[Violation]:
    reset = answer.headers[name]
    now, then = http_date(answer.headers.get("date", "")), rfc3339_time(reset)
    if now is None or then is None or now - then < _STALE:
        return []
    return [Violation(f"header/{name}", f"after {now.isoformat()}", reset, "past")]


@rule(
    "http.allow",
    row="error.status",
    law="A 405 says in its allow header which methods there are.",
    source=HTTP + "#section-15.5.6",
    on=("error",),
    level="should",
)
def allow(answer: Answer) -> Found:
    if answer.status != METHOD_NOT_ALLOWED:
        return None
    return expect(answer.headers, "allow", "header", there("methods"))

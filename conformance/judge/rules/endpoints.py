"""Rules about the answers beside messages: count_tokens, models, batches, files."""

import math
from typing import Any

from conformance.doors import rfc3339_time
from conformance.judge.answer import Answer
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.rules.form import (
    ARRAY,
    BOOLEAN,
    COUNT,
    FILLED,
    INTEGER,
    OBJECT,
    POSITIVE,
    STRING,
    TIME,
    constant,
    expect,
    expect_all,
    first_fault,
    one_of,
    optional,
    unlike,
)
from conformance.judge.rules.rule import BATCHES, COUNTING, FILES, MODELS, Found, rule
from conformance.judge.wire import is_integer, looks_of, slug

_PAGE = {"data": ARRAY, "has_more": BOOLEAN}


def _object(answer: Answer) -> dict[str, Any] | None:
    """The JSON object of an answer that is not an error in disguise."""
    body = answer.json
    return body if isinstance(body, dict) and body.get("type") != "error" else None


@rule(
    "endpoint.json",
    row="response.json",
    law="The body of an answer of count_tokens, models, batches and files is one JSON object.",
    source=COUNTING,
    on=("count", "models", "model", "batches", "files"),
)
def json_object(answer: Answer) -> Found:
    if answer.exchange.outcome != "complete":
        return None
    if isinstance(answer.json, dict):
        return []
    return [Violation("", "a JSON object", looks_of(answer.exchange.body), slug(answer.json, "not-an-object"))]


@rule(
    "count.input-tokens",
    row="response.count_tokens",
    law="count_tokens answers with input_tokens, an integer.",
    source=COUNTING,
    on=("count",),
)
def count_input_tokens(answer: Answer) -> Found:
    body = _object(answer)
    return None if body is None else expect(body, "input_tokens", "", COUNT)


@rule(
    "count.counted",
    row="response.count_tokens",
    law="What is to be counted is more than 0 tokens.",
    source=COUNTING,
    on=("count",),
)
def count_counted(answer: Answer) -> Found:
    body = _object(answer)
    given = body.get("input_tokens") if body else None
    if not is_integer(given) or given < 0 or not (answer.request or {}).get("messages"):
        return None
    return unlike(given, "/input_tokens", POSITIVE)


@rule(
    "count.only-tokens",
    row="response.count_tokens",
    law="count_tokens answers with nothing but counts.",
    source=COUNTING,
    on=("count",),
    level="may",
    leniency="A note: clients skip keys that they do not know.",
)
def count_only_tokens(answer: Answer) -> Found:
    body = _object(answer)
    if body is None or "input_tokens" not in body:
        return None
    extra = sorted(body.keys() - {"input_tokens", "context_management"})
    return [Violation("", ["input_tokens"], extra, "extra")] if extra else []


@rule(
    "models.list",
    row="response.models.list",
    law="The list of models has data, an array, has_more, a boolean, and first_id and last_id.",
    source=MODELS,
    on=("models",),
)
def models_list(answer: Answer) -> Found:
    body = _object(answer)
    if body is None:
        return None
    if faults := expect_all(body, "", _PAGE):
        return faults
    data = body["data"]
    ids = [one.get("id") if isinstance(one, dict) else None for one in data] or [None]
    return expect(body, "first_id", "", constant(ids[0])) or expect(body, "last_id", "", constant(ids[-1]))


_MODEL = {"type": constant("model"), "id": FILLED, "display_name": FILLED, "created_at": TIME}


@rule(
    "models.info",
    row="response.models.info",
    law="A model has type model, an id, a display_name and a created_at time.",
    source=MODELS,
    on=("models", "model"),
)
def models_info(answer: Answer) -> Found:
    body = _object(answer)
    if body is None:
        return None
    if answer.scope == "model":
        return expect_all(body, "", _MODEL)
    data = body.get("data")
    if not isinstance(data, list) or not data:
        return None
    return first_fault(expect_all(model, f"/data/{n}", _MODEL) for n, model in enumerate(data))


_OPTIONAL = {
    "max_input_tokens": INTEGER,
    "max_tokens": INTEGER,
    "capabilities": OBJECT,
    "lifecycle": STRING,
    "line": STRING,
}


@rule(
    "models.optional-keys",
    row="response.models.info",
    law="The limits of a model are integers, its capabilities an object, its lifecycle and line strings.",
    source=MODELS,
    on=("models", "model"),
    level="should",
    leniency="Each may be null or left out.",
)
def models_optional_keys(answer: Answer) -> Found:
    body = _object(answer) or {}
    data = [("", body)] if answer.scope == "model" else [(f"/data/{n}", one) for n, one in enumerate(_listed(body))]
    given = [(at, one, key) for at, one in data for key in _OPTIONAL if one.get(key) is not None]
    return first_fault(expect(one, key, at, _OPTIONAL[key]) for at, one, key in given) if given else None


def _listed(body: dict[str, Any]) -> list[dict[str, Any]]:
    data = body.get("data")
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []


@rule(
    "batches.batch",
    row="response.batches",
    law="A batch has an id, type message_batch, a known processing_status, request_counts and its times.",
    source=BATCHES,
    on=("batches",),
)
def batch(answer: Answer) -> Found:
    body = _object(answer)
    if body is None:
        return None
    if "data" not in body:
        return _batch_faults(body, "")
    data = body["data"] if isinstance(body["data"], list) else []
    return first_fault(_batch_faults(one, f"/data/{n}") for n, one in enumerate(data))


_BATCH = {
    "id": FILLED,
    "type": constant("message_batch"),
    "processing_status": one_of("in_progress", "canceling", "ended"),
    "request_counts": OBJECT,
    "created_at": TIME,
    "expires_at": TIME,
}
_COUNTS = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), COUNT)


def _batch_faults(given: Any, at: str) -> list[Violation]:
    return (
        expect_all(given, at, _BATCH)
        or expect_all(given["request_counts"], f"{at}/request_counts", _COUNTS)
        or _end_faults(given, at)
    )


def _end_faults(given: dict[str, Any], at: str) -> list[Violation]:
    """ended_at is a time and results_url a string once the batch has ended; before, both are null."""
    form = FILLED if given["processing_status"] == "ended" else constant(None, "not-ended")
    return first_fault(expect(given, key, at, form) for key in ("ended_at", "results_url") if key in given)


@rule(
    "batches.consistent",
    row="response.batches",
    law="What a batch says of itself agrees: it ends and expires after its creation, has nothing in process once it has"
    " ended, and nothing is cancelled before that was asked for.",
    source=BATCHES,
    on=("batches",),
    level="should",
    leniency="Times may be rounded to the second.",
)
def batch_consistent(answer: Answer) -> Found:
    body = _object(answer)
    if body is None or "data" in body or _batch_faults(body, ""):
        return None
    counts, created, ended = body["request_counts"], _time(body["created_at"]), _time(body.get("ended_at"))
    if ended < created - _ROUNDED:
        return [Violation("/ended_at", f"not before {body['created_at']}", body["ended_at"], "before-created")]
    if _time(body["expires_at"]) <= created:
        return [Violation("/expires_at", f"after {body['created_at']}", body["expires_at"], "not-after-created")]
    if body["processing_status"] == "ended" and counts["processing"]:
        return [Violation("/request_counts/processing", 0, counts["processing"], "after-end")]
    canceled = body["processing_status"] == "canceling" or counts["canceled"] > 0
    if canceled and not body.get("cancel_initiated_at"):
        given = body.get("cancel_initiated_at", ABSENT)
        return [Violation("/cancel_initiated_at", "an RFC 3339 time", given, "canceled")]
    return []


_ROUNDED = 1.0
"""Seconds by which the clock that one time was read from may be coarser than that of another."""


def _time(text: str | None) -> float:
    """Unix time of an RFC 3339 time; no time is later than any, and so is one that no calendar has."""
    given = rfc3339_time(text) if text else None
    return math.inf if given is None else given.timestamp()


@rule(
    "batches.list",
    row="response.batches",
    law="The list of batches has data, an array, and has_more, a boolean.",
    source=BATCHES,
    on=("batches",),
)
def batches_list(answer: Answer) -> Found:
    body = _object(answer)
    if body is None or answer.endpoint != "GET /v1/messages/batches":
        return None
    return expect_all(body, "", _PAGE | {"first_id": optional(FILLED), "last_id": optional(FILLED)})


_FILE = {
    "type": constant("file"),
    "id": FILLED,
    "filename": FILLED,
    "mime_type": FILLED,
    "size_bytes": COUNT,
    "created_at": TIME,
    "expires_at": optional(TIME),
}


@rule(
    "files.file",
    row="response.files",
    law="A file has an id, type file, a filename, a mime_type, size_bytes and its times.",
    source=FILES,
    on=("files",),
    leniency="expires_at may be null or left out.",
)
def file(answer: Answer) -> Found:
    body = _object(answer)
    if body is None:
        return None
    if "data" not in body:
        return expect_all(body, "", _FILE)
    return expect(body, "data", "", ARRAY) or first_fault(
        expect_all(one, f"/data/{n}", _FILE) for n, one in enumerate(body["data"])
    )

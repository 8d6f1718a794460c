"""The shape of an answer: its keys, types and event sequence, with everything masked that differs from time to time."""

from collections.abc import Iterable
from typing import Any

import msgspec

from conformance.judge.answer import Answer
from conformance.keys import shortened

WORDS = frozenset({"type", "role", "stop_reason"})
"""Keys whose values belong to the shape: they are words of the protocol, not of the model."""
OPAQUE = frozenset({"input", "schema"})
"""Keys whose objects are the model's or the caller's own."""
MOMENTS = {"message_batch": frozenset({"archived_at", "cancel_initiated_at", "ended_at", "results_url"})}
"""Keys of an object, by its type, that say null until something has happened: when it is asked decides."""
SCALARS = {bool: "boolean", int: "number", float: "number", type(None): "null"}
"""What stands for a value, by its type."""
TIMED = frozenset({"ping"})
"""Events that come by the clock."""


ANYTHING = "value"
"""What stands for a value that is null until something has happened, and for one of an entry of a list."""

LONGEST = 4 * 1024
"""Bytes of a shape from which on an answer has none that is worth comparing."""
LONGEST_NAME = 100
"""Characters of a key, or of a word of the protocol."""


def shape_of(answer: Answer) -> Any:
    """JSON that is equal for two answers of the same shape: no id, number or text of an answer is in it.

    Of an answer whose shape is longer than `LONGEST` it is the status alone.
    """
    shape = _whole(answer)
    return shape if len(msgspec.json.encode(shape)) <= LONGEST else {"status": answer.status, "longer": LONGEST}


def _whole(answer: Answer) -> dict[str, Any]:
    if answer.in_events:
        return {"status": answer.status, "events": events_masked(answer.events)}
    return {"status": answer.status, "body": masked(answer.message)}


def events_masked(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events in order, equal neighbours as one."""
    shapes: list[dict[str, Any]] = []
    for event in events:
        name, data = event["event"], event["data"]
        if name in TIMED:
            continue
        last = shapes[-1] if shapes else None
        if last is None or last["event"] != name or not fits(data, last["data"]):
            shape = {"event": name, "data": masked(data)}
            if shape != last:
                shapes.append(shape)
    return shapes


def fits(value: Any, mask: Any) -> bool:
    """Whether a value is masked as `mask`, found without masking it; False also where that is not to be seen at once.

    Of a long stream nearly every event is like the one before it.
    """
    if type(value) is not dict or type(mask) is not dict or len(value) != len(mask):
        return False
    for name, item in value.items():
        kind, expected = type(item), mask.get(name)
        if kind is str:
            if expected != (item if name in WORDS else "string"):
                return False
        elif kind is dict:
            if name in OPAQUE or not fits(item, expected):
                return False
        elif expected is None or expected != SCALARS.get(kind):
            return False
    return True


def masked(value: Any, key: str = "") -> Any:
    """A value with its scalars replaced by their types; equal neighbours in a list stand for one.

    Of a page of a list it is the keys of its first entry: the others are older, and were put there by anybody.
    """
    if isinstance(value, dict):
        if key in OPAQUE:
            return "object"
        if _is_page(value):
            return masked({**value, "data": []}) | {"data": [_keys_of(entry) for entry in value["data"][:1]]}
        kind = value.get("type")
        later = MOMENTS.get(kind, frozenset()) if isinstance(kind, str) else frozenset()
        return {
            shortened(name, LONGEST_NAME, ""): _of_moment(item)
            if name in later
            else SCALARS.get(type(item)) or masked(item, name)
            for name, item in sorted(value.items())
        }
    if isinstance(value, list):
        return _runs(masked(item) for item in value)
    if isinstance(value, str):
        return value if key in WORDS and len(value) <= LONGEST_NAME and value.isidentifier() else "string"
    return SCALARS.get(type(value)) or type(value).__name__


def _of_moment(value: Any) -> Any:
    """What stands for a time or an address that may not be there yet; a value of any other kind stays what it is."""
    return ANYTHING if value is None or isinstance(value, str) else masked(value)


def _is_page(value: dict[str, Any]) -> bool:
    """Whether it is a page of a list, as that of models, batches and files is."""
    data = value.get("data")
    return isinstance(data, list) and bool(data) and all(isinstance(entry, dict) for entry in data)


def _keys_of(entry: Any, key: str = "") -> Any:
    """The keys of an entry, and its words of the protocol."""
    if isinstance(entry, dict):
        return {name[:LONGEST_NAME]: _keys_of(item, name) for name, item in sorted(entry.items())}
    if isinstance(entry, str) and key in WORDS:
        return masked(entry, key)
    return ANYTHING


def _runs(items: Iterable[Any]) -> list[Any]:
    collapsed: list[Any] = []
    for item in items:
        if not collapsed or collapsed[-1] != item:
            collapsed.append(item)
    return collapsed

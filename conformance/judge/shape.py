"""The shape of an answer: its keys, types and event sequence, with everything masked that differs from time to time."""

from collections.abc import Iterable
from typing import Any

import msgspec

from conformance.judge.answer import Answer

WORDS = frozenset({"type", "role", "stop_reason"})
"""Keys whose values belong to the shape: they are words of the protocol, not of the model."""
OPAQUE = frozenset({"input", "schema"})
"""Keys whose objects are the model's or the caller's own."""
SCALARS = {bool: "boolean", int: "number", float: "number", type(None): "null"}
"""What stands for a value, by its type."""
TIMED = frozenset({"ping"})
"""Events that come by the clock."""


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
        events = (
            {"event": event["event"], "data": masked(event["data"])}
            for event in answer.events
            if event["event"] not in TIMED
        )
        return {"status": answer.status, "events": _runs(events)}
    return {"status": answer.status, "body": masked(answer.message)}


def masked(value: Any, key: str = "") -> Any:
    """A value with its scalars replaced by their types; equal neighbours in a list stand for one."""
    if isinstance(value, dict):
        if key in OPAQUE:
            return "object"
        return {
            name[:LONGEST_NAME]: SCALARS.get(type(item)) or masked(item, name) for name, item in sorted(value.items())
        }
    if isinstance(value, list):
        return _runs(masked(item) for item in value)
    if isinstance(value, str):
        return value if key in WORDS and len(value) <= LONGEST_NAME and value.isidentifier() else "string"
    return SCALARS.get(type(value)) or type(value).__name__


def _runs(items: Iterable[Any]) -> list[Any]:
    collapsed: list[Any] = []
    for item in items:
        if not collapsed or collapsed[-1] != item:
            collapsed.append(item)
    return collapsed

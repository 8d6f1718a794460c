"""Lists that are read page by page."""

from collections.abc import Sequence
from typing import Any

from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import invalid

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 1000


def limit_of(call: Call) -> int:
    """The `limit` of a list request, 1 to 1000."""
    text = call.parameter("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST_LIMIT:
        raise invalid("limit", f"must be an integer from 1 to {LARGEST_LIMIT}")
    return int(text)


def page(items: Sequence[dict[str, Any]], call: Call) -> dict[str, Any]:
    """The page of a list, its items told apart by `id`, that `limit`, `after_id` and `before_id` ask for."""
    limit = limit_of(call)
    after, before = call.parameter("after_id"), call.parameter("before_id")
    if after is not None and before is not None:
        raise invalid("before_id", "cannot be combined with after_id")
    if before is not None:
        earlier = items[: _position(items, before, "before_id")]
        shown, more = earlier[-limit:], len(earlier) > limit
    else:
        later = items[_position(items, after, "after_id") + 1 :] if after is not None else items
        shown, more = later[:limit], len(later) > limit
    return {
        "data": list(shown),
        "has_more": more,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def _position(items: Sequence[dict[str, Any]], name: str, key: str) -> int:
    for index, item in enumerate(items):
        if item["id"] == name:
            return index
    raise invalid(key, f"there is no {name}")

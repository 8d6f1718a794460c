"""Changed values: missing, null, empty, of another type, negative, a fraction, zero."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from msgspec import Struct

Path = tuple[str | int, ...]

MISSING: Any = object()


class Wrong(Struct, frozen=True):
    """One wrong value at one place."""

    slug: str
    value: Any
    """`MISSING` takes the key away."""


def wrong_values(value: Any) -> list[Wrong]:
    """The wrong values for a value, by its type."""
    found = [Wrong("missing", MISSING)]
    if value is not None:
        found.append(Wrong("null", None))
    match value:
        case bool():
            found.append(Wrong("type", str(value).lower()))
        case int():
            found += [
                Wrong("type", str(value)),
                Wrong("negative", -1),
                Wrong("fraction", value + 0.5),
                Wrong("boolean", True),
            ]
            found += [Wrong("zero", 0)] if value else []
        case str():
            found += [Wrong("type", 7), Wrong("object", {"value": value})]
            found += [Wrong("empty", "")] if value else []
        case list():
            found += [Wrong("type", {"0": deepcopy(value)}), Wrong("string", "Hello")]
        case dict():
            found += [Wrong("type", [deepcopy(value)]), Wrong("string", "Hello")]
            found += [Wrong("empty", {})] if value else []
        case None:
            found.append(Wrong("type", [7]))
    return found


def name_of(value: Any) -> str:
    """The name of a list's item within a place: its type, if it has one."""
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) else "*"


def places(value: Any, opaque: frozenset[str], place: str = "", path: Path = ()) -> Iterator[tuple[str, Path, Any]]:
    """Every place in a JSON value with its path and what stands there; nothing inside the places that are opaque."""
    items: list[tuple[str | int, str, Any]] = []
    if isinstance(value, dict):
        items = [(key, key, one) for key, one in value.items()]
    elif isinstance(value, list):
        items = [(number, name_of(one), one) for number, one in enumerate(value)]
    for key, name, one in items:
        here = f"{place}/{name}"
        yield here, (*path, key), one
        if not any(here.endswith(hidden) for hidden in opaque):
            yield from places(one, opaque, here, (*path, key))


def put(whole: Any, path: Path, value: Any) -> Any:
    """A copy of a JSON value with another value at a path, or without what is there."""
    copy = deepcopy(whole)
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    if value is MISSING:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return copy

"""JSON text without white space, and JSON pointers (RFC 6901)."""

from typing import Any

import msgspec


def compact(value: Any) -> str:
    """The compact text of a JSON value."""
    return msgspec.json.encode(value).decode()


def value_at(document: Any, pointer: str) -> Any:
    """What stands there; LookupError where nothing does."""
    if not pointer:
        return document
    if not pointer.startswith("/"):
        raise LookupError(pointer)
    for step in pointer[1:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        match document:
            case dict():
                document = document[name]
            case list() if name.isdecimal():
                document = document[int(name)]
            case _:
                raise LookupError(pointer)
    return document

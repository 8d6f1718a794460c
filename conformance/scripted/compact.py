"""JSON without white space."""

from typing import Any

import msgspec


def compact(value: Any) -> str:
    """The compact text of a JSON value."""
    return msgspec.json.encode(value).decode()

"""A rule or effect that did not hold: where, expected, observed."""

from typing import Any

from msgspec import Struct

from conformance.words import Level

ABSENT: dict[str, bool] = {"absent": True}
"""Stands for a missing key, which differs from null."""


class Violation(Struct, frozen=True):
    """What a rule saw in one answer; the key and the exchange are added by the one who asked the rule."""

    at: str
    """JSON pointer into the answer (`/content/0/text`), `event/<n>/...`, or `header/<name>`."""
    expected: Any
    observed: Any
    kind: str
    """A short slug of what is wrong (`missing`, `type`, `order`): with the normalised path it makes the key."""


class Finding(Struct, frozen=True):
    """A violation in its place: of which rule or effect, with which key, how often, first seen where."""

    id: str
    """A rule's id, or `effect:<n>`."""
    key: str
    level: Level
    at: str
    expected: Any
    observed: Any
    n: int = 1
    exchange: str = ""
    """The evidence file of the first exchange that shows it."""

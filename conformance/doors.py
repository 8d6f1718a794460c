"""Parsers for values from outside: a number, a time or a JSON value, or None where the text is none."""

import math
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any, TypeVar, overload

import msgspec
import re2
from packaging.version import InvalidVersion, Version

LONGEST_NUMBER = 18
"""Digits: what a 64-bit integer holds."""
LONGEST_DATE = 100
"""Characters: the longest legal form of an HTTP date has some forty."""

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE | re.ASCII)
"""A time; the letters in it may be small ones, https://www.rfc-editor.org/rfc/rfc3339#section-5.6."""

UNDECODABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON, no UTF-8, too deep, or not of the type that was asked for."""

Typed = TypeVar("Typed")

_NEARLY_INFINITE = re2.compile(rb"[\[,:]\s*-?[\d.]+[eE][+-]?0*[23]\d\d")
HEAVY, MOST_HEAVY = 20, 5_000
"""Values for which such a number counts, since msgspec takes 20 µs for it; and how many of them are read at all."""
SHORTEST_HEAVY = 5 * MOST_HEAVY
"""Bytes of so many of them."""


def values_in(text: bytes, before: bytes = b"") -> int:
    """At least as many values as some JSON has: each takes many times its bytes in memory, and some much time.

    `before`: what a number that the text goes on with may have begun with.
    """
    return text.count(b",") + text.count(b"[") + text.count(b"{") + HEAVY * _heavy(before + text)


def has_more_values(text: bytes, most: int) -> bool:
    """Whether some JSON has more values than `most`, counted so; a short text cannot, and is not looked through."""
    return len(text) * HEAVY > most and values_in(text) > most


def _heavy(text: bytes) -> int:
    if _NEARLY_INFINITE.search(text) is None:  # as nearly everywhere, and a quarter of the time that a count takes
        return 0
    return sum(1 for _ in islice(_NEARLY_INFINITE.finditer(text), MOST_HEAVY + 1))


def takes_too_long(data: bytes | str) -> bool:
    """Whether some JSON has more numbers near the largest or the smallest than are read: 0.1 s of work, or more."""
    if len(data) < SHORTEST_HEAVY:
        return False
    return _heavy(data if isinstance(data, bytes) else data.encode(errors="replace")) > MOST_HEAVY


def whole_number(text: str) -> int | None:
    """A whole number from 0 of at most 18 digits."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None


def seconds(text: str) -> float | None:
    """A finite number, as of seconds."""
    try:
        value = float(text) if len(text) <= LONGEST_DATE else math.inf
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def http_date(text: str) -> datetime | None:
    """An HTTP date in UTC (https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats)."""
    if len(text) > LONGEST_DATE:
        return None
    try:
        when = parsedate_to_datetime(text)
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError, AttributeError):  # the library promises the first only
        return None


def rfc3339_time(text: str) -> datetime | None:
    """A time of RFC 3339 in UTC, where a calendar has it."""
    if len(text) > LONGEST_DATE or not RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@overload
def from_json(data: bytes | str) -> Any: ...
@overload
def from_json(data: bytes | str, kind: type[Typed]) -> Typed | None: ...
def from_json(data: bytes | str, kind: type[Any] = object) -> Any:
    """The JSON value, of a type where one is given; None where it is none, too deep, no UTF-8, or takes too long."""
    if takes_too_long(data):
        return None
    try:
        return msgspec.json.decode(data) if kind is object else msgspec.json.decode(data, type=kind)
    except UNDECODABLE:
        return None


def version_of(text: str) -> Version | None:
    """A version as Python packages have them."""
    try:
        return Version(text) if len(text) <= LONGEST_DATE else None
    except InvalidVersion:
        return None


def is_version(text: str) -> bool:
    """Whether a text is the version of a release of the suite."""
    return version_of(text) is not None

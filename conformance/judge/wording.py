"""A finding in one line: where, what was expected, what was observed."""

import re
from typing import Any

import msgspec

from conformance.judge.finding import ABSENT, Finding

SHOWN = 120

FOR_MACHINES = frozenset({"matches", "valid_under"})
"""Matchers whose argument says nothing to a person: a pattern, a schema."""

WANTED = {
    "equals": "{}",
    "differs": "something else than {}",
    "in": "one of {}",
    "contains": "{} in it",
    "excludes": "no {} in it",
    "starts": "{} at its beginning",
    "ends": "{} at its end",
    "type": "a value of the type {}",
    "length": "a length of {}",
    "at_least": "at least {}",
    "at_most": "at most {}",
    "more_than": "more than {}",
    "less_than": "less than {}",
}
"""Matcher to what it asks for, in words."""
YES_OR_NO = {
    ("present", True): "something",
    ("absent", True): "nothing",
    ("empty", True): "nothing in it",
    ("empty", False): "something in it",
    ("unique", True): "each value once",
}

_CALL = re.compile(r"/[a-z_]+\(")
_EFFECT = re.compile(r"/((message|status|headers|text|events|steps|timing)\b|[^/]*[.(\[])")


def shown(value: Any, *, quote: bool = True, limit: int = SHOWN) -> str:
    """A value in one line: JSON, cut at `limit` characters; an absent key is said, an unquoted sentence stays one."""
    if value is ABSENT:
        return "nothing (absent)"
    text = value if isinstance(value, str) and not quote else _json(value)
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def sentence(finding: Finding, *, limit: int = SHOWN, wanted_limit: int = SHOWN) -> str:
    """A finding in one line: where, what was expected, what was observed; each cut at its limit of characters."""
    observed = f"observed {shown(finding.observed, limit=limit)}"
    what = f"expected {wanted(finding.expected, limit=wanted_limit)}, {observed}"
    if isinstance(finding.expected, dict) and finding.expected.keys() & FOR_MACHINES:
        what = f"{observed}, which is not what was asked for"
    times = f" ({finding.n} times)" if finding.n > 1 else ""
    where = place(finding.at)
    return f"{where}: {what}{times}" if where else f"{what}{times}"


def wanted(expected: Any, *, limit: int = SHOWN) -> str:
    """The expectation in words: a sentence, a value, or a matcher with its value."""
    if isinstance(expected, dict) and len(expected) == 1:
        ((matcher, value),) = expected.items()
        name = str(matcher).rstrip("_")
        if isinstance(value, bool) and (name, value) in YES_OR_NO:
            return YES_OR_NO[name, value]
        return WANTED.get(name, f"{name} {{}}").replace("{}", shown(value, limit=limit))
    if isinstance(expected, list) and expected:  # a law that gives several values takes any of them
        return shown(expected[0], limit=limit) if len(expected) == 1 else f"one of {shown(expected, limit=limit)}"
    return shown(expected, quote=False, limit=limit)


def place(at: str) -> str:
    """The place of a finding: the path of an effect as written in its case, other places as they are.

    An effect that calculates, such as `join(' | ', [text])`, has none that a person could go to.
    """
    if not _EFFECT.match(at):
        return shown(at, quote=False, limit=60)
    return "" if _CALL.match(at) else shown(at[1:], quote=False, limit=60)


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        return repr(value)

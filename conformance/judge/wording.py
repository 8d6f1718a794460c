"""A finding in one line: where, what was expected, what was observed."""

import re
from typing import Any

import msgspec

from conformance.judge.finding import Absent, Finding
from conformance.keys import shortened

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

TYPES = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "array": "an array",
    "object": "an object",
    "null": "null",
}

LOGGED_ABSENT = '{"absent":true}'
"""How a log keeps what an `absent` check wants, since the same as an object stands for a missing key."""

_FILTER = re.compile(r"\[\?[^\]]*\]")
_OF_TYPE = re.compile(r"message\.content\[\?type=='(\w+)'[^\]]*\]")
_CALCULATES = re.compile(r"[()|&<>=!`]")
_EFFECT = re.compile(r"/((message|status|headers|text|events|steps|timing)\b|[^/]*[.(\[])")


def shown(value: Any, *, quote: bool = True, limit: int = SHOWN) -> str:
    """A value in one line: JSON, cut at `limit` characters; an absent key is said, an unquoted sentence stays one."""
    if isinstance(value, Absent):
        return "nothing (absent)"
    if value == "" and quote:
        return "an empty text"
    text = value if isinstance(value, str) and not quote else _json(value)
    if isinstance(value, str) and quote:
        text = text.replace('\\"', '"')
    text = " ".join(text.split())
    return shortened(text, limit)


def sentence(finding: Finding, *, limit: int = SHOWN, wanted_limit: int = SHOWN) -> str:
    """A finding in one line: where, what was expected, what was observed; each cut at its limit of characters."""
    effect = finding.id.startswith("effect:")
    where = place(finding.at)
    observed = f"observed {shown(finding.observed, limit=limit)}"
    what = f"expected {wanted(finding.expected, exact=effect, limit=wanted_limit)}, {observed}"
    if isinstance(finding.expected, dict) and finding.expected.keys() & FOR_MACHINES:
        what = f"{observed}, which is not what was asked for"
    elif effect and not where and isinstance(finding.expected, bool):
        what = "what was asked for does not hold"
    times = f" ({finding.n} times)" if finding.n > 1 else ""
    return f"{where}: {what}{times}" if where else f"{what}{times}"


def wanted(expected: Any, *, exact: bool = False, limit: int = SHOWN) -> str:
    """The expectation in words: a sentence, a value, or a matcher with its value.

    `exact`: what is no matcher is the very value, as in the effect of a case; a law that gives several takes any.
    """
    if isinstance(expected, dict) and len(expected) == 1:
        ((matcher, value),) = expected.items()
        name = str(matcher).rstrip("_")
        if isinstance(value, bool) and (name, value) in YES_OR_NO:
            return YES_OR_NO[name, value]
        if name == "type" and isinstance(value, str) and value in TYPES:
            return TYPES[value]
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return WANTED.get(name, f"{name} {{}}").replace("{}", shown(value, limit=limit))
    if expected == LOGGED_ABSENT:
        return "nothing"
    if exact:
        return shown(expected, limit=limit)
    if isinstance(expected, list) and expected:
        return shown(expected[0], limit=limit) if len(expected) == 1 else f"one of {shown(expected, limit=limit)}"
    return shown(expected, quote=False, limit=limit)


def place(at: str) -> str:
    """The place of a finding: the path of an effect in short, `tool_use.input.key`; other places as they are.

    An effect that calculates, such as `join(' | ', [text])`, has none that a person could go to.
    """
    if not _EFFECT.match(at):
        return shown(at, quote=False, limit=60)
    path = at[1:].removesuffix(" | [0]")
    if _CALCULATES.search(_FILTER.sub("", path)):
        return ""
    return shown(_OF_TYPE.sub(r"\1", path), quote=False, limit=60)


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        return repr(value)

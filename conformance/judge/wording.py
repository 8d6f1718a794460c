"""A finding in one line: where, what was expected, what was observed."""

import re
from typing import Any

import msgspec

from conformance.judge.finding import ABSENT, Finding

SHOWN = 120

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
    what = f"expected {wanted(finding.expected, limit=wanted_limit)}, observed {shown(finding.observed, limit=limit)}"
    times = f" ({finding.n} times)" if finding.n > 1 else ""
    return f"{place(finding.at)}: {what}{times}" if finding.at else f"{what}{times}"


def wanted(expected: Any, *, limit: int = SHOWN) -> str:
    """The expectation in words: a sentence, a value, or a matcher with its value."""
    if isinstance(expected, dict) and len(expected) == 1:
        ((matcher, value),) = expected.items()
        name = str(matcher).replace("_", " ")
        if isinstance(value, bool):
            return name if value else f"not {name}"
        return f"{name} {shown(value, limit=limit)}"
    return shown(expected, quote=False, limit=limit)


def place(at: str) -> str:
    """The place of a finding: the path of an effect as written in its case, other places as they are."""
    return shown(at[1:] if _EFFECT.match(at) else at, quote=False, limit=60)


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        return repr(value)

"""What the verdicts, statuses and marks mean, in the words that every reader uses; and a value in one line."""

import re
from typing import Any

import msgspec

from conformance.harmless import harmless
from conformance.runs.log import ABSENT, Finding
from conformance.words import SdkTestimony, Status, Verdict

VERDICT_MEANS: dict[Verdict, str] = {
    "supported": "Asked, and all of the effects were seen; a rule was seen, and never broken.",
    "partial": "The feature works; only something that an answer should do is missing.",
    "refused": "Declined with a 4xx or 501. Honest: a client can tell.",
    "ignored": "Accepted with a well-formed 200, and the effect is not there: the silent gap.",
    "broken": "An unreadable answer, a 5xx, a hang or a cut; or the feature works and what the answer owes is wrong.",
    "blocked": "Not judged: a cause that is named elsewhere hides what this question asks; counts neither way.",
    "inconclusive": "Well-formed answers, but the model did not do its part: nothing was shown, for or against.",
    "not-run": "Not asked: a twin or dependency failed, the rate was limited, the budget was spent, or deselected.",
    "error": "Our own fault or the infrastructure's: never counted for or against the target.",
    "not-applicable": "Outside the target's capabilities or its version.",
}

STATUS_MEANS: dict[Status, str] = {
    "regression": "Worse than expected of this target, or broken in a way that was not known.",
    "new": "Worse than the API promises, and nothing says that this was known.",
    "improvement": "Better than expected: the entry that excused it is stale.",
    "known-gap": "Seen before, but not documented by the vendor.",
    "documented-gap": "The vendor documents this gap.",
    "as-expected": "What was expected.",
}

SDK_MEANS: dict[SdkTestimony, str] = {
    "accepts": "The official SDK read the answer, and read what the wire says.",
    "rejects": "The official SDK raised an error.",
    "misreads": "The official SDK raised no error, but what it accumulated differs from the wire.",
}

DRIFT_MEANS = "The shape of the answer differs from the committed snapshot."
UNVERIFIED_MEANS = "Some of the questions of this row ended without an observation: k of n not verified."

SHOWN = 120

_EFFECT = re.compile(r"/((message|status|headers|text|events|steps|timing)\b|[^/]*[.(\[])")


def shown(value: Any, *, quote: bool = True, limit: int = SHOWN) -> str:
    """A value in one line: JSON, cut at `limit` characters; an absent key is said, an unquoted sentence stays one."""
    if value is ABSENT:
        return "nothing (absent)"
    text = value if isinstance(value, str) and not quote else _json(value)
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def sentence(finding: Finding, *, limit: int = SHOWN) -> str:
    """A finding in one line: where, what was expected, what was observed."""
    what = f"expected {wanted(finding.expected, limit=limit)}, observed {shown(finding.observed, limit=limit)}"
    times = f" ({finding.n} times)" if finding.n > 1 else ""
    return f"{place(finding.at)}: {what}{times}" if finding.at else f"{what}{times}"


def wanted(expected: Any, *, limit: int = SHOWN) -> str:
    """What was expected: a sentence, a value, or a matcher with its value."""
    if isinstance(expected, dict) and len(expected) == 1:
        ((matcher, value),) = expected.items()
        name = str(matcher).replace("_", " ")
        if isinstance(value, bool):
            return name if value else f"not {name}"
        return f"{name} {shown(value, limit=limit)}"
    return shown(expected, quote=False, limit=limit)


def place(at: str) -> str:
    """Where a finding is: the path of an effect as its author wrote it, other places as they are."""
    return shown(at[1:] if _EFFECT.match(at) else at, quote=False, limit=60)


def printable(text: str) -> str:
    """Text without what could move a terminal's cursor or turn a line around: such characters are named instead."""
    return harmless(text)


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        return repr(value)

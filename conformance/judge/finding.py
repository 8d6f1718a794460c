"""A rule or effect that did not hold: where, expected, observed."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from conformance.keys import KNOWN, shortened
from conformance.words import Level, Mode


class Absent(Struct, frozen=True):
    """The type of `ABSENT`; in JSON it is `{"absent": true}`."""

    absent: Literal[True] = True


ABSENT = Absent()
"""Stands for a missing key, which differs from null and from every value that an endpoint can send."""


class Violation(Struct, frozen=True):
    """A violation that a rule found in one answer; key and exchange are added by the caller."""

    at: str
    """JSON pointer into the answer (`/content/0/text`), `event/<n>/...`, or `header/<name>`."""
    expected: Any
    observed: Any
    kind: str
    """A short slug of what is wrong (`missing`, `type`, `order`): with the normalised path it makes the key."""


LONGEST = 4 * 1024
"""Bytes of a value that a finding keeps: a run has ten thousand of them, and the evidence has the whole."""
LONGEST_NAME = 300
"""Characters of a place, or of a kind, which an endpoint's keys can lengthen."""


def bounded(violation: Violation) -> Violation:
    """A violation that keeps no more of an answer than `LONGEST`."""
    return Violation(
        bounded_name(violation.at),
        bounded_value(violation.expected),
        bounded_value(violation.observed),
        bounded_name(violation.kind),
    )


def bounded_name(name: str) -> str:
    return shortened(name, LONGEST_NAME + 1)


def bounded_value(value: Any, longest: int = LONGEST) -> Any:
    """A value of at most so many bytes of JSON: what is longer is cut to text that says how long it was."""
    if value is None or isinstance(value, bool | float | Absent) or (isinstance(value, str) and len(value) < 600):
        return value
    text = msgspec.json.encode(value)
    if len(text) <= longest:
        return value
    rest = f"… ({len(text)} bytes in all)"
    kept = KNOWN.beginning(value if isinstance(value, str) else text.decode(), longest)
    room = longest - 2 * len(rest.encode())
    while (size := len(msgspec.json.encode(kept))) > room:
        kept = kept[: max(1, len(kept) * room // (size + 1))]
    return kept + rest


class Finding(Struct, frozen=True):
    """A violation in its place: of which rule or effect, with which key, how often, first seen where."""

    id: str
    """A rule's id, or `effect:<n>`."""
    key: str
    """What kind of finding it is: rule or effect, endpoint, mode, path with every index as `*`, kind."""
    level: Level
    """How much it weighs."""
    at: str
    """Where: a JSON pointer into the answer, `event/<n>/...`, or `header/<name>`."""
    expected: Any
    """What should be there."""
    observed: Any
    """What is there; `{"absent": true}` for a missing key."""
    n: int = 1
    """How often it was seen."""
    exchange: str = ""
    """The id of the first exchange that shows it."""

    def again(self) -> "Finding":
        """The same finding, seen once more."""
        return replace(self, n=self.n + 1)


MOST = 100
"""Distinct findings that the row of one question keeps, and as many marks."""


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """One finding per key, with its count, in order of appearance; the first `MOST` of them."""
    by_key: dict[str, Finding] = {}
    for finding in findings:
        earlier = by_key.get(finding.key)
        if earlier is not None or len(by_key) < MOST:
            by_key[finding.key] = finding if earlier is None else earlier.again()
    return list(by_key.values())


_INDEX = re.compile(r"(?<=/)\d+(?=/|$)")


@lru_cache(maxsize=4096)
def finding_key(rule: str, endpoint: str, mode: Mode, at: str, kind: str) -> str:
    """The key of a finding: rule or effect, endpoint, mode, path with every index as `*`, kind.

    `message.stop-sequence-present POST /v1/messages json /stop_sequence missing`
    """
    return f"{rule} {endpoint} {mode} {_INDEX.sub('*', at)} {kind}"

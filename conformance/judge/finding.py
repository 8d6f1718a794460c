"""A rule or effect that did not hold: where, expected, observed."""

import re
from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

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


_INDEX = re.compile(r"(?<=/)\d+(?=/|$)")


@lru_cache(maxsize=4096)
def finding_key(rule: str, endpoint: str, mode: Mode, at: str, kind: str) -> str:
    """The key of a finding: rule or effect, endpoint, mode, path with every index as `*`, kind.

    `message.stop-sequence-present POST /v1/messages json /stop_sequence missing`
    """
    return f"{rule} {endpoint} {mode} {_INDEX.sub('*', at)} {kind}"

"""How much of the hostile tests is run: a sample in CI, all of it with `nox -s hostile -- --full`."""

import os
from collections.abc import Iterable
from typing import TypeVar

Name = TypeVar("Name")
FULL = os.environ.get("CONFORMANCE_HOSTILE") == "full"


def extent(names: Iterable[Name], sample: Iterable[Name]) -> list[Name]:
    """All names, or the sample of them."""
    every, few = list(names), list(sample)
    assert set(few) <= set(every)
    return every if FULL else few

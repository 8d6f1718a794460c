"""Emulations of real servers: the reference endpoint with the gaps of each of their versions.

A likeness is a list of named gaps. `ollama@0.33` has all that Ollama 0.33 has; `ollama@0.33 - tool_choice` has all but
one, so that a person can see what a run says when a gap is mended.
"""

import re

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.protocol import UsageError, near

TARGETS = ("ollama",)
_VERSION = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?(-[A-Za-z0-9.]{1,32})?", re.ASCII)


def likeness(name: str) -> tuple[Hooks, ...]:
    """The hooks of `TARGET@VERSION [- GAP ...]`; UsageError for a target, version or gap that there is not."""
    from conformance.scripted.likeness import ollama
    from conformance.scripted.likeness.ollama_versions import FIRST

    wanted, *without = (part.strip() for part in name.split(" - "))
    target, _, version = wanted.partition("@")
    if target not in TARGETS:
        raise UsageError(
            f"there is no likeness of {target!r}, only of {', '.join(TARGETS)}: say --like ollama@0.33"
            f"{near(target, TARGETS)}"
        )
    if unknown := [gap for gap in without if gap not in ollama.GAPS]:
        guess = near(unknown[0], ollama.GAPS) or f"; there are {', '.join(ollama.GAPS)}"
        raise UsageError(f"ollama has no gap {unknown[0]!r}{guess}")
    numbers, newest = numbers_of(version or ollama.NEWEST), numbers_of(ollama.NEWEST)
    if not FIRST[:2] <= numbers[:2] <= newest[:2]:
        first, last = (f"{target}@{major}.{minor}" for major, minor, _ in (FIRST, newest))
        meant = first if numbers < FIRST else last
        raise UsageError(f"there is no likeness of {wanted}, only from {first} to {last}; did you mean {meant}?")
    return ollama.hooks(numbers, frozenset(ollama.GAPS) - frozenset(without))


def likeness_named(name: str) -> Hooks | None:
    """The same for a path prefix, `/like/ollama@0.33 - GAP`; None where there is no such likeness."""
    try:
        (hooks,) = likeness(name)
    except UsageError:
        return None
    return hooks


def numbers_of(version: str) -> tuple[int, int, int]:
    """Its three numbers, 0 where one is left out; UsageError where it is no version."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise UsageError(f"{version!r} is no version such as 0.33 or 0.23.4")
    major, minor, patch = (int(number or 0) for number in match.group(1, 2, 3))
    return major, minor, patch

"""Emulations of real servers: the reference endpoint with the gaps of each of their versions.

A likeness is a list of named gaps. `ollama@0.33` has all that Ollama 0.33 has; `ollama@0.33 - tool_choice` has all but
one, so that a person can see what a run says when a gap is mended.
"""

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.protocol import UsageError

TARGETS = ("ollama",)


def likeness(name: str) -> tuple[Hooks, ...]:
    """The hooks of `TARGET@VERSION [- GAP ...]`; UsageError for a target, version or gap that there is not."""
    from conformance.scripted.likeness import ollama

    wanted, *without = (part.strip() for part in name.split(" - "))
    target, _, version = wanted.partition("@")
    if target not in TARGETS:
        raise UsageError(f"there is no likeness of {target!r}, only of {', '.join(TARGETS)}: say --like ollama@0.33")
    if unknown := [gap for gap in without if gap not in ollama.GAPS]:
        raise UsageError(f"ollama has no gap {unknown[0]!r}; there are {', '.join(ollama.GAPS)}")
    return ollama.hooks(_numbers(version or ollama.NEWEST), frozenset(ollama.GAPS) - frozenset(without))


def likeness_named(name: str) -> Hooks | None:
    """The same for a path prefix, `/like/ollama@0.33 - GAP`; None where there is no such likeness."""
    try:
        (hooks,) = likeness(name)
    except UsageError:
        return None
    return hooks


def _numbers(version: str) -> tuple[int, int, int]:
    try:
        numbers = [int(part) for part in version.split(".")]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 3:
        raise UsageError(f"{version!r} is no version such as 0.33 or 0.23.4")
    major, minor, patch = [*numbers, 0, 0][:3]
    return major, minor, patch

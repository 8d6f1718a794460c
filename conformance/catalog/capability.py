"""Capabilities of a target or its model: the words that `needs` and `lacks` may hold."""

from msgspec import Struct


class Capability(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ability, and how a run learns of it where nobody declares it."""

    title: str
    proof: list[str] = []
    """Cases of which any one, once its effect is shown, proves the ability, if it can in the same mode."""
    declined_beside: str | None = None
    """The case that lacks what the ability is about, and nothing else: where it is shown, and each proof declined, the
    answer is no."""
    assume_no: bool = False
    """Where it is neither declared nor proven the answer is no, not unknown."""


class CapabilityFile(Struct, frozen=True, forbid_unknown_fields=True):
    """`cases/capabilities.yaml`."""

    capabilities: dict[str, Capability]

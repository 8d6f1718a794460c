"""Legal variants: other answers that are as correct as those of the reference endpoint."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.scripted.anthropic.hooks import Hooks
    from conformance.scripted.variants.variant import Variant


@cache
def variants() -> "dict[str, Variant]":
    """All variants by their id."""
    from conformance.scripted.variants.events import EVENTS
    from conformance.scripted.variants.fields import FIELDS
    from conformance.scripted.variants.habits import HABITS
    from conformance.scripted.variants.lenience import LENIENCE
    from conformance.scripted.variants.servers import SERVERS
    from conformance.scripted.variants.transport import FRAMING, TRANSPORT
    from conformance.scripted.variants.upward import UPWARD
    from conformance.scripted.variants.writing import WRITING

    groups = (FRAMING, EVENTS, FIELDS, WRITING, TRANSPORT, SERVERS, LENIENCE, HABITS, UPWARD)
    return {variant.id: variant for group in groups for variant in group.variants}


def variant_named(name: str) -> "Hooks | None":
    """The hooks of a variant; None for an unknown id."""
    variant = variants().get(name)
    return variant.hooks if variant else None

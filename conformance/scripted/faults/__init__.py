"""Deliberate violations: what real servers have done wrong, each a small bend of the correct endpoint.

The ids are those of a public survey of issue threads; where one sentence there names two deeds, the second has the id
with a suffix (`ER19-text`). `X-...` are not in the survey: what somebody met later, or could think of. Those that need
an `upstream` bend what passes between a gateway and the server behind it.
Not here: generation that goes on after the client has gone (LC01), which no client can see.
"""

from functools import cache
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

if TYPE_CHECKING:
    from conformance.scripted.anthropic.manner import Manner
    from conformance.scripted.faults.fault import Fault


class Entry(Struct, frozen=True, kw_only=True):
    """A fault or variant as `python -m conformance.scripted faults --json` lists it."""

    id: str
    says: str
    group: str
    strength: Literal["fault", "note", "legal"]
    needs: tuple[str, ...] = ()


@cache
def faults() -> "dict[str, Fault]":
    """All named faults by their id."""
    from conformance.scripted.faults.bad_requests import BAD_REQUESTS
    from conformance.scripted.faults.counting import COUNTING
    from conformance.scripted.faults.errors import ERRORS
    from conformance.scripted.faults.gateway import GATEWAY
    from conformance.scripted.faults.identity import IDENTITY
    from conformance.scripted.faults.lifecycle import LIFECYCLE
    from conformance.scripted.faults.losses import LOSSES
    from conformance.scripted.faults.requests import REQUESTS
    from conformance.scripted.faults.resources import RESOURCES
    from conformance.scripted.faults.results import RESULTS
    from conformance.scripted.faults.stop import STOP
    from conformance.scripted.faults.stream import STREAM
    from conformance.scripted.faults.text import TEXT
    from conformance.scripted.faults.thinking import THINKING
    from conformance.scripted.faults.tools import TOOLS
    from conformance.scripted.faults.transport import TRANSPORT
    from conformance.scripted.faults.usage import USAGE

    groups = (
        STREAM,
        TRANSPORT,
        STOP,
        USAGE,
        THINKING,
        TEXT,
        TOOLS,
        REQUESTS,
        LOSSES,
        RESULTS,
        BAD_REQUESTS,
        ERRORS,
        COUNTING,
        IDENTITY,
        LIFECYCLE,
        RESOURCES,
        GATEWAY,
    )
    return {fault.id: fault for group in groups for fault in group.faults}


def fault_named(name: str) -> "Manner | None":
    """The manner that commits a fault, generic ones included; None for an unknown id."""
    from conformance.scripted.faults.generic import generic

    fault = faults().get(name)
    return fault.manner if fault else generic(name)


def list_faults() -> list[Entry]:
    """The named faults, group by group."""
    return [
        Entry(id=fault.id, says=fault.says, group=fault.group, strength=fault.strength, needs=fault.needs)
        for fault in faults().values()
    ]


def listing(what: Literal["faults", "variants", "models"]) -> list[Entry]:
    """What the command line lists."""
    if what == "faults":
        return list_faults()
    if what == "models":
        from conformance.scripted.oddities import ODDITIES

        return [Entry(id=odd.id, says=odd.says, group="model", strength="legal") for odd in ODDITIES.values()]
    from conformance.scripted.variants import variants

    return [
        Entry(id=variant.id, says=variant.says, group=variant.group, strength="legal", needs=variant.needs)
        for variant in variants().values()
    ]

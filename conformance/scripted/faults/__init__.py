"""Faults: deliberate violations that real servers have shown, each a few lines over the correct endpoint.

The ids are those of a public survey of issue threads; where one sentence there names two deeds, the second has the id
with a suffix (`ER19-text`). `X-...` are not in the survey: what somebody met later, or could think of. Those that need
an `upstream` bend what passes between a gateway and the server behind it.
"""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.scripted.anthropic.hooks import Hooks
    from conformance.scripted.faults.fault import Fault


@cache
def faults() -> "dict[str, Fault]":
    """All named faults by their id."""
    from conformance.scripted.faults.bad_requests import BAD_REQUESTS
    from conformance.scripted.faults.defaults import DEFAULTS
    from conformance.scripted.faults.errors import ERRORS
    from conformance.scripted.faults.fidelity import FIDELITY, TEXT
    from conformance.scripted.faults.gateway import GATEWAY
    from conformance.scripted.faults.history import HISTORY, JOURNEY, REPLAYED
    from conformance.scripted.faults.identity import IDENTITY
    from conformance.scripted.faults.lifecycle import LIFECYCLE
    from conformance.scripted.faults.losses import LOSSES
    from conformance.scripted.faults.requests import REQUESTS
    from conformance.scripted.faults.resources import RESOURCES
    from conformance.scripted.faults.results import RESULTS
    from conformance.scripted.faults.shapes import SHAPES
    from conformance.scripted.faults.sizes import SIZES
    from conformance.scripted.faults.stop import STOP
    from conformance.scripted.faults.stream import STREAM
    from conformance.scripted.faults.thinking import THINKING
    from conformance.scripted.faults.tools import TOOLS
    from conformance.scripted.faults.transport import TRANSPORT
    from conformance.scripted.faults.usage import COUNTING, USAGE

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
        HISTORY,
        JOURNEY,
        RESULTS,
        SIZES,
        BAD_REQUESTS,
        REPLAYED,
        ERRORS,
        COUNTING,
        IDENTITY,
        LIFECYCLE,
        RESOURCES,
        GATEWAY,
        SHAPES,
        FIDELITY,
        DEFAULTS,
    )
    return {fault.id: fault for group in groups for fault in group.faults}


def fault_named(name: str) -> "Hooks | None":
    """The hooks that commits a fault, generic ones included; None for an unknown id."""
    from conformance.scripted.faults.generic import generic

    fault = faults().get(name)
    return fault.hooks if fault else generic(name)

"""The lists that `python -m conformance.scripted faults`, `variants`, `models` and `mutants` print."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from conformance.scripted.faults import faults
from conformance.scripted.mutants import mutants
from conformance.scripted.odd_models import ODD_MODELS
from conformance.scripted.variants import variants


class Entry(Struct, frozen=True, kw_only=True):
    """A fault or variant as `python -m conformance.scripted faults --json` lists it."""

    id: str
    says: str
    group: str
    strength: Literal["fault", "note", "legal"]
    needs: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    """Of an odd model: the capabilities that it does not have, so that nobody who runs it would declare them."""


class VariantEntry(Entry, frozen=True, kw_only=True):
    """A legal variant, with the rows that honestly end worse: `GLOB VERDICT`, or `refusals VERDICT`."""

    worsens: tuple[str, ...] = ()


_WHOLE = ("upstream.answer.incremental *", "upstream.answer.client-gone* *")
"""What a variant worsens that is made of the whole answer: in front of an upstream it has to wait for its end."""


def list_faults() -> list[Entry]:
    """The named faults, group by group."""
    return [
        Entry(id=fault.id, says=fault.says, group=fault.group, strength=fault.strength, needs=fault.needs)
        for fault in faults().values()
    ]


def listing(what: Literal["faults", "variants", "models", "mutants"]) -> Sequence[Entry]:
    """What the command line lists."""
    if what == "faults":
        return list_faults()
    if what == "models":
        return [
            Entry(id=odd.id, says=odd.says, group="model", strength="legal", lacks=odd.lacks)
            for odd in ODD_MODELS.values()
        ]
    if what == "mutants":
        return [Entry(id=one.id, says=one.says, group="mutant", strength="fault") for one in mutants().values()]
    return [
        VariantEntry(
            id=variant.id,
            says=variant.says,
            group=variant.group,
            strength="legal",
            needs=variant.needs,
            worsens=(*variant.worsens, *(_WHOLE if variant.hooks.needs_whole_answer else ())),
        )
        for variant in variants().values()
    ]

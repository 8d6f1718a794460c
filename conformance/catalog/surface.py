"""The surface and the capabilities of targets: the closed lists of the folder `cases/`."""

import msgspec
from msgspec import Struct

from conformance.words import ConformanceLevel, Level, Tier


class RowEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One feature of the API, as the file of its area declares it."""

    id: str
    """The row's name for ever, such as `request.tool_choice.tool`; a rename keeps the old one in `renamed_from`."""
    title: str
    """What the row is about, beginning with the name that the vendor's reference uses."""
    tier: Tier
    """Who can be expected to have it: `core` any compatible server, `feature` some, `hosted` the vendor's own cloud."""
    weight: Level
    """How much the row counts among those of its tier."""
    why: str
    """The reason for the weight."""
    level: ConformanceLevel | None = None
    """The first level of conformance that needs this row: `basic`, `agent` or `full`. A core row that says nothing
    belongs to `full`, unless its weight is `may`; another row that says nothing belongs to none.
    """
    consequence: str
    """What it means for a user when the row is missing."""
    source: list[str]
    """Addresses of the documents that describe the feature, with the section where the page has anchors."""
    since: str | None = None
    """The date, or the version of the official SDK, from which the API has the feature."""
    seen_in: list[str] = []
    """Vendors' documents that name this row."""
    observable: bool = True
    """False where no client can see the feature's effect: only its acceptance is asked."""
    reason: str | None = None
    """Why no client can see the effect, for a row with `observable: false`."""
    unasked: str | None = None
    """Why a black box cannot ask this row, for a row without a case."""
    renamed_from: list[str] = []
    """Ids that this row had before; none is ever used for something else."""


class Row(RowEntry, frozen=True, kw_only=True):
    """One feature of the API: a row of the matrix."""

    area: str


class AreasFile(Struct, frozen=True, forbid_unknown_fields=True):
    """`cases/surface/areas.yaml`."""

    areas: dict[str, str]
    """Area id to its title, in the order of the matrix; the rows of an area stand in the file of its name."""


class AreaFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file of rows, `cases/surface/AREA.yaml`."""

    rows: list[RowEntry]
    """The rows of the area, in the order of the matrix."""


def placed(entry: RowEntry, area: str) -> Row:
    """A row in its area and at its level: `full` where a core row that counts does not say."""
    level = entry.level or ("full" if entry.tier == "core" and entry.weight != "may" else None)
    return Row(**msgspec.structs.asdict(entry) | {"area": area, "level": level})


class Capability(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One ability, and how a run learns of it where nobody declares it."""

    title: str
    proof: list[str] = []
    """Cases of which any one, once its effect is shown, proves the ability, if it can in the same mode."""
    betrayed_by: str | None = None
    """A rule: where an answer to a proof breaks it, the ability is there all the same. A call that is printed as text
    was made by a model that was given tools."""
    declined_beside: str | None = None
    """The case that lacks what the ability is about, and nothing else: where it is shown, and each proof declined, the
    answer is no."""
    assume_no: bool = False
    """Where it is neither declared nor proven the answer is no, not unknown."""


class CapabilityFile(Struct, frozen=True, forbid_unknown_fields=True):
    """`cases/capabilities.yaml`."""

    capabilities: dict[str, Capability]

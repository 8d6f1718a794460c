"""The surface: the list of the API's features, each a row of the matrix with a stable id."""

import msgspec
from msgspec import Struct

from conformance.words import ConformanceLevel, Level, Tier


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One feature of the API: a row of the matrix."""

    id: str
    title: str
    area: str
    tier: Tier
    weight: Level
    """How much the row counts among those of its tier."""
    why: str
    """The reason for the weight."""
    level: ConformanceLevel | None = None
    """The first level of conformance that needs this row: `basic`, `agent` or `full`. A core row that says nothing
    belongs to `full`; another row that says nothing belongs to none.
    """
    consequence: str
    """What it means for a user when the row is missing."""
    source: list[str]
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


class SurfaceFile(Struct, frozen=True, forbid_unknown_fields=True):
    """`cases/surface.yaml`."""

    areas: dict[str, str]
    """Area id to its title, in the order of the matrix."""
    rows: list[Row]


def placed(row: Row) -> Row:
    """A row with its level: `full` where a core row does not say."""
    return row if row.level or row.tier != "core" else msgspec.structs.replace(row, level="full")

"""The surface: the list of the API's features, each a row of the matrix with a stable id."""

from msgspec import Struct

from conformance.words import Level, Tier


class Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One feature of the API: a row of the matrix."""

    id: str
    title: str
    area: str
    tier: Tier
    level: Level
    why: str
    """The reason for the level."""
    consequence: str
    """What it means for a user when the row is missing."""
    source: list[str]
    since: str | None = None
    seen_in: list[str] = []
    """Vendors' documents that name this row."""
    observable: bool = True
    """False where no client can see the feature's effect: only its acceptance is asked."""
    unasked: str | None = None
    """Why a black box cannot ask this row, for a row without a case."""
    renamed_from: list[str] = []


class SurfaceFile(Struct, frozen=True, forbid_unknown_fields=True):
    """`cases/surface.yaml`."""

    areas: dict[str, str]
    """Area id to its title, in the order of the matrix."""
    rows: list[Row]

"""Whether a target is ready for a client, as the runs say it: one card per profile and target.

The run says it in a note: `about` is `readiness`, and its data are `{"profile": id, "verdict": "ready" | "ready with
limits" | "not ready" | "not verified", "missing": [{"row", "level", "consequence", "evidence"}], "unverified": [row],
"timing": {name: seconds}, "warnings": [text]}`; `evidence` is a case's or a rule's id.
"""

from typing import Any

import msgspec
from msgspec import Struct

from conformance.report.matrix import Column, Matrix
from conformance.runs.log import NoteRow, ProfileInfo


class Missing(Struct, frozen=True):
    """A row that the client needs and does not have, and what that means for its user."""

    row: str
    level: str = "must"
    consequence: str = ""
    evidence: str = ""


class Card(Struct, frozen=True, kw_only=True):
    """One profile of one target."""

    column: Column
    verdict: str
    missing: list[Missing]
    unverified: list[str]
    timing: dict[str, str]
    warnings: list[str]

    @property
    def breaking(self) -> list[Missing]:
        return [missing for missing in self.missing if missing.level == "must"]

    @property
    def limiting(self) -> list[Missing]:
        return [missing for missing in self.missing if missing.level != "must"]


class Readiness(Struct, frozen=True, kw_only=True):
    """One profile over all targets that were asked for it."""

    profile: str
    title: str
    question: str
    cards: list[Card]


def readiness_of(matrix: Matrix) -> list[Readiness]:
    """The cards of all profiles that some run speaks of."""
    cards: dict[str, list[Card]] = {}
    profiles: dict[str, ProfileInfo] = {}
    for column in matrix.columns:
        profiles |= column.log.catalog.profiles
        last = {str(note.data.get("profile")): note for note in column.log.notes if note.about == "readiness"}
        for profile, note in last.items():
            cards.setdefault(profile, []).append(_card(column, note))
    return [
        Readiness(
            profile=profile,
            title=profiles[profile].title if profile in profiles else profile,
            question=profiles[profile].question if profile in profiles else "",
            cards=found,
        )
        for profile, found in cards.items()
    ]


def _card(column: Column, note: NoteRow) -> Card:
    missing = []
    for entry in note.data.get("missing") or ():
        try:
            missing.append(msgspec.convert(entry, Missing))
        except msgspec.ValidationError:
            missing.append(Missing(row=str(entry)))
    timing = note.data.get("timing")
    return Card(
        column=column,
        verdict=str(note.data.get("verdict", "not verified")),
        missing=missing,
        unverified=_texts(note.data.get("unverified")),
        timing=_timing(timing) if isinstance(timing, dict) else {},
        warnings=_texts(note.data.get("warnings")),
    )


def _timing(told: dict[str, Any]) -> dict[str, str]:
    return {
        name.replace("_", " "): f"{value:.2g} s" if isinstance(value, float | int) else str(value)
        for name, value in told.items()
    }


def _texts(told: Any) -> list[str]:
    return [str(one) for one in told] if isinstance(told, list) else []

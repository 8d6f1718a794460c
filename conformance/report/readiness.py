"""Readiness cards of the page: one per profile and target, from the rows of the log."""

from collections.abc import Mapping

from msgspec import Struct

from conformance.report.matrix import Column, Matrix
from conformance.runs.log import JudgedNeed, ProfileInfo, ReadinessRow, VersionReadiness


class Shortfall(Struct, frozen=True, kw_only=True):
    """A need that is not met, or of which nothing was seen."""

    need: str
    says: str
    meets: str
    row: str
    """The row of the matrix that shows it."""


class Card(Struct, frozen=True, kw_only=True):
    """One profile of one target."""

    column: Column
    verdict: str
    client: str
    breaking: list[Shortfall]
    limiting: list[Shortfall]
    unverified: list[Shortfall]
    calls: tuple[int, int] | None
    versions: list[VersionReadiness]
    timing: dict[str, str]
    warnings: list[str]


class ReadinessTable(Struct, frozen=True, kw_only=True):
    """One profile over all targets that were asked for it."""

    profile: str
    title: str
    question: str
    cards: list[Card]


def readiness_of(matrix: Matrix) -> list[ReadinessTable]:
    """The cards of all profiles that some run speaks of."""
    cards: dict[str, list[Card]] = {}
    profiles: dict[str, ProfileInfo] = {}
    for column in matrix.columns:
        profiles |= column.log.catalog.profiles
        rows = _rows(column)
        for answer in column.log.readiness:
            cards.setdefault(answer.profile, []).append(_card(column, answer, rows))
    return [
        ReadinessTable(
            profile=profile,
            title=profiles[profile].title if profile in profiles else profile,
            question=profiles[profile].question if profile in profiles else "",
            cards=found,
        )
        for profile, found in cards.items()
    ]


def _rows(column: Column) -> dict[str, str]:
    """Case or rule to the row of the matrix that it is about."""
    cases = {case.case: case.surface for case in column.log.cases}
    return cases | {rule.rule: rule.surface for rule in column.log.rules}


def _card(column: Column, answer: ReadinessRow, rows: Mapping[str, str]) -> Card:
    wanting = [need for need in answer.needs if need.found == "missing"]
    return Card(
        column=column,
        verdict=answer.verdict,
        client=answer.client,
        breaking=[_shortfall(need, rows) for need in wanting if need.level == "blocks"],
        limiting=[_shortfall(need, rows) for need in wanting if need.level == "degrades"],
        unverified=[_shortfall(need, rows) for need in answer.needs if need.found == "unverified" and not need.behind],
        calls=answer.calls,
        versions=list(answer.versions),
        timing={name.replace("_", " "): f"{seconds:.2g} s" for name, seconds in answer.timing.items()},
        warnings=list(answer.warnings),
    )


def _shortfall(need: JudgedNeed, rows: Mapping[str, str]) -> Shortfall:
    question = need.question.partition("[")[0].partition(":")[0]
    return Shortfall(need=need.id, says=need.says, meets=need.meets, row=rows.get(question, need.id))

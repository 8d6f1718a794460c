"""Whether a client runs on this endpoint: what its profile needs, against what the run found."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from conformance.catalog.profile import Profile
from conformance.runs.expectations import Seen, cell_verdict
from conformance.runs.log import CaseRow, Need, ReadinessRow, ReadinessVerdict, RuleRow
from conformance.words import OBSERVED, Level, Verdict

NEAR = 0.8
"""The share of a client's patience from which a silence is worth a warning."""


class Missing(Struct, frozen=True):
    """A row that the client needs and the endpoint does not have, with what that means for the user."""

    row: str
    level: Level
    consequence: str
    evidence: str
    verdict: Verdict


class Readiness(Struct, frozen=True, kw_only=True):
    """The answer to a profile's question."""

    profile: str
    verdict: ReadinessVerdict
    missing: list[Missing]
    unverified: list[str]
    timing: dict[str, float]
    warnings: list[str] = []


def readiness(
    name: str, profile: Profile, rows: Sequence[CaseRow | RuleRow], timing: Mapping[str, float]
) -> Readiness | None:
    """The readiness that a run's rows amount to; None where the run asked nothing that the profile must have."""
    cells = {row: _of_row(row, rows) for row in (*profile.must, *profile.should)}
    if not profile.must or not any(cells[row] for row in profile.must):
        return None
    wanted: list[tuple[Level, Mapping[str, str]]] = [("must", profile.must), ("should", profile.should)]
    missing = [
        Missing(row, level, consequence, _evidence(cells[row]), _verdict(cells[row]))
        for level, rows_of_level in wanted
        for row, consequence in rows_of_level.items()
        if _is_missing(cells[row])
    ]
    unverified = [row for row in profile.must if _verdict(cells[row]) not in (*OBSERVED, "not-applicable")]
    return Readiness(
        profile=name,
        verdict=_decide(missing, unverified),
        missing=missing,
        unverified=unverified,
        timing=dict(timing),
        warnings=_warnings(profile, timing),
    )


def _of_row(surface: str, rows: Iterable[CaseRow | RuleRow]) -> list[CaseRow | RuleRow]:
    return [row for row in rows if row.surface == surface or surface in _touched(row)]


def _touched(row: CaseRow | RuleRow) -> Sequence[str]:
    return row.touches if isinstance(row, CaseRow) else ()


def _verdict(cell: Sequence[CaseRow | RuleRow]) -> Verdict:
    return cell_verdict(
        Seen(id="", surface=row.surface, mode=None, level=row.level, verdict=row.verdict, accepted=_accepted(row))
        for row in cell
    )


def _accepted(row: CaseRow | RuleRow) -> bool:
    return isinstance(row, CaseRow) and row.accepted


def _is_missing(cell: Sequence[CaseRow | RuleRow]) -> bool:
    return _verdict(cell) in ("broken", "ignored", "refused")


def _evidence(cell: Sequence[CaseRow | RuleRow]) -> str:
    """The case or rule that shows it best: the first with the cell's verdict."""
    verdict = _verdict(cell)
    shown = next(row for row in cell if row.verdict == verdict)
    return shown.case if isinstance(shown, CaseRow) else shown.rule


def _decide(missing: Sequence[Missing], unverified: Sequence[str]) -> ReadinessVerdict:
    if any(one.level == "must" for one in missing):
        return "not ready"
    if unverified:
        return "not verified"
    return "ready with limits" if missing else "ready"


def _warnings(profile: Profile, timing: Mapping[str, float]) -> list[str]:
    if profile.patience is None:
        return []
    return [
        f"{name.replace('_', ' ')} {seconds:.0f} s: the client gives up after {profile.patience:.0f} s"
        for name, seconds in timing.items()
        if seconds >= NEAR * profile.patience
    ]


def row_of(answer: Readiness, profile: Profile) -> ReadinessRow:
    """The readiness as the log keeps it."""
    missing = [
        Need(
            id=one.row,
            level="blocks" if one.level == "must" else "degrades",
            verdict=one.verdict,
            says=one.consequence,
            meets=one.consequence,
            question=one.evidence,
        )
        for one in answer.missing
    ]
    unverified = [
        Need(id=row, level="blocks", verdict="inconclusive", says=profile.must[row]) for row in answer.unverified
    ]
    return ReadinessRow(
        profile=answer.profile,
        client=profile.title,
        verdict=answer.verdict,
        needs=[*missing, *unverified],
        timing=answer.timing,
        warnings=answer.warnings,
    )


def in_words(answer: Readiness, profile: Profile) -> str:
    """The readiness as a person reads it at the end of a run."""
    lines = [f"{profile.question} {answer.verdict.capitalize()}."]
    for one in answer.missing:
        lines.append(f"  {'MUST  ' if one.level == 'must' else 'SHOULD'} {one.row}: {one.consequence} [{one.evidence}]")
    if answer.unverified:
        lines.append(f"  not verified, as the model did not do its part: {', '.join(answer.unverified)}")
    lines += [f"  {name.replace('_', ' ')}: {seconds:.1f} s" for name, seconds in answer.timing.items()]
    return "\n".join([*lines, *(f"  warning: {warning}" for warning in answer.warnings)])

"""Readiness of a client for a run: the run's rows as needs see them, and the row that the log keeps."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from conformance.catalog.profile import Profile
from conformance.engine.lights import Lights, Waits, lights, warnings
from conformance.engine.lights import in_words as lights_in_words
from conformance.judge.finding import Finding
from conformance.judge.readiness import Broken, NeedVerdict, Seen, readiness_by_version
from conformance.judge.readiness import Readiness as Verdict
from conformance.judge.readiness import readiness as decide
from conformance.judge.rules import RULES
from conformance.judge.wording import FOR_MACHINES, place, shown, wanted
from conformance.keys import shortened
from conformance.runs.log import CaseRow, JudgedNeed, ReadinessRow, ReadinessVerdict, RuleRow, VersionReadiness

LONGEST = 120
"""Characters of a value that a sentence quotes."""
NAMED = 6
"""Needs that a sentence names of those that stand behind it."""


class ProfileReadiness(Struct, frozen=True, kw_only=True):
    """The answer to a profile's question."""

    profile: str
    client: str
    found: Verdict
    versions: Mapping[str, Verdict] = {}
    """What holds for other versions of the client."""
    lights: Lights = Lights()
    """What the run shows of this model and this machine."""
    warnings: list[str] = []

    @property
    def verdict(self) -> ReadinessVerdict:
        return self.found.verdict


def readiness(
    name: str, profile: Profile, rows: Sequence[CaseRow | RuleRow], waits: Waits, unasked: Sequence[str] = ()
) -> ProfileReadiness | None:
    """The readiness that a run's rows amount to; None where it did not ask all without which the client stops.

    `unasked`: needs that are newer than the run.
    """
    cases = [row for row in rows if isinstance(row, CaseRow)]
    seen = [_seen(row) for row in cases]
    found = decide(profile, RULES.keys(), seen)
    if found is None:
        return None
    shown = lights(profile, cases, waits)
    by_version = readiness_by_version(profile, RULES.keys(), seen)
    return ProfileReadiness(
        profile=name,
        client=str(profile.client or profile.title),
        found=found,
        versions=by_version,
        lights=shown,
        warnings=[*warnings(profile, shown), *_newer(unasked)],
    )


def _newer(unasked: Sequence[str]) -> list[str]:
    return [f"this run is older than what is asked today, and says nothing of: {', '.join(unasked)}"] if unasked else []


def _seen(row: CaseRow) -> Seen:
    """A row as needs see it: for whom the window of a server is too small, it is refused."""
    return Seen(
        case=row.case,
        mode=row.mode,
        verdict="refused" if row.unjudged == "too-long" else row.verdict,
        quote=_quote(row),
        exchange=row.findings[0].exchange if row.findings else row.exchanges[-1] if row.exchanges else "",
        unreadable=any(finding.id == "readable" for finding in row.findings),
        attempts=row.attempts,
        recovered=row.recovered,
        final=row.final,
        rules=tuple(_broken(row.marks)) + tuple(_broken(row.findings)),
    )


def _broken(findings: Iterable[Finding]) -> Iterable[Broken]:
    for finding in findings:
        if finding.id in RULES:
            says = f"{RULES[finding.id].law} {_compared(finding)}"
            yield Broken(finding.id, finding.key.rsplit(" ", 1)[-1], says, finding.exchange)


def _quote(row: CaseRow) -> str:
    """What was seen, in one sentence; empty where it is what was asked for."""
    if row.verdict in ("supported", "partial"):
        return ""
    if row.findings:
        return _compared(row.findings[0])
    return f"{row.reason[:1].upper()}{row.reason[1:]}." if row.reason else ""


def _compared(finding: Finding) -> str:
    effect, observed = finding.id.startswith("effect:"), _observed(finding.observed)
    if isinstance(finding.expected, dict) and finding.expected.keys() & FOR_MACHINES:
        return f"Observed {observed}."
    if effect and isinstance(finding.expected, bool) and not place(finding.at):
        return ""  # a calculation: the need itself says what does not hold
    return f"Expected {wanted(finding.expected, exact=effect, limit=LONGEST)}, observed {observed}."


def _observed(value: Any) -> str:
    """What was seen: a text on one line, as a person reads it; else as JSON."""
    if not isinstance(value, str) or not value.strip():
        return shown(value, limit=LONGEST)
    flat = " ".join(value.split())
    return f'"{shortened(flat, LONGEST)}"'


def row_of(answer: ProfileReadiness, _profile: Profile) -> ReadinessRow:
    """The readiness as the log keeps it."""
    return ReadinessRow(
        profile=answer.profile,
        client=answer.client,
        verdict=answer.verdict,
        needs=[_need(one) for one in answer.found.needs],
        versions=[_version(client, found) for client, found in answer.versions.items()],
        calls=answer.lights.calls,
        timing=dict(answer.lights.timing),
        warnings=answer.warnings,
    )


def _need(one: NeedVerdict) -> JudgedNeed:
    return JudgedNeed(
        id=one.need.id,
        level=one.need.level,
        verdict=one.outcome.verdict,
        state=one.state,
        says=one.need.says,
        meets=one.meets,
        question=one.outcome.question,
        exchange=one.outcome.exchange,
        behind=one.outcome.behind,
    )


def _version(client: str, found: Verdict) -> VersionReadiness:
    unmet = [*found.missing("blocks"), *found.missing("degrades"), *found.unverified]
    unmet = [one for one in unmet if not one.outcome.behind]
    first = unmet[0] if unmet else None
    return VersionReadiness(
        client=client,
        verdict=found.verdict,
        needs=[one.need.id for one in unmet],
        meets=first.meets if first else "",
        question=first.outcome.question if first else "",
        exchange=first.outcome.exchange if first else "",
    )


def _sentences(needs: Sequence[NeedVerdict], behind: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The needs, each with its evidence and with those that the very same words answer."""
    for one in needs:
        if one.outcome.behind:
            continue
        more = behind.get(one.need.id, ())
        others = f" The same words answer {len(more)} more: {_some(more)}." if more else ""
        yield f"{one.need.says} {one.meets} [{one.outcome.question}]{others}"


def _some(names: Sequence[str]) -> str:
    """Names that are read at a glance: where all are refused, the many say no more than the first."""
    rest = len(names) - NAMED
    return ", ".join(names) if rest <= 1 else f"{', '.join(names[:NAMED])} and {rest} others"


def _behind(found: Verdict) -> dict[str, list[str]]:
    """Need to those that stand behind it."""
    behind: dict[str, list[str]] = {}
    for one in found.needs:
        if one.outcome.behind:
            behind.setdefault(one.outcome.behind, []).append(one.need.id)
    return behind


def _in_short(found: Verdict) -> str:
    """The answer for another version, with the ids of what stops it, or else of what it goes without."""
    level = "blocks" if found.verdict == "not ready" else "degrades"
    unmet = found.unverified if found.verdict == "not verified" else found.missing(level)
    return f"{found.verdict}{': ' if unmet else ''}{', '.join(one.need.id for one in unmet)}"


def in_words(answer: ProfileReadiness, profile: Profile) -> str:
    """The readiness as a person reads it at the end of a run."""
    asked_as = f" (as {answer.client} asks)" if profile.client else ""
    lines = [f"{profile.question} {answer.verdict.capitalize()}{asked_as}."]
    behind = _behind(answer.found)
    for heading, found in (
        ("blocked", answer.found.missing("blocks")),
        ("limited", answer.found.missing("degrades")),
        ("not verified", answer.found.unverified),
    ):
        lines += [f"  {heading}: {line}" for line in _sentences(found, behind)]
    lines += [f"  {client}: {_in_short(found)}" for client, found in answer.versions.items()]
    lines += [f"  {line}" for line in lights_in_words(profile, answer.lights)]
    return "\n".join([*lines, *(f"  warning: {warning}" for warning in answer.warnings)])

"""Whether a client runs on this endpoint: a run's rows as readiness sees them, and its answer as a log keeps it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from conformance.catalog.profile import Profile
from conformance.judge.finding import ABSENT, Finding
from conformance.judge.readiness import Broken, NeedVerdict, Seen
from conformance.judge.readiness import Readiness as Verdict
from conformance.judge.readiness import readiness as decide
from conformance.judge.rules import RULES
from conformance.runs.log import CaseRow, Need, ReadinessRow, ReadinessVerdict, RuleRow

NEAR = 0.8
"""The share of a client's patience from which a silence is worth a warning."""
MACHINE_WORDS = {"matches", "valid_under"}
"""Matchers whose argument says nothing to a person."""
LONGEST = 120
"""Characters of a value that a sentence quotes."""


class Readiness(Struct, frozen=True, kw_only=True):
    """The answer to a profile's question."""

    profile: str
    client: str
    found: Verdict
    timing: Mapping[str, float]
    warnings: list[str] = []

    @property
    def verdict(self) -> ReadinessVerdict:
        return self.found.verdict


def readiness(
    name: str, profile: Profile, rows: Sequence[CaseRow | RuleRow], timing: Mapping[str, float]
) -> Readiness | None:
    """The readiness that a run's rows amount to; None where it did not ask all without which the client stops."""
    found = decide(profile, RULES.keys(), (_seen(row) for row in rows if isinstance(row, CaseRow)))
    if found is None:
        return None
    return Readiness(
        profile=name,
        client=str(profile.client or profile.title),
        found=found,
        timing=dict(timing),
        warnings=_warnings(profile, timing),
    )


def _seen(row: CaseRow) -> Seen:
    return Seen(
        case=row.case,
        mode=row.mode,
        verdict=row.verdict,
        quote=_quote(row),
        exchange=row.findings[0].exchange if row.findings else row.exchanges[-1] if row.exchanges else "",
        unreadable=any(finding.id == "readable" for finding in row.findings),
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
    if isinstance(finding.expected, dict) and finding.expected.keys() & MACHINE_WORDS:
        return f"Observed {_told(finding.observed)}."
    return f"Expected {_told(finding.expected)}, observed {_told(finding.observed)}."


def _told(value: Any) -> str:
    if value == ABSENT:
        return "nothing"
    if isinstance(value, dict) and len(value) == 1:
        matcher, argument = next(iter(value.items()))
        return f"{matcher} {_cut(argument)}"
    return _cut(value)


def _cut(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    flat = " ".join(text.split())
    return f'"{flat}"' if len(flat) <= LONGEST else f'"{flat[: LONGEST - 1]}…"'


def _warnings(profile: Profile, timing: Mapping[str, float]) -> list[str]:
    if profile.patience is None:
        return []
    return [
        f"{name.replace('_', ' ')} {seconds:.0f} s: the client gives up after {profile.patience:.0f} s"
        for name, seconds in timing.items()
        if seconds >= NEAR * profile.patience
    ]


def row_of(answer: Readiness, _profile: Profile) -> ReadinessRow:
    """The readiness as the log keeps it."""
    return ReadinessRow(
        profile=answer.profile,
        client=answer.client,
        verdict=answer.verdict,
        needs=[_need(one) for one in answer.found.needs],
        timing=dict(answer.timing),
        warnings=answer.warnings,
    )


def _need(one: NeedVerdict) -> Need:
    return Need(
        id=one.need.id,
        level=one.need.level,
        verdict=one.outcome.verdict,
        says=one.need.says,
        meets=one.meets,
        question=one.outcome.question,
        exchange=one.outcome.exchange,
    )


def _told_once(needs: Sequence[NeedVerdict]) -> Iterator[str]:
    """The needs, each with its evidence; those that failed with the very same words are told with the first of them."""
    by_quote: dict[str, list[NeedVerdict]] = {}
    for one in needs:
        by_quote.setdefault(one.outcome.quote or one.need.id, []).append(one)
    for first, *more in by_quote.values():
        others = f" The same words answer {len(more)} more: {', '.join(one.need.id for one in more)}." if more else ""
        yield f"{first.need.says} {first.meets} [{first.outcome.question}]{others}"


def in_words(answer: Readiness, profile: Profile) -> str:
    """The readiness as a person reads it at the end of a run."""
    asked_as = f" (as {answer.client} asks)" if profile.client else ""
    lines = [f"{profile.question} {answer.verdict.capitalize()}{asked_as}."]
    for heading, found in (
        ("blocked", answer.found.missing("blocks")),
        ("limited", answer.found.missing("degrades")),
        ("not verified", answer.found.unverified),
    ):
        lines += [f"  {heading}: {line}" for line in _told_once(found)]
    lines += [f"  {name.replace('_', ' ')}: {seconds:.1f} s" for name, seconds in answer.timing.items()]
    return "\n".join([*lines, *(f"  warning: {warning}" for warning in answer.warnings)])

"""Expectations: how the verdicts of a run relate to the API's promise, a target's gaps, or an earlier run.

All of it is pure: rows in, statuses out.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol, Self

import msgspec
from msgspec import Struct
from packaging.version import Version

from conformance.errors import ExitCode
from conformance.runs.log import RunLog
from conformance.targets.target import Dispute, Gap, Target
from conformance.words import OBSERVED, UNVERIFIED, Level, Mode, ReadinessVerdict, Status, Tier, Verdict, worst


class RowResult(Struct, frozen=True, kw_only=True):
    """A verdict in search of its status: of a case in a mode, or of a rule."""

    id: str
    surface: str
    mode: Mode | None
    """None for a rule, which speaks for both."""
    level: Level
    verdict: Verdict
    keys: frozenset[str] = frozenset()
    attempts: int = 1
    """How often it was asked."""
    accepted: bool = False
    """Whether a readable 200 was all that was asked, of a row whose effect can be seen."""


class RowTraits(Struct, frozen=True):
    """The traits of a row in the surface that decide how much is expected of it."""

    tier: Tier
    observable: bool = True
    needed: bool = False
    """Whether a client of the level basic or agent cannot do without the row."""


class RowStatus(Struct, frozen=True):
    """A status, and by which expectation it came about."""

    status: Status
    expected_by: str = ""


def promised(tier: Tier, level: Level, verdict: Verdict, *, needed: bool = False) -> bool:
    """Whether a verdict keeps the API's promise, where nobody said otherwise.

    `needed`: a client of the level basic or agent cannot do without the row, so that even an honest refusal breaks it.
    """
    match verdict:
        case "broken":
            return False
        case "ignored":
            return level != "must"
        case "refused":
            return (tier != "core" and not needed) or level != "must"
        case "error":
            return False
        case _:
            return True


def _rank(verdict: Verdict) -> int:
    return OBSERVED.index(verdict)


def _grounds(gap: Gap) -> str:
    if gap.source is not None:
        return f"{gap.source.says} ({gap.source.url})"
    return " ".join(part for part in (gap.why, gap.issue) if part)


def against_gap(seen: RowResult, cell: Verdict, gap: Gap, place: RowTraits, *, documented: bool) -> RowStatus:
    """The status of a verdict that a target's file has an entry for; `cell` is the verdict that the entry is about."""
    met: Status = "documented-gap" if documented else "known-gap"
    grounds = _grounds(gap)
    if seen.verdict == "error":
        return RowStatus("new")
    if seen.verdict not in OBSERVED or cell not in OBSERVED:
        return RowStatus("as-expected")
    if not place.observable and cell in ("supported", "partial"):
        return RowStatus(met, grounds)  # its absence cannot be seen, so the entry can never be shown to be stale
    expected = [_rank(verdict) for verdict in OBSERVED if verdict in gap.verdict]
    if expected and _rank(cell) > max(expected):
        if seen.attempts < gap.tries:
            return RowStatus("as-expected", grounds)
        return RowStatus("improvement", f"no longer true: {grounds}")
    if promised(place.tier, seen.level, seen.verdict, needed=place.needed) and seen.verdict not in gap.verdict:
        return RowStatus("as-expected")
    if expected and _rank(seen.verdict) < min(expected):
        return RowStatus("regression", grounds)
    if gap.keys and not seen.keys <= frozenset(gap.keys):
        return RowStatus(
            "regression", f"another finding than the known ones: {', '.join(sorted(seen.keys - set(gap.keys)))}"
        )
    return RowStatus(met, grounds)


def against_promise(seen: RowResult, place: RowTraits) -> RowStatus:
    """The status of a verdict for which nobody wrote an entry."""
    return RowStatus("as-expected" if promised(place.tier, seen.level, seen.verdict, needed=place.needed) else "new")


class Expectations(Struct, frozen=True):
    """The expectations of one target: documented gaps, known gaps, disputes."""

    documented: tuple[Gap, ...] = ()
    known: tuple[Gap, ...] = ()
    disputed: tuple[Dispute, ...] = ()
    suite: str = ""
    """The version of the suite that they are written for; empty: every one."""

    @classmethod
    def of(cls, target: Target) -> Self:
        """The expectations of a target's file: its gaps, and the disputes of its makers."""
        return cls(documented=target.documented, known=target.known, disputed=target.disputed, suite=target.suite)

    @property
    def sha256(self) -> str:
        """The hash by which two runs are known to have had the same expectations."""
        entries: list[object] = [self.documented, self.known]
        entries += [part for part in (self.disputed, self.suite) if part]
        return hashlib.sha256(msgspec.json.encode(entries)).hexdigest()

    def predates(self, added: str) -> bool:
        """Whether a question that a version of the suite added is newer than the pin."""
        return bool(added and self.suite) and Version(added) > Version(self.suite)

    def challenge(self, seen: RowResult) -> RowStatus | None:
        """The standing of a verdict that the makers of the server challenge, with both texts; None of another."""
        for one in self.disputed:
            named = one.surface == seen.surface or seen.id == (one.rule if seen.mode is None else one.case)
            in_mode = seen.mode is None or not one.modes or seen.mode in one.modes
            if named and in_mode and seen.verdict in one.verdict:
                both = f"The makers: {one.says} (exchange {one.evidence}). The suite: {one.answer}"
                return RowStatus("disputed", both)
        return None

    def gap_for(self, seen: RowResult) -> tuple[Gap, bool] | None:
        """The entry that is about this verdict, case or rule before surface, and whether it is documented."""
        candidates = [(gap, True) for gap in self.documented] + [(gap, False) for gap in self.known]
        named = [pair for pair in candidates if seen.id == (pair[0].rule if seen.mode is None else pair[0].case)]
        by_row = [pair for pair in candidates if pair[0].surface == seen.surface]
        for gap, documented in (*named, *by_row):
            if seen.mode is None or not gap.modes or seen.mode in gap.modes:
                return gap, documented
        return None

    def expects(self, profile: str, verdict: ReadinessVerdict) -> bool:
        """Whether an entry says that the client of a profile finds this endpoint so."""
        gaps = (*self.documented, *self.known)
        return any(gap.profile == profile and verdict in gap.verdict for gap in gaps)

    def standing(self, seen: RowResult, siblings: Iterable[RowResult], place: RowTraits) -> RowStatus:
        """The status of a verdict; `siblings` are all verdicts of its row, itself included."""
        found = self.gap_for(seen)
        if found is None:
            return against_promise(seen, place)
        gap, documented = found
        undisputed = (one for one in siblings if self.challenge(one) is None)
        cell = seen.verdict if gap.surface is None else cell_verdict(undisputed) or "not-run"
        return against_gap(seen, cell, gap, place, documented=documented)


class Counted(Protocol):
    """The part of a verdict that a cell counts: of a row of the log, or of one that has no status yet."""

    @property
    def level(self) -> Level: ...
    @property
    def verdict(self) -> Verdict: ...
    @property
    def accepted(self) -> bool: ...


def cell_verdict(row: Iterable[Counted]) -> Verdict | None:
    """The verdict of a cell of the matrix: the worst of its must and should verdicts; None where there are none.

    That a request was accepted does not show an effect: where nothing else was observed, the cell is inconclusive.
    """
    weighty = [seen for seen in row if seen.level != "may"]
    verdicts = {seen.verdict for seen in weighty if not (seen.accepted and seen.verdict == "supported")}
    return worst(verdicts) if verdicts else "inconclusive" if weighty else None


def against_baseline(seen: RowResult, before: RowResult | None, place: RowTraits) -> RowStatus:
    """The status of a verdict where an earlier run is the expectation of every row."""
    if before is None:
        return against_promise(seen, place)
    if seen.verdict == "error":
        return RowStatus("new")
    if seen.verdict not in OBSERVED or before.verdict not in OBSERVED:
        return RowStatus("as-expected")
    grounds = f"was {before.verdict} in the baseline"
    if _rank(seen.verdict) < _rank(before.verdict):
        return RowStatus("regression", grounds)
    if _rank(seen.verdict) > _rank(before.verdict):
        return RowStatus("improvement", grounds)
    if fresh := seen.keys - before.keys:
        return RowStatus("regression", f"new findings: {', '.join(sorted(fresh))}")
    return RowStatus("as-expected")


def seen_in(log: RunLog) -> dict[tuple[str, Mode | None], RowResult]:
    """The verdicts of an earlier run by case and mode, or by rule."""
    cases: dict[tuple[str, Mode | None], RowResult] = {
        (row.case, row.mode): RowResult(
            id=row.case,
            surface=row.surface,
            mode=row.mode,
            level=row.level,
            verdict=row.verdict,
            keys=frozenset(finding.key for finding in row.findings),
        )
        for row in log.cases
    }
    rules: dict[tuple[str, Mode | None], RowResult] = {
        (row.rule, None): RowResult(
            id=row.rule,
            surface=row.surface,
            mode=None,
            level=row.level,
            verdict=row.verdict,
            keys=frozenset(finding.key for finding in row.findings),
        )
        for row in log.rules
    }
    return cases | rules


def exit_code(
    statuses: Sequence[Status], verdicts: Sequence[Verdict], *, strict: bool, allow_improvements: bool
) -> ExitCode:
    """The exit code of a finished run; our own fault comes before what was found, and that before what was not."""
    if "error" in verdicts:
        return ExitCode.OUR_FAULT
    unexpected = {"regression", "new"} | (set() if allow_improvements else {"improvement"})
    if unexpected & set(statuses):
        return ExitCode.UNEXPECTED
    if strict and set(UNVERIFIED) & set(verdicts):
        return ExitCode.NOT_VERIFIED
    return ExitCode.AS_EXPECTED

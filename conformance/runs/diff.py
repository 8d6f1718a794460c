"""The differences between two runs, row by row and finding by finding, never by totals."""

from typing import Literal

from msgspec import Struct

from conformance.runs.expectations import RowResult, seen_in
from conformance.runs.log import CauseRow, RunLog
from conformance.words import OBSERVED, Mode, Verdict

Change = Literal[
    "regression",
    "improvement",
    "findings changed",
    "question changed",
    "disputed",
    "verified",
    "unverified",
    "new",
    "gone",
]
"""`verified`: not observed before, observed now; `unverified`: the other way round; `disputed`: not compared."""

ORDER: tuple[Change, ...] = (
    "regression", "findings changed", "improvement", "unverified", "verified", "disputed", "question changed", "new",
    "gone",
)  # fmt: skip


class Difference(Struct, frozen=True, kw_only=True):
    """One row that differs."""

    id: str
    mode: Mode | None
    surface: str
    change: Change
    old: Verdict | None
    new: Verdict | None
    appeared: list[str] = []
    """Finding keys that only the new run has."""
    vanished: list[str] = []

    @property
    def worse(self) -> bool:
        """Whether this difference makes a comparison fail: a worse verdict, or findings that were not there."""
        return self.change == "regression" or bool(self.change == "findings changed" and self.appeared)


def diff(old: RunLog, new: RunLog) -> list[Difference]:
    """Every row that differs, the worst first; rows whose question changed are shown and not compared."""
    renamed = {name: case.id for case in new.catalog.cases for name in case.renamed_from}
    before = {(renamed.get(name, name), mode): seen for (name, mode), seen in seen_in(old).items()}
    after = seen_in(new)
    same = _same_questions(old, new, renamed)
    disputed = _disputed(new)
    differences = [
        difference
        for key in {**before, **after}
        if (difference := _difference(key, before.get(key), after.get(key), same, disputed)) is not None
    ]
    return sorted(differences, key=lambda one: (ORDER.index(one.change), one.surface, one.id, one.mode or ""))


Key = tuple[str, Mode | None]
"""A case and its mode, or a rule."""


def _same_questions(old: RunLog, new: RunLog, renamed: dict[str, str]) -> frozenset[Key]:
    """The cases that asked the same in both runs, and all rules of either."""
    before = {(renamed.get(row.case, row.case), row.mode): row.case_sha256 for row in old.cases}
    rules = {(row.rule, None) for row in (*old.rules, *new.rules)}
    return frozenset(
        {(row.case, row.mode) for row in new.cases if before.get((row.case, row.mode)) == row.case_sha256} | rules
    )


def _disputed(log: RunLog) -> frozenset[Key]:
    """What the makers of the server challenge: it counts nowhere."""
    cases = {(row.case, row.mode) for row in log.cases if row.status == "disputed"}
    return frozenset(cases | {(row.rule, None) for row in log.rules if row.status == "disputed"})


def _difference(
    key: Key, old: RowResult | None, new: RowResult | None, same: frozenset[Key], disputed: frozenset[Key]
) -> Difference | None:
    change = _change(key, old, new, same)
    if change is None:
        return None
    either = new or old
    assert either is not None
    keys = (old.keys if old else frozenset(), new.keys if new else frozenset())
    return Difference(
        id=key[0],
        mode=key[1],
        surface=either.surface,
        change="disputed" if key in disputed else change,
        old=old.verdict if old else None,
        new=new.verdict if new else None,
        appeared=sorted(keys[1] - keys[0]),
        vanished=sorted(keys[0] - keys[1]),
    )


def _change(key: Key, old: RowResult | None, new: RowResult | None, same: frozenset[Key]) -> Change | None:
    if old is None or new is None:
        return "new" if old is None else "gone"
    if key not in same:
        return "question changed"
    was, now = old.verdict in OBSERVED, new.verdict in OBSERVED
    if was and now:
        return _observed_change(old, new)
    if was == now:
        return None
    return "unverified" if was else "verified"


def _observed_change(old: RowResult, new: RowResult) -> Change | None:
    before, after = OBSERVED.index(old.verdict), OBSERVED.index(new.verdict)
    if after != before:
        return "regression" if after < before else "improvement"
    return "findings changed" if old.keys != new.keys else None


class CauseChanges(Struct, frozen=True):
    """The causes that only one of two runs names, worst first."""

    appeared: list[CauseRow]
    vanished: list[CauseRow]


def cause_changes(old: RunLog, new: RunLog) -> CauseChanges:
    """The causes that appeared and vanished between two runs; where the older log has none, nothing appears."""
    if not old.causes or not new.causes:
        return CauseChanges(list(new.causes) if _judged_alike(old, new) else [], [])
    before, after = {cause.id for cause in old.causes}, {cause.id for cause in new.causes}
    return CauseChanges(
        [cause for cause in new.causes if cause.id not in before],
        [cause for cause in old.causes if cause.id not in after],
    )


def _judged_alike(old: RunLog, new: RunLog) -> bool:
    """Whether a run without causes is one in which nothing was wrong."""
    return bool(new.causes) and not any(row.verdict in ("broken", "ignored", "refused", "partial") for row in old.cases)

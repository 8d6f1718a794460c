"""The differences between two runs, row by row and finding by finding, never by totals."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal

from msgspec import Struct

from conformance.doors import from_json
from conformance.runs.evidence import exchange_of
from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.expectations import RowResult, seen_in
from conformance.runs.log import CaseRow, CauseRow, ReadinessRow, RunLog
from conformance.words import OBSERVED, Mode, ReadinessVerdict, Verdict

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
    renamed = _renamed(new)
    before = {(renamed.get(name, name), mode): seen for (name, mode), seen in seen_in(old).items()}
    after = seen_in(new)
    same = _same_questions(old, new, renamed)
    elsewhere = _seen_elsewhere(old, same, renamed) | _seen_elsewhere(new, same, renamed)
    disputed = _disputed(new)
    differences = [
        difference
        for key in {**before, **after}
        if (difference := _difference(key, before.get(key), after.get(key), same, elsewhere, disputed)) is not None
    ]
    return sorted(differences, key=lambda one: (ORDER.index(one.change), one.surface, one.id, one.mode or ""))


Key = tuple[str, Mode | None]
"""A case and its mode, or a rule."""


def _renamed(new: RunLog) -> dict[str, str]:
    """The older ids of cases, to the newer ones."""
    return {name: case.id for case in new.catalog.cases for name in case.renamed_from}


def _same_questions(old: RunLog, new: RunLog, renamed: dict[str, str]) -> frozenset[Key]:
    """The cases that asked the same in both runs, and all rules of either."""
    before = {(renamed.get(row.case, row.case), row.mode): row.case_sha256 for row in old.cases}
    rules = {(row.rule, None) for row in (*old.rules, *new.rules)}
    return frozenset(
        {(row.case, row.mode) for row in new.cases if before.get((row.case, row.mode)) == row.case_sha256} | rules
    )


def _seen_elsewhere(log: RunLog, same: frozenset[Key], renamed: Mapping[str, str]) -> frozenset[str]:
    """The findings of rules in answers to questions alone that one run alone asked: they tell nothing of a change."""
    here: set[str] = set()
    there: set[str] = set()
    for row in log.cases:
        compared = (renamed.get(row.case, row.case), row.mode) in same
        (here if compared else there).update(mark.key for mark in row.marks)
    return frozenset(there - here)


def _disputed(log: RunLog) -> frozenset[Key]:
    """What the makers of the server challenge: it counts nowhere."""
    cases = {(row.case, row.mode) for row in log.cases if row.status == "disputed"}
    return frozenset(cases | {(row.rule, None) for row in log.rules if row.status == "disputed"})


def _difference(
    key: Key,
    old: RowResult | None,
    new: RowResult | None,
    same: frozenset[Key],
    elsewhere: frozenset[str],
    disputed: frozenset[Key],
) -> Difference | None:
    change = _change(key, old, new, same, elsewhere)
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


def _change(
    key: Key, old: RowResult | None, new: RowResult | None, same: frozenset[Key], elsewhere: frozenset[str]
) -> Change | None:
    if old is None or new is None:
        return "new" if old is None else "gone"
    differing = old.keys ^ new.keys
    if key not in same or (key[1] is None and differing and differing <= elsewhere):
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
    """The causes that appeared and vanished between two runs; where the older log has none, nothing appears.

    A cause of which one run asked nothing was not there or gone: nobody knows.
    """
    if not old.causes or not new.causes:
        return CauseChanges(list(new.causes) if _judged_alike(old, new) else [], [])
    renamed = _renamed(new)
    same = _same_questions(old, new, renamed)
    return CauseChanges(_causes_but_for(old, new, same, renamed), _causes_but_for(new, old, same, renamed))


def _causes_but_for(other: RunLog, log: RunLog, same: frozenset[Key], renamed: Mapping[str, str]) -> list[CauseRow]:
    """The causes that one run names and the other does not, of what both asked."""
    known = {cause.id for cause in other.causes}
    elsewhere = _seen_elsewhere(log, same, renamed)
    broken = {row.rule for row in log.rules if {finding.key for finding in row.findings} - elsewhere}

    def is_compared(row: str) -> bool:
        case, _, mode = row.removesuffix("]").rpartition("[")
        return row in broken or (renamed.get(case, case), mode) in same

    return [cause for cause in log.causes if cause.id not in known and any(map(is_compared, cause.rows))]


def _judged_alike(old: RunLog, new: RunLog) -> bool:
    """Whether a run without causes is one in which nothing was wrong."""
    return bool(new.causes) and not any(row.verdict in ("broken", "ignored", "refused", "partial") for row in old.cases)


class ReadinessChange(Struct, frozen=True, kw_only=True):
    """A client for which two runs have different answers."""

    client: str
    """Its name, with its version where the newer run knows it."""
    old: ReadinessVerdict
    new: ReadinessVerdict
    because: str = ""
    """The first need that is missing now and was not."""


def readiness_changes(old: RunLog, new: RunLog) -> list[ReadinessChange]:
    """The clients that both runs were asked about, and for which the answer is another now."""
    before = {row.profile: row for row in old.readiness}
    return [
        ReadinessChange(
            client=after.client or after.profile,
            old=before[after.profile].verdict,
            new=after.verdict,
            because=next(iter(_missing(after, but_for=_missing(before[after.profile]))), ""),
        )
        for after in new.readiness
        if after.profile in before and before[after.profile].verdict != after.verdict
    ]


def _missing(row: ReadinessRow, but_for: Sequence[str] = ()) -> list[str]:
    return [need.says for need in row.needs if need.found == "missing" and need.says not in but_for]


NOTICED = 1.3
"""How many times slower or faster a server is when it is said."""
REPEATS = 5
"""Questions that show it, at least."""
LOOKED_AT = 60
"""Questions whose evidence is read, at most."""
FELT = 0.05
"""Seconds below which a difference is a busy machine's as well as the server's."""
EVENTS = 20
"""Events of a stream from which on their pace can be told."""


Timing = Literal["to the first event", "from the first event to the last"]


class SpeedChange(Struct, frozen=True, kw_only=True):
    """A server that has become slower or faster, over questions that both runs asked: a note, no verdict."""

    what: Timing
    old: float
    """Seconds, the median over the questions; so is `new`."""
    new: float
    times: float
    """The median of how many times longer each question took."""
    over: int
    """How many questions."""


def speed_changes(old: RunLog, new: RunLog) -> list[SpeedChange]:
    """How much slower or faster the server has become, where both runs have evidence of enough equal questions."""
    pairs = list(islice(_timed_pairs(old, new, _times), LOOKED_AT))
    firsts = [(before[0], after[0]) for before, after in pairs]
    paces = [(before[1], after[1]) for before, after in pairs if before[1] and after[1]]
    found = (_speed_change("to the first event", firsts), _speed_change("from the first event to the last", paces))
    return [change for change in found if change is not None]


def _speed_change(what: Timing, pairs: list[tuple[float, float]]) -> SpeedChange | None:
    if len(pairs) < REPEATS:
        return None
    times = statistics.median(after / before for before, after in pairs if before > 0)
    old, new = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
    if 1 / NOTICED < times < NOTICED or abs(new - old) < FELT:
        return None
    return SpeedChange(what=what, old=old, new=new, times=times, over=len(pairs))


class SecondTurnChange(Struct, frozen=True, kw_only=True):
    """What a server waits before a second turn whose request begins as the first did: how much of it is kept."""

    old: float
    """The share of the first turn's wait, the median over the questions; so is `new`."""
    new: float
    over: int
    """How many questions."""


def second_turn_change(old: RunLog, new: RunLog) -> SecondTurnChange | None:
    """How much more or less of a beginning is read again, where both runs have evidence of enough equal questions."""
    pairs = list(islice(_timed_pairs(old, new, _turns), LOOKED_AT))
    if len(pairs) < REPEATS:
        return None
    before, after = (statistics.median(second / first for first, second in turns) for turns in zip(*pairs, strict=True))
    felt = statistics.median(first for _, (first, _) in pairs) * abs(after - before)
    if 1 / NOTICED < after / before < NOTICED or felt < FELT:
        return None
    return SecondTurnChange(old=before, new=after, over=len(pairs))


Times = Callable[[EvidenceStore, CaseRow], tuple[float, float] | None]


def _timed_pairs(old: RunLog, new: RunLog, times: Times) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Two times of each question that both runs asked, the longest answers first."""
    stores = EvidenceStore(old.folder), EvidenceStore(new.folder)
    before = {(row.case, row.mode): row for row in old.cases}
    rows = [
        (before[row.case, row.mode], row)
        for row in new.cases
        if (row.case, row.mode) in before and row.case_sha256 == before[row.case, row.mode].case_sha256
    ]
    for pair in sorted(rows, key=lambda pair: -pair[1].seconds):
        first, second = (times(store, row) for row, store in zip(pair, stores, strict=True))
        if first is not None and second is not None:
            yield first, second


def _times(store: EvidenceStore, row: CaseRow) -> tuple[float, float] | None:
    """Seconds to the first event of a stream, and from there to its last, 0 where these are few; None of no stream."""
    if row.mode != "stream" or not row.exchanges or row.exchanges[-1] not in store:
        return None
    exchange = exchange_of(store.read(row.exchanges[-1]))
    frames = exchange.frames if exchange.status == 200 and exchange.outcome == "complete" else ()
    if not frames or frames[0].name is None or frames[0].at <= 0:
        return None
    first = exchange.earliest(frames[0].at)
    return first, exchange.earliest(frames[-1].at) - first if len(frames) >= EVENTS else 0.0


def _turns(store: EvidenceStore, row: CaseRow) -> tuple[float, float] | None:
    """Seconds to the first byte of a turn, and of the next, whose request begins like it; None of other questions."""
    if len(row.exchanges) < 2 or not all(name in store for name in row.exchanges[-2:]):
        return None
    turns = [exchange_of(store.read(name)) for name in row.exchanges[-2:]]
    if not all(turn.status == 200 and turn.outcome == "complete" and turn.first_byte for turn in turns):
        return None
    first, second = (from_json(turn.request.body) for turn in turns)
    if not isinstance(first, dict) or not isinstance(second, dict):
        return None
    begins, goes_on = first.get("messages"), second.get("messages")
    if not isinstance(begins, list) or not isinstance(goes_on, list) or len(begins) >= len(goes_on):
        return None
    same = all(first.get(key) == second.get(key) for key in ("system", "tools"))
    if not same or goes_on[: len(begins)] != begins:
        return None
    first_turn, second_turn = (turn.earliest(turn.first_byte or 0.0) for turn in turns)
    if not first_turn or not second_turn:  # the suite itself was held up from the request on
        return None
    return first_turn, second_turn

"""Levels of conformance: basic, agent or full, and the rows that keep a run from the next."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from conformance.runs.expectations import promised
from conformance.runs.log import CaseRow, RowInfo, RuleRow
from conformance.words import CONFORMANCE_LEVELS, OBSERVED, UNVERIFIED, ConformanceLevel, Verdict

NOT_VERIFIED: frozenset[Verdict] = frozenset({"error", *UNVERIFIED})
"""Asked or owed, and no answer that says anything about the endpoint."""

NAMED = 3
"""Rows that a sentence names before it counts."""


class LevelRow(Struct, frozen=True):
    """The result of one row."""

    verdict: Verdict | None
    judged: tuple[CaseRow | RuleRow, ...]


class Level(Struct, frozen=True, kw_only=True):
    """The level that a run reached."""

    reached: ConformanceLevel | None
    next: ConformanceLevel | None
    """None where nothing is left to reach."""
    broken: tuple[str, ...] = ()
    """Rows that keep it from the next level since something is wrong in them."""
    unproven: tuple[str, ...] = ()
    """Rows that keep it from the next level since nothing was verified of them."""
    unasked: tuple[str, ...] = ()
    """Rows of the next level that were not asked at all, but for those that only a thorough run asks."""

    @property
    def untold(self) -> bool:
        """Whether nothing speaks against the first level, but not all its rows were asked, as by `--profile quick`."""
        return self.reached is None and bool(self.unasked) and not self.broken and not self.unproven

    @property
    def short(self) -> int:
        """The number of rows that keep it from the next level."""
        return len(self.broken) + len(self.unproven) + len(self.unasked)


def level_of(rows: Mapping[str, RowInfo], found: Mapping[str, LevelRow]) -> Level:
    """The highest level whose rows, and those of the levels below it, all hold."""
    reached: ConformanceLevel | None = None
    for level, names in _rows_of_levels(rows):
        broken = tuple(name for name in names if name in found and breaks(rows[name], found[name].judged))
        unproven = tuple(
            name
            for name in names
            if name in found and name not in broken and found[name].verdict in NOT_VERIFIED and not _idle(found[name])
        )
        unasked = tuple(name for name in names if name not in found and not rows[name].thorough)
        if broken or unproven or unasked:
            return Level(reached=reached, next=level, broken=broken, unproven=unproven, unasked=unasked)
        reached = level
    return Level(reached=reached, next=None)


def _idle(found: LevelRow) -> bool:
    """Whether a row holds laws alone, about what no answer of the run had: an endpoint that never fails breaks none."""
    asked = [row for row in found.judged if row.verdict != "not-applicable"]
    return bool(asked) and all(
        isinstance(row, RuleRow) and row.verdict == "inconclusive" and not row.seen for row in asked
    )


def _rows_of_levels(rows: Mapping[str, RowInfo]) -> Iterator[tuple[ConformanceLevel, list[str]]]:
    """Each level that has rows, with those of the levels below it; what a black box cannot ask is in none."""
    asked = [row for row in rows.values() if row.unasked is None]
    for number, level in enumerate(CONFORMANCE_LEVELS):
        within = CONFORMANCE_LEVELS[: number + 1]
        names = [row.id for row in asked if _level(row) in within]
        if any(_level(row) == level for row in asked):
            yield level, names


def _level(row: RowInfo) -> ConformanceLevel | None:
    """The level that needs a row: of logs that do not say, every core row is of the highest; what may be is of none."""
    if row.weight == "may":
        return None
    return row.level or ("full" if row.tier == "core" else None)


def breaks(row: RowInfo, found: Iterable[CaseRow | RuleRow]) -> bool:
    """Whether a case or rule of a row is worse than the API promises at its own level, when no gap is documented.

    What turns the exit code red without an expectation breaks the promise, and nothing else does.
    """
    return any(
        judged.verdict in OBSERVED
        and judged.status != "disputed"
        and not promised(row.tier, judged.level, judged.verdict, needed=row.level in ("basic", "agent"))
        for judged in found
    )


def in_words(level: Level) -> str:
    """One sentence: the level, and what is short of the next."""
    if level.untold:
        left = _number(len(level.unasked))
        return f"No level is stated: {left} of {level.next} not asked, and none that was is wrong."
    reached = f"Level {level.reached}" if level.reached else "No level reached"
    if level.next is None:
        return f"{reached}: conformant." if level.reached == "full" else f"{reached}."
    names = [*level.broken, *level.unproven, *level.unasked]
    what = [
        f"{len(part)} {means}"
        for part, means in ((level.broken, "wrong"), (level.unproven, "not verified"), (level.unasked, "not asked"))
        if part
    ]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    short = f"{_number(level.short)} short of {level.next} ({', '.join(what)})"
    return f"{reached}; {short}: {', '.join(names[:NAMED])}{more}."


def _number(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"

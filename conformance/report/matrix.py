"""The matrix: surface rows by runs, each cell the worst that was observed. Pure: no file is touched."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct
from packaging.version import Version

from conformance.doors import version_of
from conformance.report.levels import NOT_VERIFIED, Level, LevelRow, breaks, level_of
from conformance.runs.expectations import cell_verdict
from conformance.runs.log import CaseRow, CatalogRow, RowInfo, RuleRow, RunLog
from conformance.words import SdkTestimony, Status, Verdict

URGENCY: tuple[Status, ...] = (
    "regression",
    "new",
    "improvement",
    "disputed",
    "known-gap",
    "documented-gap",
    "as-expected",
)
"""Statuses, the one that a reader must see first comes first."""

UNEXPECTED: frozenset[Status] = frozenset({"regression", "new", "improvement"})
"""What turns a run red, or says that an expectation is stale."""

Judged = CaseRow | RuleRow

Conformance = Literal["conformant", "not conformant", "not verified"]


class Cell(Struct, frozen=True, kw_only=True):
    """One row of one target: what was found, and how much of it was verified."""

    verdict: Verdict | None
    """None where only optional questions (level may) were asked, or where every other one is disputed."""
    status: Status
    cases: tuple[CaseRow, ...] = ()
    rules: tuple[RuleRow, ...] = ()
    asked: int = 0
    """How many must and should questions apply to this target."""
    unverified: int = 0
    """How many of them ended without an observation."""
    drift: bool = False
    sdk: SdkTestimony | None = None
    """The worst of what the official SDK made of the answers."""
    question: str = ""
    """Equal in two cells exactly if the same questions were asked."""
    found: str = ""
    """Equal in two cells exactly if the same kinds of findings stand in them."""

    @property
    def judged(self) -> list[Judged]:
        """All that stands in the cell, the optional questions too."""
        return [*self.cases, *self.rules]

    @property
    def disputed(self) -> str:
        """Both sides' texts about a disputed verdict in it; empty where none is."""
        return next((row.expected_by for row in self.judged if row.status == "disputed"), "")


class Column(Struct, frozen=True, dict=True, kw_only=True):
    """One run as a column."""

    id: str
    """Stable and unique within a matrix: it names the column in addresses and queries."""
    title: str
    """The name with its version; a simulated server never goes by the product's name alone."""
    log: RunLog
    cells: dict[str, Cell]
    breaches: tuple[str, ...]
    """The rows on which the API's promise is not kept."""
    unproven: tuple[str, ...]
    """The rows that the promise covers and of which nothing was verified; a row in part keeps a mark of it."""
    level: Level
    """The highest level that was reached, and what is short of the next."""

    @cached_property
    def counts(self) -> dict[Verdict, int]:
        """Verdict to the number of rows that have it, in the documented order."""
        found = [cell.verdict for cell in self.cells.values() if cell.verdict is not None]
        return {verdict: found.count(verdict) for verdict in sorted(set(found), key=_ORDER.index)}

    @cached_property
    def statuses(self) -> dict[Status, int]:
        """Status to the number of rows that have it, the most urgent first."""
        found = [cell.status for cell in self.cells.values()]
        return {status: found.count(status) for status in URGENCY if status in found}

    @property
    def conformance(self) -> Conformance:
        """Whether the API's promise is kept: level full, and no feature beyond it broken, in a complete run."""
        if self.breaches:
            return "not conformant"
        return "conformant" if self.level.next is None and self.cells and not self.log.lacks else "not verified"

    @property
    def obeyed(self) -> tuple[int, int] | None:
        """The controls that the model obeyed, of how many; None where the run does not say."""
        obedience = self.log.obedience
        return (obedience.obeyed, obedience.of) if obedience else None


class Matrix(Struct, frozen=True, kw_only=True):
    """Everything that the readers show."""

    areas: dict[str, str]
    rows: tuple[RowInfo, ...]
    columns: tuple[Column, ...]


_ORDER: tuple[Verdict, ...] = (
    "supported", "partial", "refused", "ignored", "broken",
    "blocked", "inconclusive", "not-run", "error", "not-applicable",
)  # fmt: skip


def matrix_of(runs: Sequence[RunLog]) -> Matrix:
    """One matrix from many runs of any suite version: columns by name and version, rows as the newest run has them."""
    newest_first = sorted(runs, key=lambda run: run.run.started, reverse=True)
    catalogs = [run.catalog for run in newest_first]
    names = _new_names((old, row.id) for catalog in catalogs for row in catalog.rows for old in row.renamed_from)
    rows = _rows(catalogs, runs, names)
    areas = {area: title for catalog in reversed(catalogs) for area, title in catalog.areas.items()}
    order = dict.fromkeys(
        [*(area for catalog in catalogs for area in catalog.areas), *(row.area for row in rows.values())]
    )
    position = {area: number for number, area in enumerate(order)}
    ordered = sorted(rows.values(), key=lambda row: position[row.area])
    return Matrix(
        areas={area: areas.get(area, area) for area in order if any(row.area == area for row in ordered)},
        rows=tuple(ordered),
        columns=_columns(runs, rows, names),
    )


def cell_of(cases: Sequence[CaseRow], rules: Sequence[RuleRow]) -> Cell:
    """The worst observed verdict of the must and should questions; what was not verified is counted beside it."""
    judged: list[Judged] = [*cases, *rules]
    counted = [row for row in judged if row.level != "may"]
    testimonies = {case.sdk for case in cases} - {None}
    return Cell(
        verdict=cell_verdict(row for row in counted if row.status != "disputed"),
        status=min((row.status for row in counted), key=URGENCY.index, default="as-expected"),
        cases=tuple(cases),
        rules=tuple(rules),
        asked=sum(row.verdict != "not-applicable" for row in counted),
        unverified=sum(row.verdict in NOT_VERIFIED for row in counted),
        drift=any(case.drift for case in cases),
        sdk=next((word for word in ("misreads", "rejects", "accepts") if word in testimonies), None),
        question=_fingerprint(f"{case.case_sha256} {case.mode}" for case in cases),
        found=_fingerprint({finding.key for row in counted for finding in row.findings}),
    )


def target_title(name: str, version: str | None, *, simulated: bool) -> str:
    """The title of a target: a simulated server is never shown under a product's name alone."""
    return " ".join(filter(None, (name, version, "(simulated)" if simulated else "")))


def _rows(catalogs: Iterable[CatalogRow], runs: Iterable[RunLog], names: Mapping[str, str]) -> dict[str, RowInfo]:
    rows: dict[str, RowInfo] = {}
    for catalog in catalogs:
        for row in catalog.rows:
            rows.setdefault(names.get(row.id, row.id), row)
    for run in runs:  # a log whose catalog was lost still has its answers
        judged: list[Judged] = [*run.cases, *run.rules]
        for answered in judged:
            surface = names.get(answered.surface, answered.surface)
            if surface not in rows:
                rows[surface] = RowInfo(surface, surface, surface.split(".")[0], "core", "", [], weight=answered.level)
    return rows


def _columns(runs: Sequence[RunLog], rows: Mapping[str, RowInfo], names: Mapping[str, str]) -> tuple[Column, ...]:
    first_seen = {name: number for number, name in enumerate(dict.fromkeys(run.run.target.name for run in runs))}

    def place(run: RunLog) -> tuple[object, ...]:
        target = run.run.target
        return first_seen[target.name], _version(target.version), target.model, run.run.started

    ordered = sorted(runs, key=place)
    columns: list[Column] = []
    for run, title in zip(ordered, _titles(ordered), strict=True):
        plain = _slug(run)
        taken = sum(column.id == plain or column.id.startswith(f"{plain}#") for column in columns)
        cells = _cells(run, rows, names)
        known = {names.get(row.id, row.id) for row in run.catalog.rows} or set(cells)
        columns.append(
            Column(
                id=f"{plain}#{taken + 1}" if taken else plain,
                title=title,
                log=run,
                cells=cells,
                breaches=tuple(row for row, cell in cells.items() if breaks(rows[row], cell.judged)),
                level=level_of(
                    {row: info for row, info in rows.items() if row in known},
                    {row: LevelRow(cell.verdict, tuple(cell.judged)) for row, cell in cells.items()},
                ),
                unproven=tuple(
                    row for row, cell in cells.items() if rows[row].tier == "core" and cell.verdict in NOT_VERIFIED
                ),
            )
        )
    return tuple(columns)


def _titles(runs: Sequence[RunLog]) -> list[str]:
    """The name and version of each run; where two have the same, with the model; where that is one too, the address."""
    called = [_called(run) for run in runs]
    with_model = [f"{_called(run)}, {run.run.target.model}" for run in runs]
    with_address = [f"{_called(run)}, {urlsplit(run.run.target.base_url).netloc}" for run in runs]
    forms = (called, with_model, with_address)
    return [
        next((form[number] for form in forms if form.count(form[number]) == 1), with_model[number])
        for number in range(len(runs))
    ]


def _cells(run: RunLog, rows: Mapping[str, RowInfo], names: Mapping[str, str]) -> dict[str, Cell]:
    cases: dict[str, list[CaseRow]] = {}
    rules: dict[str, list[RuleRow]] = {}
    for case in run.cases:
        cases.setdefault(names.get(case.surface, case.surface), []).append(case)
    for rule in run.rules:
        rules.setdefault(names.get(rule.surface, rule.surface), []).append(rule)
    return {row: cell_of(cases.get(row, ()), rules.get(row, ())) for row in rows if row in cases or row in rules}


def _new_names(renames: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Every old id to the id that it has today; the renames of the newest catalog come first."""
    names: dict[str, str] = {}
    for old, new in renames:
        names.setdefault(old, names.get(new, new))
    return names


def _fingerprint(texts: Iterable[str]) -> str:
    ordered = sorted(texts)
    return hashlib.sha256("\n".join(ordered).encode()).hexdigest()[:8] if ordered else ""


def _called(run: RunLog) -> str:
    target = run.run.target
    return target_title(target.name, target.version, simulated=target.simulated)


def _slug(run: RunLog) -> str:
    target = run.run.target
    return "@".join(filter(None, (target.name, target.version))) + ("~simulated" if target.simulated else "")


def _version(text: str | None) -> tuple[int, Version, str]:
    """Versions in their own order; what is no version comes before, in the order of letters."""
    version = version_of(text or "")
    return (0, Version("0"), text or "") if version is None else (1, version, "")


def most_important(column: Column, rows: Mapping[str, RowInfo], limit: int = 10) -> list[tuple[RowInfo, Cell]]:
    """The rows that a reader should see first: what is unexpected, then what is worst, core before the rest."""
    worth = [
        (rows[row], cell)
        for row, cell in column.cells.items()
        if cell.verdict is not None
        and (
            cell.status != "as-expected"
            or cell.verdict not in ("supported", "not-applicable")
            or breaks(rows[row], cell.judged)
        )
    ]
    tiers, weights = ("core", "feature", "hosted"), ("must", "should", "may")
    worth.sort(
        key=lambda pair: (
            URGENCY.index(pair[1].status) if pair[1].status in URGENCY[:3] else len(URGENCY),
            pair[1].verdict != "error",
            not breaks(pair[0], pair[1].judged),
            URGENCY.index(pair[1].status),
            _BAD.index(pair[1].verdict) if pair[1].verdict in _BAD else len(_BAD),
            tiers.index(pair[0].tier),
            weights.index(pair[0].weight),
        )
    )
    return worth[:limit]


def disputed(column: Column) -> dict[str, str]:
    """The rows that the makers of the server challenge, each with both texts: they count nowhere."""
    return {row: grounds for row, cell in column.cells.items() if (grounds := cell.disputed)}


_BAD: tuple[Verdict, ...] = ("broken", "ignored", "refused", "blocked", "inconclusive", "not-run", "partial")

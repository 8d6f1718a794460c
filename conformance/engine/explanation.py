"""Explains red rows: gathers what each question met, and at the end names the causes and the questions they block."""

from collections.abc import Mapping, Sequence

from msgspec import UNSET, Struct
from msgspec.structs import replace

from conformance.catalog.case import Case, asks_of
from conformance.catalog.load import Catalog
from conformance.catalog.parts import leans
from conformance.engine.question import Record
from conformance.judge.answer import path_of
from conformance.judge.cause import WRONG, Cause, Judged, Law, Obstacle
from conformance.judge.causes import explain
from conformance.judge.obstacles import asks_for_a_status, broken_in, looks_of, missed_in, obstacles_of, shown_by
from conformance.judge.rules import RULES
from conformance.judge.verdict import TWIN_FAILED
from conformance.runs.log import CaseRow, CauseRow, RuleRow, sentence

PLAIN = "messages.text"
"""The plain request of `POST /v1/messages`; that of another endpoint is the smallest that asks for its own row."""

EXPECTED = ("known-gap", "documented-gap", "disputed")


class Met(Struct, frozen=True):
    """The obstacles of a question, kept when its answers are released."""

    endpoint: str
    attempts: tuple[tuple[Obstacle, ...], ...]
    unreadable: bool


class ExplainedRows(Struct, frozen=True):
    """A run's rows as they stand at its end, those for which a cause speaks now, and the causes, worst first."""

    rows: list[CaseRow | RuleRow]
    blocked: list[CaseRow]
    """Those that are blocked, and the refusals whose accepted twin a cause turned red."""
    causes: list[CauseRow]


def met_in(record: Record, row: CaseRow) -> Met | None:
    """The obstacles of the attempts at a question; None where there was no answer."""
    if record.question.case.within is not None:
        return _met_within(record, row)
    if not record.attempts or not record.attempts[-1].replies:
        return None
    return Met(
        record.attempts[-1].replies[-1].answer.endpoint,
        tuple(
            obstacles_of(
                attempt.replies,
                attempt.observed,
                broken_in(attempt.replies, row.mode),
                attempt.nonce,
                status=asks_for_a_status(record.question.case),
            )
            for attempt in record.attempts
        )
        if row.verdict in WRONG
        else (),
        any(attempt.observed.observation == "unreadable" for attempt in record.attempts),
    )


def _met_within(record: Record, row: CaseRow) -> Met | None:
    """The same of a question that is judged within a journey: the answers are that one's, the effect is its own."""
    journey = record.question.case.journey
    if not record.attempts or journey is UNSET:
        return None
    return Met(
        f"{journey.ask.method} {path_of(journey.ask.path)}",
        tuple(missed_in(attempt.observed) for attempt in record.attempts) if row.verdict in WRONG else (),
        unreadable=False,
    )


def explained(rows: Sequence[CaseRow | RuleRow], met: Mapping[tuple[str, str], Met], catalog: Catalog) -> ExplainedRows:
    """The causes of everything that is wrong in these rows; `met` is by case and mode."""
    if not any(row.verdict in WRONG for row in rows):
        return ExplainedRows(list(rows), [], [])
    plain = plain_requests(catalog)
    questions = [
        _judged(row, met[row.case, row.mode], catalog, plain)
        for row in rows
        if isinstance(row, CaseRow) and (row.case, row.mode) in met
    ]
    found = explain(questions, [_law(row) for row in rows if isinstance(row, RuleRow)])
    reds = {place: cause.id for cause in found.causes for place in cause.rows}
    final = [_without_twin(_final(row, found.blocked), {**reds, **found.blocked}, catalog) for row in rows]
    told = [row for row, own in zip(final, rows, strict=True) if isinstance(row, CaseRow) and row is not own]
    return ExplainedRows(final, told, [_row_of(cause) for cause in found.causes])


def plain_requests(catalog: Catalog) -> dict[str, Case]:
    """Endpoint to the case that asks it plainly: of those that ask for its own row, else of all, the smallest."""
    rivals: dict[str, list[Case]] = {}
    for case in catalog.cases.values():
        asks = asks_of(case)
        if case.refuse is None and len(asks) == 1:
            rivals.setdefault(f"{asks[0].method} {path_of(asks[0].path)}", []).append(case)
    return {endpoint: _plainest(cases, catalog) for endpoint, cases in rivals.items()}


def _plainest(cases: Sequence[Case], catalog: Catalog) -> Case:
    """The case that comes first by what it is; of several the smallest, which takes longer to tell."""
    first = min(map(_standing, cases))
    equals = [case for case in cases if _standing(case) == first]
    return min(equals, key=lambda case: (len(catalog.parts(case.id)), case.id)) if len(equals) > 1 else equals[0]


def _standing(case: Case) -> tuple[bool, bool, bool]:
    """What makes one case plainer than another, the plainest first."""
    return case.id != PLAIN, not case.surface.startswith("endpoint."), case.level == "may"


def _about(case: Case, catalog: Catalog, plain: Case | None) -> frozenset[str]:
    """The parts that a case asks about: those that its control, its twin and the plain request lack.

    A case that asks for a refusal is about one thing that is wrong, which no part tells: it has none.
    """
    if case.refuse is not None:
        return frozenset()
    others = [name for _, name in leans(case) if name in catalog.cases] + ([plain.id] if plain else [])
    return catalog.parts(case.id).difference(*map(catalog.parts, others))


def _judged(row: CaseRow, met: Met, catalog: Catalog, plain: Mapping[str, Case]) -> Judged:
    case = catalog.cases[row.case]
    base = plain.get(met.endpoint)
    return Judged(
        id=row.case,
        title=case.title,
        mode=row.mode,
        surface=row.surface,
        level=row.level,
        verdict=row.verdict,
        known=row.status not in ("new", "regression"),
        excused=row.status in EXPECTED,
        endpoint=met.endpoint,
        attempts=met.attempts,
        marks=frozenset(mark.key for mark in row.marks if mark.level != "may"),
        looks=looks_of(case),
        shows=shown_by(case),
        parts=catalog.parts(case.id),
        about=_about(case, catalog, base),
        leans_on=frozenset(name for key, name in leans(case) if key != "without"),
        plain=base is not None and base.id == row.case,
        unreadable=met.unreadable,
        refuses=case.refuse is not None,
    )


def _law(row: RuleRow) -> Law:
    worst = max(row.findings, key=lambda finding: finding.n, default=None)
    return Law(
        id=row.rule,
        surface=row.surface,
        level=row.level,
        verdict=row.verdict,
        known=row.status not in ("new", "regression"),
        excused=row.status in EXPECTED,
        seen=row.seen,
        violations=row.violations,
        order=list(RULES).index(row.rule) if row.rule in RULES else len(RULES),
        says=RULES[row.rule].law if row.rule in RULES else row.rule,
        quote=sentence(worst) if worst else "",
        exchange=worst.exchange if worst else "",
    )


def _final(row: CaseRow | RuleRow, blocked: Mapping[str, str]) -> CaseRow | RuleRow:
    """A row as it stands at the end of a run."""
    if isinstance(row, RuleRow) or (cause := blocked.get(f"{row.case}[{row.mode}]")) is None:
        return row
    return replace(
        row, verdict="blocked", status="as-expected", by=cause, expected_by="", reason=f"not judged: see {cause}"
    )


def _without_twin(row: CaseRow | RuleRow, causes: Mapping[str, str], catalog: Catalog) -> CaseRow | RuleRow:
    """A refusal that was not asked for its accepted twin's sake names the cause that the twin is in."""
    if isinstance(row, RuleRow) or row.unjudged != "twin-failed":
        return row
    twin = catalog.cases[row.case].twin
    modes = (row.mode, "json", "stream")
    cause = next((causes[place] for mode in modes if (place := f"{twin}[{mode}]") in causes), None)
    reason = TWIN_FAILED if cause is None else f"{TWIN_FAILED}: see {cause}"
    return row if reason == row.reason else replace(row, reason=reason)


def _row_of(cause: Cause) -> CauseRow:
    return CauseRow(
        kind=cause.kind,
        id=cause.id,
        says=cause.says,
        quote=cause.quote,
        rows=list(cause.rows),
        blocked=len(cause.blocked),
        answers=cause.answers,
        exchange=cause.exchange,
    )

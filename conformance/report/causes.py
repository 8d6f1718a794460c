"""The causes of a run as readers show them: the red ones first, each with its first row and the server's words."""

from collections.abc import Mapping

from conformance.runs.log import CaseRow, CauseRow, RuleRow, RunLog, sentence
from conformance.words import Status

WORSE: frozenset[Status] = frozenset({"regression", "new"})
"""What makes a cause a red one: a known gap, and what the API leaves open, is no news."""

AS_EXPECTED: frozenset[Status] = frozenset({"as-expected"})
"""The status of all rows of a cause that the API leaves open."""
FEW = 2
"""Blocked questions that a line names before it counts."""
EXPECTED = 60
"""Characters of an expectation that a line keeps."""


def statuses(log: RunLog) -> Mapping[str, Status]:
    """The status of every row that a cause can name: `case[mode]`, or a rule."""
    return {f"{row.case}[{row.mode}]": row.status for row in log.cases} | {row.rule: row.status for row in log.rules}


def red_causes(log: RunLog) -> list[CauseRow]:
    """The causes with a row that is worse than expected, worst first; of a log without causes, each such row alone."""
    known = statuses(log)
    causes = log.causes or _alone(log)
    return [cause for cause in causes if any(known.get(row) in WORSE for row in cause.rows)]


def lesser_causes(log: RunLog) -> list[CauseRow]:
    """What weighs too little to be red: a SHOULD or a MAY that does not hold, and is no known gap."""
    known, told = statuses(log), weighing(log)
    return [cause for cause in log.causes if cause.id in told and {known.get(row) for row in cause.rows} == AS_EXPECTED]


def weighing(log: RunLog) -> set[str]:
    """The causes that are more than a note."""
    notes = {rule.id for rule in log.catalog.rules if rule.level == "may"}
    return {cause.id for cause in log.causes} - notes


def _alone(log: RunLog) -> list[CauseRow]:
    """Every row as a cause of its own: logs of before name none."""
    titles = {case.id: case.title for case in log.catalog.cases}
    laws = {rule.id: rule.law for rule in log.catalog.rules}
    cases = [_one(f"{row.case}[{row.mode}]", titles.get(row.case, row.case), row) for row in log.cases]
    return [*cases, *(_one(row.rule, laws.get(row.rule, row.rule), row) for row in log.rules)]


def _one(place: str, says: str, row: CaseRow | RuleRow) -> CauseRow:
    first = row.findings[0] if row.findings else None
    return CauseRow(
        kind="rule" if isinstance(row, RuleRow) else "effect",
        id=place,
        says=f"{says}: {sentence(first)}" if first else says,
        rows=[place],
        exchange=first.exchange if first else "",
    )


def counted(cause: CauseRow, log: RunLog) -> str:
    """The questions behind a cause, in words: `75 of 153 answers; 71 not judged because of it`."""
    seen, of = cause.answers
    parts = [f"{seen} of {of} {'answers' if cause.kind == 'rule' else 'questions'}"] if of else []
    if len(cause.rows) > 1:
        parts.append(f"{len(cause.rows)} red")
    if cause.blocked > FEW:
        parts.append(f"{cause.blocked} not judged because of it")
    elif cause.blocked:
        hidden = [f"{row.case}[{row.mode}]" for row in log.cases if row.by == cause.id]
        parts.append(f"not judged because of it: {', '.join(hidden)}")
    return "; ".join(parts)


def observed(cause: CauseRow, log: RunLog) -> str:
    """The first finding of a cause, where the server said nothing; the expectation is cut, not the observation."""
    for row in log.cases:
        if cause.rows and f"{row.case}[{row.mode}]" == cause.rows[0] and row.findings:
            return sentence(row.findings[0], wanted_limit=EXPECTED)
    return ""


def homes(log: RunLog) -> dict[str, str]:
    """Cause to the row of the matrix where its first row stands."""
    surfaces = {f"{row.case}[{row.mode}]": row.surface for row in log.cases} | {
        row.rule: row.surface for row in log.rules
    }
    return {cause.id: surfaces.get(cause.rows[0], "") for cause in log.causes or _alone(log) if cause.rows}

"""The end of a run in words: level, changes with the exit code, clients, then the causes, worst first.

The terminal and `summary.md` both say it; nothing in it is cut, so that a pipe loses nothing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from conformance.report.causes import EXPECTED, counted, lesser_causes, observed, red_causes, statuses, weighing
from conformance.report.levels import in_words
from conformance.report.matrix import URGENCY, Column
from conformance.runs.log import CaseRow, CauseRow, JudgedNeed, ReadinessRow, RuleRow, RunLog, sentence
from conformance.words import Basis, Status

CAUSES = 8
"""Causes that the end of a run shows: what is behind them stands in the page."""
LEFT_OPEN = 4
"""The same of a run without a red cause: of its known gaps, and of what weighs less."""
MORE = 16
"""Causes that have no lines of their own and are named."""
EXTRA_KEYS = "message.known-keys"
FEW = 8
"""Questions that a run may have to have each of them named."""
OBEYED = 0.8
"""The share of the controls below which the model, not the server, limits a run."""


class CauseLines(Struct, frozen=True):
    """A cause in two lines: what is wrong and what stands behind it, then what the server said or sent."""

    id: str
    says: str
    counted: str
    quote: str


class Closing(Struct, frozen=True, kw_only=True):
    """The end of a run in words."""

    title: str
    level: str
    change: str
    """What changed, and why the exit code is what it is."""
    clients: list[str]
    """For each profile that was asked, whether its client can run on the endpoint."""
    warnings: list[str]
    counts: str
    asked: list[str]
    """Each question with its verdict, where the run had only a few."""
    heading: str
    """What the causes are, where none of them is red."""
    causes: list[CauseLines]
    """The red ones; where there is none, known gaps and those that weigh too little to be red."""
    more: int
    """Causes that are not shown."""
    others: str = ""
    """The ids of these."""
    extra: str = ""
    """Keys that the server sends beside the documented ones: no client minds them, and no verdict follows."""
    again: str = ""
    """What a first answer did not show and a later one to the same question did: no verdict follows from chance."""
    less: str = ""
    """What is not as the API has it, and weighs too little to be red beside what is."""


def closing_of(column: Column) -> Closing:
    """The end of a column's run, in words."""
    log = column.log
    red = red_causes(log)
    lesser = lesser_causes(log)
    told, lines = (red, CAUSES) if red else (_left_open(log), LEFT_OPEN)
    few = len(log.cases) <= FEW
    return Closing(
        title=column.title,
        level="" if few else in_words(column.level),
        change=_change(log),
        clients=[_client(answer, log) for answer in log.readiness],
        warnings=[*_warnings(column), *_drift(log)],
        counts=_counts(column),
        asked=[_asked(row) for row in log.cases] if few else [],
        heading=_heading(told, lesser) if told and not red else "",
        causes=[
            CauseLines(cause.id, cause.says, counted(cause, log), cause.quote or observed(cause, log))
            for cause in told[:lines]
        ],
        more=max(0, len(told) - lines),
        others=_some([cause.id for cause in told[lines:]], MORE),
        extra=_extra(log),
        again=_again(log),
        less=f"Of less weight, a SHOULD or a MAY: {_some([cause.id for cause in lesser], MORE)}."
        if red and lesser
        else "",
    )


def _asked(row: CaseRow) -> str:
    """A question with its verdict, and why it is no better: what was found, or what kept it from being seen."""
    why = sentence(row.findings[0], wanted_limit=EXPECTED) if row.findings else row.reason
    verdict = f"{row.verdict}  {row.case}[{row.mode}]"
    return f"{verdict}: {why}" if why and row.verdict != "supported" else verdict


def _left_open(log: RunLog) -> list[CauseRow]:
    """The causes of a run without a red one; what is disputed alone counts nowhere."""
    known, told = statuses(log), weighing(log)
    return [
        cause for cause in log.causes if cause.id in told and {known.get(row) for row in cause.rows} != {"disputed"}
    ]


def _heading(told: Sequence[CauseRow], lesser: Sequence[CauseRow]) -> str:
    """What is not as the API has it where nothing is red."""
    things = f"{_number(len(told), 'thing')} {'is' if len(told) == 1 else 'are'} not as the API has it"
    if len(lesser) == len(told):
        return f"Nothing that is required is wrong, but {things}, a SHOULD or a MAY; the worst first:"
    rest = f", {len(lesser)} of less weight, a SHOULD or a MAY" if lesser else ""
    return f"{things}: {_number(len(told) - len(lesser), 'known gap')}{rest}; the worst first:"


def _extra(log: RunLog) -> str:
    """The keys that no document knows, by the rule that takes note of them."""
    told = [finding.observed for row in log.rules if row.rule == EXTRA_KEYS for finding in row.findings]
    names = sorted({str(name) for names in told if isinstance(names, list) for name in names})
    return f"This server also sends: {_some(names, MORE)}." if names else ""


def _again(log: RunLog) -> str:
    """The questions whose effect a first answer lacked and a later one showed, of all that showed theirs."""
    shown = [row for row in log.cases if row.kind == "witnessed" and row.verdict == "supported"]
    later = [f"{row.case}[{row.mode}]" for row in shown if row.attempts > 1 and not row.expected_by]
    if not later:
        return ""
    whose = "the server (the scripted model behind it does)"
    if log.behind != "scripted model":
        whose = "the server or the model"
    which = f"{len(later)} of {len(shown)} questions ({_some(later)})"
    return f"Shown only when asked again: {which}; {whose} does not do the same each time."


def _change(log: RunLog) -> str:
    """What is worse and better, and the exit code that follows."""
    rows: Sequence[CaseRow | RuleRow] = [*log.cases, *log.rules]
    found = _surfaces(rows)
    worse, better = found["regression"] + found["new"], found["improvement"]
    counts = f"{worse} worse, {better} better{_named_better(rows)}, {found['known-gap']} known and "
    counts += f"{found['documented-gap']} documented gaps{_disputed(rows)}"
    code = log.end.exit if log.end else None
    match code:
        case None:
            return f"The run did not come to its end: {counts} so far."
        case 0 if worse:
            return f"The first run, with which later ones are compared: {counts}. Exit 0."
        case 0:
            return f"As expected: {counts}. Exit 0."
        case 1 if not worse and not better:
            return f"As expected, but a client that was asked for is not ready: {counts}. Exit 1."
        case 2:
            ours = sum(row.verdict == "error" for row in rows)
            whose = f"{ours} ended in an error of the suite or the network"
            return f"Not all could be judged, {whose}: {counts}. Exit 2."
        case 3:
            return f"As expected, but not all that --strict asks for was verified: {counts}. Exit 3."
        case 4:
            return "Nothing was judged: pytest does not know its arguments, or they leave no question. Exit 4."
        case 130:
            return f"Interrupted: {counts} so far. Exit 130."
        case _:
            return f"Not as expected: {counts}. Exit {code}."


def _named_better(rows: Iterable[CaseRow | RuleRow]) -> str:
    """The rows whose gap is gone, in brackets: no cause names them."""
    better = sorted({row.surface for row in rows if row.status == "improvement"})
    return f" ({_some(better)})" if better else ""


def _disputed(rows: Iterable[CaseRow | RuleRow]) -> str:
    """How many rows the makers of the server challenge, and which; nothing where none."""
    found = sorted({row.surface for row in rows if row.status == "disputed"})
    return f", {len(found)} disputed ({_some(found)})" if found else ""


def _some(names: Sequence[str], few: int = FEW) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - few} more" if len(names) > few else ""
    return f"{', '.join(names[:few])}{more}"


def _surfaces(rows: Iterable[CaseRow | RuleRow]) -> dict[Status, int]:
    """Status to the number of rows of the matrix that have it; each row has its most urgent one."""
    urgent: dict[str, Status] = {}
    for row in rows:
        known = urgent.get(row.surface, "as-expected")
        urgent[row.surface] = min(known, row.status, key=URGENCY.index)
    found = list(urgent.values())
    return {status: found.count(status) for status in URGENCY}


def _counts(column: Column) -> str:
    """How the numbers hang together."""
    log = column.log
    idle = _idle(column)
    judged = {verdict: n - (idle if verdict == "inconclusive" else 0) for verdict, n in column.counts.items()}
    verdicts = ", ".join(f"{n} {verdict}" for verdict, n in judged.items() if n)
    rest = f" ({idle} more have rules that found nothing to judge in these answers)" if idle else ""
    cases = _number(len({row.case for row in log.cases}), "case")
    questions = _number(len(log.cases), "question")
    asked = f"{questions} ({cases}, each in JSON, as a stream or both) and {_number(len(log.rules), 'rule')}"
    return f"{_number(sum(judged.values()), 'row')} of the matrix: {verdicts}{rest}; from {asked}{_rests_on(log)}."


def _idle(column: Column) -> int:
    """How many rows no question is about, and no answer fell under their rules."""
    log = column.log
    judged = {row.surface for row in log.cases} | {row.surface for row in log.rules if row.seen}
    return sum(cell.verdict == "inconclusive" and row not in judged for row, cell in column.cells.items())


def basis_of(log: RunLog) -> dict[Basis, int]:
    """What the cases and rules of level must that were asked rest on: how many on each."""
    musts = {row.case for row in log.cases if row.level == "must"} | {
        row.rule for row in log.rules if row.level == "must"
    }
    rests = [(case.id, case.basis) for case in log.catalog.cases]
    rests += [(rule.id, rule.basis) for rule in log.catalog.rules]
    found = Counter(basis for name, basis in rests if name in musts and basis)
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))


def _rests_on(log: RunLog) -> str:
    """The shares of what the musts rest on, in words; nothing of logs that do not say."""
    found = basis_of(log)
    whole = sum(found.values())
    shares = ", ".join(f"{round(100 * n / whole) or 'under 1'} % {basis}" for basis, n in found.items())
    return f"; of {whole} musts {shares}" if found else ""


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _client(answer: ReadinessRow, log: RunLog) -> str:
    """Whether a client can run on the endpoint, with the first thing that its user would meet."""
    profile = log.catalog.profiles.get(answer.profile)
    name = answer.client or (profile.title if profile else answer.profile)
    missing = [need for need in answer.needs if need.found == "missing"]
    unverified = [need for need in answer.needs if need.found == "unverified" and not need.behind]
    needs = unverified if answer.verdict == "not verified" else missing
    first = next((need for need in needs if need.level == "blocks"), next(iter(needs), None))
    if first is None:
        return f"{name}: {answer.verdict}."
    more = len(needs) - 1
    return f"{name}: {answer.verdict}. {_meets(first)}{f' (and {more} more)' if more else ''}"


def _meets(need: JudgedNeed) -> str:
    return (need.meets or need.says) + (f" [{need.question}]" if need.question else "")


def _drift(log: RunLog) -> list[str]:
    """The answers whose shape is not that of the committed snapshot."""
    drifted = [f"{row.case}[{row.mode}]" for row in log.cases if row.drift]
    return [f"Another shape than the committed snapshot has: {_some(drifted)}."] if drifted else []


def _warnings(column: Column) -> list[str]:
    found = []
    if not column.log.complete:
        found.append("This run is incomplete: it ended before all questions were asked.")
    if column.log.shard:
        found.append(f"This is shard {column.log.shard} of a run: `conformance merge` joins the shards.")
    if (obeyed := column.obeyed) and obeyed[1] and obeyed[0] < OBEYED * obeyed[1]:
        found.append(f"The model, not the server, limits this run: it obeyed {obeyed[0]} of {obeyed[1]} controls.")
    return found

"""Asks an endpoint with one known fault, and gives the rows that are worse than on the correct one."""

import asyncio
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from conformance.catalog.case import Case, bad_requests, modes_of
from conformance.catalog.load import Catalog
from conformance.engine.assessment import Assessment
from conformance.engine.events import Event, Noted
from conformance.engine.inquiry import Inquiry, Transport
from conformance.engine.ledger import Ledger
from conformance.engine.plan import with_dependencies
from conformance.engine.question import Question, Record
from conformance.engine.records import FixedRecords
from conformance.engine.scheduler import Deadline, Memory
from conformance.probe.asking import ServedFixtures
from conformance.probe.client import Client
from conformance.probe.recording import Limits
from conformance.probe.trouble import Patience
from conformance.runs.expectations import Expectations
from conformance.runs.log import CaseRow, CauseRow, RuleRow
from conformance.targets.address import url_below
from conformance.targets.target import Target
from conformance.words import OBSERVED, Verdict

BASE = (
    "messages.text",
    "stop.sequence-honoured",
    "stop.max-tokens-cuts",
    "tools.choice.auto-call",
    "tools.choice.tool",
    "tools.parallel.two-tools",
    "tools.definition.no-arguments",
    "tools.definition.unicode-input",
    "tools.loop.two-calls",
    "thinking.request.adaptive",
    "thinking.turns.with-tool-call",
    "count-tokens.basic",
    "models.list",
    "validation.max-tokens-missing",
    "errors.unknown-path",
    "messages.unicode",
    "streaming.long-text",
)
"""The cases whose answers give most rules something to hold on: asked of every fault and variant."""

PATIENCE = 10.0
"""Seconds of silence that a fault is given: the reference answers in milliseconds, a busy machine in seconds."""
NOTHING_EXPECTED = Expectations()
AT_ONCE = 4
"""Endpoints asked at the same time."""


class Worse(Struct, frozen=True):
    """A row that is worse than on the correct endpoint."""

    id: str
    mode: str
    was: Verdict
    now: Verdict
    keys: list[str] = []
    surface: str = ""

    @property
    def place(self) -> str:
        """As a cause names it: `case[mode]`, or the rule."""
        return f"{self.id}[{self.mode}]" if self.mode else self.id


class RunVerdicts(Struct, frozen=True):
    """The rows of a run, each with its own verdict, the rows after causes, and the causes."""

    rows: Sequence[CaseRow | RuleRow] = ()
    final: Sequence[CaseRow | RuleRow] = ()
    causes: Sequence[CauseRow] = ()


def questions_for(catalog: Catalog, names: Sequence[str]) -> list[Question]:
    """The base cases that exist and these, in all their modes."""
    wanted = [name for name in dict.fromkeys((*BASE, *names)) if name in catalog.cases]
    return [Question(catalog.cases[name], mode) for name in wanted for mode in modes_of(catalog.cases[name])]


async def rows_of(
    catalog: Catalog,
    target: Target,
    questions: Sequence[Question],
    fixtures: ServedFixtures,
    patience: float = PATIENCE,
) -> tuple[RunVerdicts, dict[Question, Record]]:
    """What is found of a target, and its records; a client and a patience of its own, so that no fault spills over."""
    limits = Limits(first_byte=patience, idle=patience, total=12 * patience)
    async with Client(limits=limits, keys=[target.key]) as client:
        inquiry = Inquiry(
            catalog=catalog,
            target=target,
            transport=Transport(client, Patience(8), fixtures),
            attempts=2,
            deadline=Deadline(None),
        )
        asked = list(with_dependencies(catalog, questions))
        records = await Memory(inquiry.on).learn_all(asked)
    return judged(catalog, asked, records), records


def judged(
    catalog: Catalog,
    asked: Sequence[Question],
    records: Mapping[Question, Record],
    expectations: Expectations = NOTHING_EXPECTED,
) -> RunVerdicts:
    """The results of a run without pytest: of these questions, and of all rules."""
    source = FixedRecords(records, "not asked")
    causes: list[CauseRow] = []

    def listen(event: Event) -> None:
        if isinstance(event, Noted) and isinstance(event.logged, CauseRow):
            causes.append(event.logged)

    assessment = Assessment(catalog, asked, source.record, expectations)
    ledger = Ledger(source=source, assessment=assessment, handlers=[listen])
    for question in asked:
        ledger.judge_case(question)
    for rule in ledger.rules:
        ledger.judge_rule(rule)
    own = list(ledger.rows)
    ledger.finish()
    return RunVerdicts(own, ledger.rows, causes)


async def sweep(
    catalog: Catalog,
    target: Target,
    prefixes: Mapping[str, Sequence[Question]],
    fixtures: ServedFixtures,
    lacks: Mapping[str, Sequence[str]] = {},
) -> dict[str, RunVerdicts]:
    """The results at every path prefix of one server, several asked at once.

    `lacks`: the capabilities that nobody would declare of what answers at a prefix.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(prefix: str, questions: Sequence[Question]) -> tuple[str, RunVerdicts]:
        async with gate:
            able = {name: yes for name, yes in target.capabilities.items() if name not in lacks.get(prefix, ())}
            bent = replace(target, base_url=url_below(target.base_url, prefix), capabilities=able)
            found, _ = await rows_of(catalog, bent, questions, fixtures)
            return prefix, found

    return dict(await asyncio.gather(*(one(prefix, questions) for prefix, questions in prefixes.items())))


def worse_rows(rows: Sequence[CaseRow | RuleRow], correct: Mapping[tuple[str, str], CaseRow | RuleRow]) -> list[Worse]:
    """The rows that a reader would see turn: observed, and worse than on the correct endpoint."""
    found = []
    for row in rows:
        before = correct.get(place(row))
        was: Verdict = before.verdict if before is not None else "supported"
        if row.verdict not in OBSERVED or (was in OBSERVED and OBSERVED.index(row.verdict) >= OBSERVED.index(was)):
            continue
        if row.verdict != "supported" and (was in OBSERVED or row.verdict != "partial"):
            found.append(
                Worse(*place(row), was, row.verdict, sorted(finding.key for finding in row.findings), row.surface)
            )
    return found


def is_honest(row: Worse, worsens: Sequence[str], catalog: Catalog) -> bool:
    """Whether a legal variant may make this row worse: its list says so, as `GLOB VERDICT` or `refusals VERDICT`."""
    case = catalog.cases.get(row.id)
    for glob, verdict in (entry.split() for entry in worsens):
        meant = case is not None and asks_for_refusal(case) if glob == REFUSALS else fnmatchcase(row.id, glob)
        if meant and fnmatchcase(row.now, verdict):
            return True
    return False


def asks_for_refusal(case: Case) -> bool:
    """Whether a case sends what the API refuses."""
    return case.refuse is not None or any(bad_requests(case))


REFUSALS = "refusals"
"""In a variant's list of honest rows: the cases that ask for a refusal."""

RED: tuple[Verdict, ...] = ("broken", "ignored", "refused")


def red_rows(rows: Sequence[CaseRow | RuleRow], correct: Mapping[tuple[str, str], CaseRow | RuleRow]) -> list[Worse]:
    """Those of the worse rows that a reader takes for a fault of the server."""
    return [row for row in worse_rows(rows, correct) if row.now in RED]


def place(row: CaseRow | RuleRow) -> tuple[str, str]:
    """The identity of a row: case and mode, or the rule."""
    return (row.case, row.mode) if isinstance(row, CaseRow) else (row.rule, "")

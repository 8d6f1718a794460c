"""The ledger of a run: judges the questions in order, gives each event to the outputs, and ends the run."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from conformance.engine.assessment import Assessment
from conformance.engine.events import CaseJudged, Ended, Event, Handler, RuleJudged, SuiteFailed
from conformance.engine.finish import Ending, RunFacts, Terms, finish
from conformance.engine.question import Earlier, Question, Record
from conformance.engine.testimony import Testimonies, Witness, no_testimonies
from conformance.judge.rules import Rule
from conformance.probe.aside import in_turn
from conformance.probe.asking import trace_of
from conformance.runs.log import CaseRow, RuleRow, TendencyRow

SMALL = 4 * 2**10
"""Bytes of answers up to which it costs less to keep what was read in them than to read them again."""
TERMS = Terms()
"""Those of a run whose end nobody waits for."""


class Source(Protocol):
    """The source of a run's records: the scheduler that asks, or an earlier run."""

    def record(self, question: Question) -> Record:
        """The record of a question, waited for."""
        ...

    def judged(self, question: Question) -> None:
        """Lets go of the answers to a question."""
        ...


class Ledger:
    """Judges the questions of one run, in the order in which it is told to."""

    def __init__(
        self,
        *,
        source: Source,
        assessment: Assessment,
        handlers: Sequence[Handler] = (),
        controls: Collection[str] = (),
        terms: Terms = TERMS,
        witness: Witness = no_testimonies,
        snapshot: Mapping[str, Any] | None = None,
    ) -> None:
        """`snapshot`: the shapes that answers had before, by `case[mode]`."""
        self._source = source
        self._assessment = assessment
        self._handlers = handlers
        self._facts = RunFacts(controls)
        self._terms = terms
        self._witness = witness
        self._snapshot = snapshot or {}

    @property
    def rules(self) -> list[Rule]:
        return self._assessment.rules

    @property
    def rows(self) -> list[CaseRow | RuleRow]:
        """Every row with a verdict so far."""
        return self._facts.rows

    def judge_case(self, question: Question) -> CaseJudged:
        """Judges a question that was asked."""
        record = self._source.record(question)
        judged = in_turn(record.size, lambda: self._judged_and_told(record))
        if trace := record.trace or judged.trace:
            self._tell(SuiteFailed(question.id, trace))
        self._source.judged(question)
        return judged

    def _judged_and_told(self, record: Record) -> CaseJudged:
        judged = self._judged(record, self._witness(record))
        self._tell(judged)
        if record.size > SMALL:
            record.forget()  # one of a pair waits for the other
        return judged

    def judge_again(self, earlier: Earlier) -> None:
        """Judges what an earlier run recorded, for a log of its own."""
        self._tell(self._earlier(earlier))

    def take(self, earlier: Earlier) -> None:
        """Counts what an earlier part of this run judged; its row stands in the log already."""
        self._earlier(earlier)

    def _earlier(self, earlier: Earlier) -> CaseJudged:
        return self._judged(earlier.record, Testimonies(earlier.sdk), drifted=earlier.drift)

    def _judged(self, record: Record, testimonies: Testimonies, *, drifted: bool | None = None) -> CaseJudged:
        """The row of a question; a failure of our own is this question's, and no other's."""
        trace = testimonies.trace
        row = None if trace else self._row(record, testimonies, drifted)
        if not isinstance(row, CaseRow):
            trace = row or trace
            row = self._assessment.failed_row(record.question, trace)
        self._facts.add(record, row)
        return CaseJudged(
            record=record,
            testimonies=testimonies,
            row=row,
            logged=_tendency(row, record) if row.kind == "tendency" else row,
            trace=trace,
        )

    def _row(self, record: Record, testimonies: Testimonies, drifted: bool | None) -> CaseRow | str:
        """The row, or the traceback of what kept the suite from making one."""
        try:
            shape = record.attempts[-1].shape if record.attempts else None
            if drifted is None:
                drifted = shape is not None and self._snapshot.get(_named(record.question), shape) != shape
            return self._assessment.case_row(record.question, testimonies.worst, shape=shape, drift=drifted)
        except Exception as problem:  # noqa: BLE001 - whatever fails here is one question's failure
            return trace_of(problem)

    def judge_rule(self, rule: Rule) -> RuleRow:
        """Judges one rule over everything that was recorded."""
        try:
            row = self._assessment.rule_row(rule)
        except Exception as problem:  # noqa: BLE001 - whatever fails here is one rule's failure
            row = self._assessment.failed_rule(rule)
            self._tell(SuiteFailed(rule.id, trace_of(problem)))
        self._facts.rows.append(row)
        self._tell(RuleJudged(row))
        return row

    def failed(self, at: str, problem: BaseException) -> None:
        """Takes note of a defect of the suite itself: the run ends with exit code 2 and says where to look."""
        self._facts.suite_failures += 1
        self._tell(SuiteFailed(at, trace_of(problem)))

    def finish(self, ending: Ending = "finished", *, complete: bool = True) -> Ended:
        """Ends the run."""
        notes, ended = finish(self._facts, self._terms, ending, self._assessment.catalog, complete=complete)
        for note in notes:
            self._tell(note)
        self._tell(ended)
        return ended

    def _tell(self, event: Event) -> None:
        for handle in self._handlers:
            handle(event)


def _named(question: Question) -> str:
    return f"{question.case.id}[{question.mode}]"


def _tendency(row: CaseRow, record: Record) -> TendencyRow:
    """What a case of kind tendency leaves: how often it was shown, and no verdict."""
    shown = sum(observation in ("shown", "weak") for observation in record.observations)
    return TendencyRow(case=row.case, mode=row.mode, shown=shown, of=len(record.observations), exchanges=row.exchanges)

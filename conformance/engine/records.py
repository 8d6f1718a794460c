"""Records from the evidence of an earlier run: what was asked and answered then, read with today's rules."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from msgspec import Struct

from conformance.catalog.case import Case, modes_of
from conformance.catalog.load import Catalog
from conformance.engine.assessment import FAILED
from conformance.engine.inquiry import attempt_of
from conformance.engine.plan import every_question
from conformance.engine.question import Attempt, Question, Record, input_tokens_of
from conformance.engine.same_question import asks_the_same
from conformance.judge.observe import Observed
from conformance.probe.asking import Asked, StepAnswer
from conformance.runs.evidence import Evidence, exchange_of, read_evidence
from conformance.runs.log import CaseRow, RunLog
from conformance.targets.target import Target
from conformance.words import SdkTestimony


def target_of(log: RunLog) -> Target:
    """The target of an earlier run as far as its answers can be judged: nobody can be asked with it."""
    asked = log.run.target
    return Target(
        name=asked.name,
        base_url=asked.base_url,
        version=asked.version,
        model=asked.model,
        capabilities=dict(log.run.capabilities),
        simulated=asked.simulated,
    )


class Earlier(Struct, frozen=True):
    """What an earlier run left of a question: its record, and what was observed beside the verdict."""

    record: Record
    sdk: SdkTestimony | None = None
    drift: bool = False


class Recorded:
    """The records that are all there is, since nobody is asked any more: a source for the ledger."""

    def __init__(self, records: Mapping[Question, Record], missing: str) -> None:
        """`missing`: why a question that others lean on was not asked."""
        self._records = records
        self._missing = missing

    def record(self, question: Question) -> Record:
        """The record of a question; one that was not asked was prevented."""
        return self._records.get(question) or Record(question=question, prevented=self._missing)

    def judged(self, question: Question) -> None:
        """Keeps the answers, which the caller gave."""


def earlier_of(log: RunLog, catalog: Catalog, target: Target) -> dict[Question, Earlier]:
    """What a run left of every question that is still asked as it was then, in the order of the catalog.

    What a case expects may have changed since; one that asks something else is left out.
    """
    left = {
        (question := Question(case, row.mode)): Earlier(_record(log.folder, question, row, target), row.sdk, row.drift)
        for row in log.cases
        if (case := catalog.cases.get(row.case)) is not None and _is_still_asked(log, catalog, case, row, target)
    }
    for row in log.tendencies:
        if (case := catalog.cases.get(row.case)) is not None:
            question = Question(case, row.mode)
            attempts = _attempts(log.folder, question, row.exchanges, target)
            left[question] = Earlier(Record(question=question, attempts=attempts))
    return {question: left[question] for question in every_question(catalog) if question in left}


def _is_still_asked(log: RunLog, catalog: Catalog, case: Case, row: CaseRow, target: Target) -> bool:
    """Whether today's case asks what was asked then: by its hash, or by the requests that were recorded."""
    if catalog.sha256(case) == row.case_sha256:
        return True
    question = Question(case, row.mode)
    asked = (_asked(question, number, replies) for number, replies in _by_attempt(log.folder, row.exchanges))
    return row.mode in modes_of(case) and all(asks_the_same(question, one, target, catalog.fixtures) for one in asked)


def _record(folder: Path, question: Question, row: CaseRow, target: Target) -> Record:
    if not row.exchanges:
        if row.verdict == "error":
            return Record(question=question, failure=row.reason.removeprefix(FAILED))
        if row.attempts:
            return Record(
                question=question,
                attempts=tuple(Attempt(number + 1, "", (), Observed("unelicited")) for number in range(row.attempts)),
                capable=row.capable,
                confirmed=row.confirmed,
            )
        inapplicable = row.reason if row.verdict == "not-applicable" else ""
        return Record(question=question, inapplicable=inapplicable, prevented="" if inapplicable else row.reason)
    attempts = _attempts(folder, question, row.exchanges, target)
    return Record(
        question=question,
        attempts=attempts,
        capable=row.capable,
        input_tokens=input_tokens_of(attempts),
        confirmed=row.confirmed,
    )


def _attempts(folder: Path, question: Question, exchanges: Sequence[str], target: Target) -> tuple[Attempt, ...]:
    return tuple(
        attempt_of(question, _asked(question, number, replies), target)
        for number, replies in _by_attempt(folder, exchanges)
    )


def _by_attempt(folder: Path, exchanges: Sequence[str]) -> list[tuple[int, list[Evidence]]]:
    """The evidence of each attempt, with its number."""
    evidence = [read_evidence(folder, name) for name in exchanges]
    return [(number, list(replies)) for number, replies in groupby(evidence, key=lambda one: one.attempt)]


def _asked(question: Question, number: int, evidence: list[Evidence]) -> Asked:
    return Asked(
        case=question.case.id,
        mode=question.mode,
        attempt=number,
        nonce=evidence[0].nonce,
        answers=tuple(_step_answer(question.case, one) for one in evidence),
    )


def _step_answer(case: Case, evidence: Evidence) -> StepAnswer:
    name = evidence.step.rstrip("0123456789") if case.concurrent > 1 else evidence.step
    return StepAnswer(name, evidence.mode, exchange_of(evidence), int(evidence.step[len(name) :] or 0))

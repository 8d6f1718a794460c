"""Records from the evidence of an earlier run: what was asked and answered then, read with today's rules."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from msgspec import Struct

from conformance.catalog.case import Case
from conformance.catalog.load import Catalog
from conformance.engine.assessment import FAILED
from conformance.engine.inquiry import attempt_of
from conformance.engine.plan import every_question
from conformance.engine.question import Attempt, Question, Record, input_tokens_of
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

    A question whose case changed since is left out.
    """
    left = {
        (question := Question(case, row.mode)): Earlier(_record(log.folder, question, row, target), row.sdk, row.drift)
        for row in log.cases
        if (case := catalog.cases.get(row.case)) is not None and catalog.sha256(case) == row.case_sha256
    }
    for row in log.tendencies:
        if (case := catalog.cases.get(row.case)) is not None:
            question = Question(case, row.mode)
            attempts = _attempts(log.folder, question, row.exchanges, target)
            left[question] = Earlier(Record(question=question, attempts=attempts))
    return {question: left[question] for question in every_question(catalog) if question in left}


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
    evidence = [read_evidence(folder, name) for name in exchanges]
    return tuple(
        attempt_of(question, _asked(question, number, list(replies)), target)
        for number, replies in groupby(evidence, key=lambda one: one.attempt)
    )


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

"""Records from the evidence of an earlier run: what was asked and answered then, read with today's rules."""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from conformance.catalog.case import Case
from conformance.catalog.load import Catalog
from conformance.engine.inquiry import attempt_of
from conformance.engine.question import Question, Record, weight_of
from conformance.probe.asking import Asked, StepAnswer
from conformance.runs.evidence import Evidence, exchange_of, read_evidence
from conformance.runs.log import CaseRow, RunLog
from conformance.targets.target import Target


def target_of(log: RunLog) -> Target:
    """The target of an earlier run as far as its answers can be judged: nobody can be asked with it."""
    told = log.run.target
    return Target(
        name=told.name,
        base_url=told.base_url,
        version=told.version,
        model=told.model,
        capabilities=dict(log.run.capabilities),
        simulated=told.simulated,
    )


def records_of(log: RunLog, catalog: Catalog, target: Target) -> Mapping[Question, Record]:
    """The records of every question that is still asked as it was then; one whose case changed is left out."""
    return {
        (question := Question(case, row.mode)): _record(log.folder, question, row, target)
        for row in log.cases
        if (case := catalog.cases.get(row.case)) is not None and catalog.sha256(case) == row.case_sha256
    }


def _record(folder: Path, question: Question, row: CaseRow, target: Target) -> Record:
    if not row.exchanges:
        inapplicable = row.reason if row.verdict == "not-applicable" else ""
        return Record(question=question, inapplicable=inapplicable, prevented="" if inapplicable else row.reason)
    evidence = [read_evidence(folder, name) for name in row.exchanges]
    attempts = tuple(
        attempt_of(question, _asked(question, number, list(replies)), target)
        for number, replies in groupby(evidence, key=lambda one: one.attempt)
    )
    return Record(
        question=question, attempts=attempts, capable=row.capable, weight=weight_of(attempts), confirmed=row.confirmed
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

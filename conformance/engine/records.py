"""Records from the evidence of an earlier run, read with today's rules; its verdicts, as a baseline for every row."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from conformance.catalog.case import Case, modes_of
from conformance.catalog.load import Catalog
from conformance.engine.assessment import FAILED
from conformance.engine.inquiry import attempt_of
from conformance.engine.plan import every_question
from conformance.engine.question import Attempt, Earlier, Question, Record, input_tokens_of, within
from conformance.engine.same_question import asks_the_same
from conformance.errors import UserError
from conformance.files import resolved
from conformance.judge.observe import Observed
from conformance.probe.asking import Asked, StepAnswer
from conformance.runs.evidence import Evidence, exchange_of
from conformance.runs.evidence_store import EvidenceError, EvidenceStore
from conformance.runs.expectations import RowResult, seen_in
from conformance.runs.log import CaseRow, RunLog, TendencyRow, read_log
from conformance.targets.load import TargetFileError, files_behind, load_target_file
from conformance.targets.resolve import is_file
from conformance.targets.target import Target
from conformance.words import Mode


def target_of(log: RunLog) -> Target:
    """The target of an earlier run as far as its answers can be judged: nobody can be asked with it."""
    asked = log.run.target
    headroom, defaults = added(log)
    return Target(
        name=asked.name,
        base_url=asked.base_url,
        version=asked.version,
        model=asked.model,
        capabilities=dict(log.run.capabilities),
        headroom=headroom,
        defaults=defaults,
        simulated=asked.simulated,
    )


def added(log: RunLog) -> tuple[int, dict[str, Any]]:
    """The headroom and the defaults that the target's file added to what the cases send."""
    try:
        named = target_named(log) or log.run.target.name
        file = load_target_file(named if is_file(named) else named.partition("@")[0])
    except TargetFileError:
        return 0, {}
    return (0 if log.run.capabilities.get("thinking") is False else file.headroom), file.defaults


def target_named(log: RunLog) -> str | None:
    """The target that the head of a run names; UserError where its file, or one that this extends, is out of reach."""
    named = log.options.target
    if named is not None and is_file(named):
        for file in files_behind(named):
            _refuse_afar(log, file, "the target file")
    return named


def baseline_named(log: RunLog) -> Path | None:
    """The run with which the head of a run says that it was compared; UserError where that is out of reach."""
    named = log.options.baseline
    if named is not None:
        _refuse_afar(log, resolved(named), "the baseline")
    return named


def read_besides(log: RunLog, *, baseline: bool) -> list[str]:
    """What is read besides a run since its head names it, in lines for the person who named the run."""
    target, compared = log.options.target, baseline_named(log) if baseline else None
    files: list[tuple[str, object]] = [("target file", target)] if target is not None and is_file(target) else []
    files += [("baseline", compared)] if compared is not None else []
    return [f"{path} is read, too: the head of {log.folder} names it as its {what}" for what, path in files]


def _refuse_afar(log: RunLog, path: Path, what: str) -> None:
    """UserError where a file lies neither in the folder of a run nor below the current one.

    The run may be a stranger's: what its head names is read only where the caller stands, or where the run lies.
    """
    if not any(path.is_relative_to(resolved(place)) for place in (log.folder, Path())):
        raise UserError(
            f"the head of {log.folder} names {path} as {what}; it is not read, since it lies neither there nor below "
            "the current folder: call this from a folder above it, if it is yours"
        )


class FixedRecords:
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


class EarlierRun(Struct, frozen=True, kw_only=True):
    """The results of an earlier run that can be judged today."""

    questions: dict[Question, Earlier]
    """In the order of the catalog."""
    changed: tuple[str, ...] = ()
    """Questions, `case[mode]`, that would send something else today, or are asked no more."""
    lost: tuple[str, ...] = ()
    """Questions whose evidence is missing or cannot be read."""


def earlier_of(log: RunLog, catalog: Catalog, target: Target) -> EarlierRun:
    """The results of every question that still sends what it sent then."""
    names = {old: case.id for case in catalog.cases.values() for old in case.renamed_from}
    reader = _Reader(catalog, target, EvidenceStore(log.folder))
    found: dict[Question, Earlier] = {}
    changed: list[str] = []
    lost: list[str] = []
    rows: list[CaseRow | TendencyRow] = [*log.cases, *log.tendencies]
    for row in rows:
        case = catalog.cases.get(names.get(row.case, row.case))
        question = None if case is None else Question(case, row.mode)
        try:
            earlier = None if question is None else reader.earlier(question, row)
        except EvidenceError:
            lost.append(f"{row.case}[{row.mode}]")
            continue
        if question is None or earlier is None:
            changed.append(f"{row.case}[{row.mode}]")
        else:
            found[question] = earlier
    ordered = {question: found[question] for question in every_question(catalog) if question in found}
    return EarlierRun(questions=ordered, changed=tuple(changed), lost=tuple(lost))


class _Reader:
    """Makes records of what a run logged and kept."""

    def __init__(self, catalog: Catalog, target: Target, store: EvidenceStore) -> None:
        self._catalog = catalog
        self._target = target
        self._store = store

    def earlier(self, question: Question, row: CaseRow | TendencyRow) -> Earlier | None:
        """The result of a question; None where it sends something else today. EvidenceError where it is lost."""
        attempts = [
            _asked(question, number, list(replies))
            for number, replies in groupby(map(self._store.read, row.exchanges), key=lambda one: one.attempt)
        ]
        if not self._is_the_same(question, row, attempts):
            return None
        if question.case.within is not None and attempts:
            return Earlier(self._within(question, row, attempts))
        laws = self._catalog.within(question.case.id)
        read = tuple(attempt_of(question, asked, self._target, laws=laws) for asked in attempts)
        if isinstance(row, TendencyRow):
            return Earlier(Record(question=question, attempts=read))
        return Earlier(_record(question, row, read), row.sdk, row.drift)

    def _within(self, question: Question, row: CaseRow | TendencyRow, attempts: Sequence[Asked]) -> Record:
        """The record of a question that is judged within a journey, whose exchanges are those that its row names."""
        home = Question(self._catalog.cases[question.case.within or ""], question.mode)
        read = tuple(attempt_of(home, asked, self._target, laws=[question.case]) for asked in attempts)
        record = within(question, Record(question=home, attempts=read))
        return replace(record, capable=row.capable, confirmed=row.confirmed) if isinstance(row, CaseRow) else record

    def _is_the_same(self, question: Question, row: CaseRow | TendencyRow, attempts: Sequence[Asked]) -> bool:
        case = question.case
        if isinstance(row, CaseRow) and row.case_sha256 == self._catalog.sha256(case):
            return True
        if row.mode not in modes_of(case):
            return False
        return all(asks_the_same(question, asked, self._target, self._catalog.fixtures) for asked in attempts)


def _record(question: Question, row: CaseRow, attempts: tuple[Attempt, ...]) -> Record:
    if attempts:
        return Record(
            question=question,
            attempts=attempts,
            capable=row.capable,
            input_tokens=input_tokens_of(attempts),
            confirmed=row.confirmed,
        )
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


Baseline = dict[tuple[str, Mode | None], RowResult]
"""The verdicts of an earlier run by case and mode, or by rule."""


def read_baseline(run: Path) -> Baseline:
    """The verdicts of a run; LogError where there is none."""
    return seen_in(read_log(run))

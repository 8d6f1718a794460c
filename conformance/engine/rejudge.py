"""Judges an earlier run again: the same evidence, options and expectations, today's rules and cases."""

from collections.abc import Collection
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from conformance import __version__
from conformance.catalog.load import Catalog
from conformance.catalog.profile import Need, Profile, parted
from conformance.engine.assessment import Assessment
from conformance.engine.events import Ended
from conformance.engine.finish import Terms
from conformance.engine.ledger import Ledger
from conformance.engine.log_header import catalog_row
from conformance.engine.outputs import into_log
from conformance.engine.plan import plain_controls
from conformance.engine.question import Question
from conformance.engine.records import (
    EarlierRun,
    FixedRecords,
    baseline_named,
    earlier_of,
    read_baseline,
    target_named,
    target_of,
)
from conformance.errors import UserError
from conformance.judge.rules import RULES
from conformance.runs.expectations import Expectations
from conformance.runs.log import FORMAT, LogWriter, RunLog, SuiteInfo, TargetInfo
from conformance.targets.load import TargetFileError
from conformance.targets.resolve import disputes_of, gaps_of, is_file, packaged_version, pin_of

NOT_ASKED = "not asked in the run that is judged again"


class Rejudged(Struct, frozen=True, kw_only=True):
    """The end of a run judged today, and the questions that could not be judged again."""

    ended: Ended
    judged: int
    """How many questions were judged again."""
    changed: tuple[str, ...]
    lost: tuple[str, ...]

    def left_out(self) -> str:
        """The number of questions left out and why, in one line; empty where none was."""
        parts = []
        if self.changed:
            parts.append(f"{len(self.changed)} whose question has changed since")
        if self.lost:
            parts.append(f"{len(self.lost)} without evidence")
        whole = self.judged + len(self.changed) + len(self.lost)
        return f"left out of {whole} questions: {' and '.join(parts)}" if parts else ""


def rejudge(
    log: RunLog, catalog: Catalog, out: Path, *, baseline: Path | None = None, expectations: Expectations | None = None
) -> Rejudged:
    """Writes a new log into `out`, without what cannot be judged again.

    `baseline` is where the run lies that this one was compared with, if it is not where it was then;
    `expectations` are others than those of the target's file.
    """
    log = replace(log, run=replace(log.run, target=_packaged(log.run.target)))
    left = earlier_of(log, catalog, target_of(log))
    return judge_again(log, left, catalog, out, baseline=baseline, expectations=expectations)


def judge_again(
    log: RunLog,
    left: EarlierRun,
    catalog: Catalog,
    out: Path,
    *,
    baseline: Path | None = None,
    expectations: Expectations | None = None,
) -> Rejudged:
    """The same over what one run or several have left; `log`: whose head and options count."""
    expected = _expectations(log) if expectations is None else expectations
    compared = baseline or baseline_named(log)
    earlier = left.questions
    source = FixedRecords({question: one.record for question, one in earlier.items()}, NOT_ASKED)
    assessment = Assessment(
        catalog,
        earlier,
        source.record,
        expected,
        read_baseline(compared) if compared else None,
        whole=not log.options.takes_a_sample,
        selected=log.options.select is not None,
    )
    with LogWriter(out) as writer:
        writer.write(replace(log.run, format=FORMAT, suite=SuiteInfo(__version__, catalog.cases_sha256)))
        writer.write(catalog_row(catalog))
        ledger = Ledger(
            source=source,
            assessment=assessment,
            handlers=[into_log(writer)],
            controls=plain_controls(catalog, earlier),
            terms=_terms(_left(log, earlier), catalog, expected),
        )
        for one in earlier.values():
            ledger.judge_again(one)
        for rule in ledger.rules:
            ledger.judge_rule(rule)
        ended = ledger.finish(complete=log.complete)
    return Rejudged(ended=ended, judged=len(earlier), changed=left.changed, lost=left.lost)


def _left(log: RunLog, earlier: Collection[Question]) -> RunLog:
    """The run without the rows of questions whose answers cannot be judged again: it says nothing of them."""
    kept = {(question.case.id, question.mode) for question in earlier}
    today = {old: question.case.id for question in earlier for old in question.case.renamed_from}
    return replace(log, cases=tuple(row for row in log.cases if (today.get(row.case, row.case), row.mode) in kept))


def _terms(log: RunLog, catalog: Catalog, expected: Expectations) -> Terms:
    """The terms on which the run was asked; of its profiles, the needs that it could answer."""
    profiles = {name: as_asked(name, log, catalog) for name in catalog.profiles}
    return Terms(
        strict=log.options.strict,
        allow_improvements=log.options.allow_improvements,
        profiles=profiles,
        unasked={name: left_out(catalog.profiles[name], profile) for name, profile in profiles.items()},
        profile=log.run.profile,
        expectations=expected,
        model=log.run.target.model,
    )


def as_asked(name: str, log: RunLog, catalog: Catalog) -> Profile:
    """The profile without the questions that are newer than a run which answered it then."""
    profile = catalog.profiles[name]
    if all(answer.profile != name for answer in log.readiness):
        return profile
    today = {old: case.id for case in catalog.cases.values() for old in case.renamed_from}
    asked = {today.get(row.case, row.case) for row in log.cases}
    versions = [replace(version, needs=_asked_needs(version.needs, asked)) for version in profile.versions]
    return replace(profile, needs=_asked_needs(profile.needs, asked), versions=versions)


def left_out(profile: Profile, then: Profile) -> list[str]:
    """The needs of which the earlier run says nothing, or not all."""
    kept = {need.id: need.questions for need in then.needs}
    return [need.id for need in profile.needs if kept.get(need.id) != need.questions]


def _asked_needs(needs: list[Need], asked: Collection[str]) -> list[Need]:
    kept = [
        replace(need, questions=[question for question in need.questions if _was_asked(question, asked)])
        for need in needs
    ]
    return [need for need in kept if need.questions or need.steady]


def _was_asked(question: str, asked: Collection[str]) -> bool:
    """Rules are asked of whatever was answered."""
    name, _ = parted(question)
    return name in asked or name.partition(":")[0] in RULES


def _packaged(target: TargetInfo) -> TargetInfo:
    """The target in the version of its package: earlier suites knew only what the server says of itself."""
    try:
        packaged = packaged_version(target.name, target.version)
    except TargetFileError:  # a file of the user's own, or a server that no file is about
        return target
    return target if packaged == target.version else replace(target, version=packaged, calls_itself=target.version)


def _expectations(log: RunLog) -> Expectations:
    """The gaps of the target's file for the version that was asked; UserError where a file of the user's is gone."""
    named = log.options.target or ""
    try:
        target_named(log)
        name, version = named if is_file(named) else log.run.target.name, log.run.target.version
        documented, known = gaps_of(name, version, log.run.target.model)
        disputed, suite = disputes_of(name, version), pin_of(name)
    except TargetFileError as problem:
        if log.run.expectations_sha256 != Expectations().sha256:
            why = f"{named} is no target file that can be read" if is_file(named) else str(problem)
            raise UserError(f"what was expected of {log.run.target.name} cannot be read again: {why}") from problem
        return Expectations()
    return Expectations(documented=documented, known=known, disputed=disputed, suite=suite)

"""Joins runs of one server: their answers are judged together, so that rules, causes and readiness see all of them.

The shards of a run are merged; a run that was asked before there were some questions is extended by a later one.
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from conformance.catalog.load import Catalog
from conformance.engine.plan import Shard, every_question, plan
from conformance.engine.question import Earlier, Question, Record
from conformance.engine.records import EarlierRun, earlier_of, target_of
from conformance.engine.rejudge import Rejudged, judge_again
from conformance.errors import UserError
from conformance.runs.evidence_store import EvidenceStore, join_evidence
from conformance.runs.log import EndRow, RunLog
from conformance.runs.options import RunOptions

ONE_MACHINE = ("shard", "out", "resume", "base_url", "concurrency", "command")
"""Options in which shards of one run may differ: each machine has an endpoint and a folder of its own."""
MISSING = "missing after the merge: its shard was cut short"


class _Part(Struct, frozen=True):
    """One run of several: its log, and what it left."""

    log: RunLog
    left: EarlierRun


def merge(logs: Sequence[RunLog], catalog: Catalog, out: Path) -> Rejudged:
    """Writes log and evidence of the whole run into `out`; UserError where these are not all the shards of one run."""
    ordered = _all_of_one_run(logs)
    whole = _head(ordered)
    return _joined(whole, ordered, _planned(whole, catalog), catalog, out)


def extend(log: RunLog, later: RunLog, catalog: Catalog, out: Path) -> Rejudged:
    """Writes log and evidence of a run into `out`, with the questions of a later one that it lacks."""
    return _joined(log, [log, later], [], catalog, out)


def unasked(log: RunLog, catalog: Catalog) -> list[str]:
    """The ids of the cases that a run would be asked today, and was not, or not as they are today."""
    asked = earlier_of(log, catalog, target_of(log)).questions
    return list(dict.fromkeys(question.case.id for question in _planned(log, catalog) if question not in asked))


def _joined(
    whole: RunLog, logs: Sequence[RunLog], planned: Iterable[Question], catalog: Catalog, out: Path
) -> Rejudged:
    """The answers of several runs judged as those of one, whose head is that of `whole`.

    Where several have an answer, that of the first counts.
    """
    parts = [_Part(log, earlier_of(log, catalog, target_of(log))) for log in logs]
    chosen = _chosen(parts)
    found = {question: part.left.questions[question] for question, part in chosen.items()}
    for question in planned:
        found.setdefault(question, Earlier(Record(question=question, prevented=MISSING)))
    asked = {f"{question.case.id}[{question.mode}]" for question in chosen}
    left = EarlierRun(
        questions={question: found[question] for question in every_question(catalog) if question in found},
        changed=_together((part.left.changed for part in parts), but_for=asked),
        lost=_together((part.left.lost for part in parts), but_for=asked),
    )
    stores = {part.log.folder: EvidenceStore(part.log.folder) for part in parts}
    join_evidence(
        {
            name: stores[part.log.folder]
            for question, part in chosen.items()
            for name in _exchanges(part.left.questions[question].record)
        },
        out,
    )
    return judge_again(whole, left, catalog, out)


def _all_of_one_run(logs: Sequence[RunLog]) -> list[RunLog]:
    """The shards in their order; UserError where one is missing, doubled, or of another run."""
    first = logs[0]
    found: dict[int, RunLog] = {}
    of = 0
    for log in logs:
        if not log.shard:
            raise UserError(f"{log.folder} is no shard: it was asked without --shard")
        shard = Shard.of_text(log.shard)
        if of and shard.of != of:
            raise UserError(f"{log.folder} is shard {log.shard}, and {first.folder} is shard {first.shard}")
        of = shard.of
        if shard.number in found:
            raise UserError(f"{found[shard.number].folder} and {log.folder} are both shard {log.shard}; leave one out")
        found[shard.number] = log
        _agree(first, log)
    missing = [f"{number}/{of}" for number in range(1, of + 1) if number not in found]
    if missing:
        raise UserError(f"shard {', '.join(missing)} is missing: name the folders of all {of} shards")
    return [found[number] for number in sorted(found)]


def _agree(first: RunLog, log: RunLog) -> None:
    """UserError where two shards were not asked of the same server with the same questions."""
    for what, one, other in (
        ("the target", _named(first), _named(log)),
        ("the model", first.run.target.model, log.run.target.model),
        ("the suite's cases", first.run.suite.cases_sha256[:12], log.run.suite.cases_sha256[:12]),
        ("the expectations", first.run.expectations_sha256[:12], log.run.expectations_sha256[:12]),
        ("the profile", first.run.profile, log.run.profile),
        ("the options", _shared(first), _shared(log)),
    ):
        if one != other:
            raise UserError(
                f"{first.folder} and {log.folder} are shards of different runs: {what} is {one or 'none'} in the one "
                f"and {other or 'none'} in the other"
            )


def _named(log: RunLog) -> str:
    return " ".join(filter(None, (log.run.target.name, log.run.target.version)))


def _shared(log: RunLog) -> dict[str, object]:
    return {name: value for name, value in log.run.options.items() if name not in ONE_MACHINE}


def _chosen(parts: Sequence[_Part]) -> dict[Question, _Part]:
    """Whose answers count: what several shards lean on, each of them asked; one that got an answer comes first."""
    found: dict[Question, _Part] = {}
    for part in parts:
        for question, earlier in part.left.questions.items():
            if question not in found or (
                earlier.record.attempts and not found[question].left.questions[question].record.attempts
            ):
                found[question] = part
    return found


def _head(logs: Sequence[RunLog]) -> RunLog:
    """The log of the whole run, as far as it is known before it is judged: head and end."""
    first = logs[0]
    options = {name: value for name, value in first.run.options.items() if name != "shard"}
    command = " ".join(["conformance", "merge", *(log.folder.name for log in logs)])
    run = replace(first.run, options=options, command=command, started=min(log.run.started for log in logs))
    complete = all(log.complete for log in logs)
    return replace(first, run=run, end=EndRow(finished="", counts={}, complete=complete, exit=0))


def _planned(log: RunLog, catalog: Catalog) -> list[Question]:
    """What the whole run was to ask."""
    return plan(catalog, RunOptions(select=log.options.select, profile=log.run.profile))


def _exchanges(record: Record) -> Iterable[str]:
    return (reply.evidence for one in record.attempts for reply in (*one.replies, *one.unread))


def _together(each: Iterable[tuple[str, ...]], but_for: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for names in each for name in names if name not in but_for))

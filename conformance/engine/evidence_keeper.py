"""Writes the evidence of each question into the folder of a run: a handler of the run's events."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from conformance.engine.events import CaseJudged, Event
from conformance.engine.question import Attempt, Question
from conformance.judge.observe import Reply
from conformance.judge.witness import Testimony
from conformance.runs.evidence import Evidence, Mark, recorded, write_evidence


class EvidenceKeeper:
    """Keeps every exchange of a run as evidence."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def handle(self, event: Event) -> None:
        """Writes the exchanges of a judged question."""
        if isinstance(event, CaseJudged):
            for name, evidence in evidence_of(event):
                write_evidence(self._folder, name, evidence)


def evidence_of(event: CaseJudged) -> Iterator[tuple[str, Evidence]]:
    """Name and content of the evidence of a question, in the order in which it was asked."""
    for attempt in event.record.attempts:
        for reply in attempt.replies:
            testimony = event.testimonies.each.get(reply.evidence)
            failure = event.testimonies.failures.get(reply.evidence, "")
            yield reply.evidence, _evidence(event.record.question, attempt, reply, testimony, failure)
        for reply in attempt.unread:
            yield reply.evidence, _evidence(event.record.question, attempt, reply, None, attempt.trace)


def _evidence(
    question: Question, attempt: Attempt, reply: Reply, testimony: Testimony | None, failure: str
) -> Evidence:
    """The evidence of one exchange; `failure` is the traceback where the suite itself failed at it."""
    request, answer = recorded(reply.answer.exchange)
    if failure:
        answer = replace(answer, notes=[*answer.notes, failure])
    return Evidence(
        case=question.case.id,
        mode=reply.answer.mode,
        attempt=attempt.number,
        step=reply.step,
        observation="error" if failure else attempt.observed.observation,
        nonce=attempt.nonce,
        request=request,
        answer=answer,
        witness=testimony,
        marks=[Mark(reading.rule.id, violation) for reading in reply.readings for violation in reading.violations],
    )

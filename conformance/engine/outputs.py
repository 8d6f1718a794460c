"""Handlers of a run's events that write files: the log, and the evidence of each question."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from conformance.engine.events import CaseJudged, Ended, Event, Handler, SuiteFailed
from conformance.engine.question import Attempt, Question
from conformance.judge.observe import Reply
from conformance.judge.witness import Testimony
from conformance.runs.evidence import Evidence, Mark, recorded
from conformance.runs.evidence_store import EvidenceWriter, pack_evidence
from conformance.runs.log import LogWriter
from conformance.runs.values import bounded_violation


class EvidenceKeeper:
    """Keeps every exchange of a run: appended while it goes on, packed when it has ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer = EvidenceWriter(folder)

    def handle(self, event: Event) -> None:
        """Writes the exchanges of a judged question; packs them all at the end."""
        if isinstance(event, CaseJudged):
            for evidence in evidence_of(event):
                self._writer.write(evidence)
        elif isinstance(event, Ended):
            self.close()
            pack_evidence(self._folder)

    def close(self) -> None:
        """Lets go of the file, however the run ends."""
        self._writer.close()


def evidence_of(event: CaseJudged) -> Iterator[Evidence]:
    """The evidence of a question, in the order in which it was asked."""
    for attempt in event.record.attempts:
        for reply in attempt.replies:
            testimony = event.testimonies.each.get(reply.evidence)
            failure = event.testimonies.failures.get(reply.evidence, "")
            evidence = _evidence(event.record.question, attempt, reply, testimony, failure)
            if why := event.testimonies.unshown.get(reply.evidence):
                evidence = replace(evidence, answer=replace(evidence.answer, notes=[*evidence.answer.notes, why]))
            yield evidence
        for reply in attempt.unread:
            yield _evidence(event.record.question, attempt, reply, None, attempt.trace)


def _evidence(
    question: Question, attempt: Attempt, reply: Reply, testimony: Testimony | None, failure: str
) -> Evidence:
    """The evidence of one exchange; `failure` is the traceback where the suite itself failed at it."""
    request, answer = recorded(reply.answer.exchange)
    if failure:
        answer = replace(answer, notes=[*answer.notes, failure])
    return Evidence(
        id=reply.evidence,
        case=question.case.id,
        mode=reply.answer.mode,
        attempt=attempt.number,
        step=reply.step,
        observation="error" if failure else attempt.observed.observation,
        nonce=attempt.nonce,
        request=request,
        answer=answer,
        witness=testimony,
        marks=[
            Mark(reading.rule.id, bounded_violation(violation))
            for reading in reply.readings
            for violation in reading.violations
        ],
    )


def into_log(log: LogWriter) -> Handler:
    """Appends the row of each event to a log."""

    def handle(event: Event) -> None:
        if not isinstance(event, SuiteFailed):
            log.write(event.logged)

    return handle

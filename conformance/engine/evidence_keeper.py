"""Keeps the evidence of each question in the folder of a run: a handler of the run's events."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from conformance.engine.events import CaseJudged, Ended, Event
from conformance.engine.question import Attempt, Question
from conformance.judge.observe import Reply
from conformance.judge.witness import Testimony
from conformance.runs.evidence import Evidence, Mark, recorded
from conformance.runs.evidence_store import EvidenceWriter, pack_evidence
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
            self._writer.close()
            pack_evidence(self._folder)


def evidence_of(event: CaseJudged) -> Iterator[Evidence]:
    """The evidence of a question, in the order in which it was asked."""
    for attempt in event.record.attempts:
        for reply in attempt.replies:
            testimony = event.testimonies.each.get(reply.evidence)
            failure = event.testimonies.failures.get(reply.evidence, "")
            evidence = _evidence(event.record.question, attempt, reply, testimony, failure)
            if why := event.testimonies.unshown.get(reply.evidence):
                answer = replace(evidence.answer, notes=[*evidence.answer.notes, why])
                evidence = replace(evidence, answer=answer)
            yield evidence

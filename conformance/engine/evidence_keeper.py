"""What is kept of a question besides its row: evidence files, the SDK's testimony, the drift of its shape."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from conformance.engine.question import Attempt, Question, Record
from conformance.judge.observe import Reply
from conformance.judge.witness import Testimony, testify
from conformance.probe.asking import trace_of
from conformance.runs.evidence import Evidence, Mark, recorded, write_evidence
from conformance.words import SdkTestimony

WORST_FIRST: tuple[SdkTestimony, ...] = ("rejects", "misreads", "accepts")
EXHIBITS = 8
"""Exchanges held for pytest-html, which asks right after the judging."""

Drift = Callable[[Record], bool]
"""Whether the shape of a record's last answer differs from its snapshot."""


class Kept(Struct, frozen=True):
    sdk: SdkTestimony | None = None
    drift: bool = False
    trace: str = ""
    """Where showing an answer to the witness failed, by a fault of our own: the traceback."""


class Keeper:
    """Writes evidence into the folder of a run and shows each answer to the official SDK."""

    def __init__(self, folder: Path, *, witness: bool, evidence: bool) -> None:
        self._folder = folder
        self._witness = witness
        self._evidence = evidence
        self._exhibits: OrderedDict[Question, list[tuple[str, Evidence]]] = OrderedDict()

    def keep(self, record: Record, drift: Drift | None = None) -> Kept:
        """Keeps everything of a record; the SDK's worst testimony and whether the shape drifted."""
        testimonies: list[SdkTestimony] = []
        trace = ""
        for attempt in record.attempts:
            for reply in attempt.replies:
                testimony, failure = self._testify(reply)
                trace = trace or failure
                if testimony is not None:
                    testimonies.append(testimony.verdict)
                self._write(record.question, attempt, reply, testimony, failure)
            for reply in attempt.unread:
                self._write(record.question, attempt, reply, None, attempt.trace)
        worst = min(testimonies, key=WORST_FIRST.index, default=None)
        return Kept(worst, drift is not None and drift(record), trace)

    def _testify(self, reply: Reply) -> tuple[Testimony | None, str]:
        """What the SDK says, or the traceback of a failure of our own to ask it."""
        exchange = reply.answer.exchange
        if not self._witness or exchange.outcome == "abandoned":
            return None, ""
        try:
            return testify(exchange, reply.answer.mode), ""
        except Exception as problem:  # noqa: BLE001 - whatever fails here is one question's failure
            return None, trace_of(problem)

    def _write(
        self, question: Question, attempt: Attempt, reply: Reply, testimony: Testimony | None, trace: str
    ) -> None:
        if not self._evidence:
            return
        evidence = _evidence(question, attempt, reply, testimony)
        if trace:
            answer = replace(evidence.answer, notes=[*evidence.answer.notes, trace])
            evidence = replace(evidence, answer=answer, observation="error")
        write_evidence(self._folder, reply.evidence, evidence)
        self._exhibit(question, reply.evidence, evidence)

    def _exhibit(self, question: Question, name: str, evidence: Evidence) -> None:
        self._exhibits.setdefault(question, []).append((name, evidence))
        while len(self._exhibits) > EXHIBITS:
            self._exhibits.popitem(last=False)

    def exhibit(self, question: Question) -> list[tuple[str, str]]:
        """Name and text of the exchanges of a question, while they are fresh."""
        kept = self._exhibits.pop(question, [])
        return [(name, msgspec.json.format(msgspec.json.encode(one), indent=1).decode()) for name, one in kept]


def _evidence(question: Question, attempt: Attempt, reply: Reply, testimony: Testimony | None) -> Evidence:
    request, answer = recorded(reply.answer.exchange)
    return Evidence(
        case=question.case.id,
        mode=reply.answer.mode,
        attempt=attempt.number,
        step=reply.step,
        observation=attempt.observed.observation,
        nonce=attempt.nonce,
        request=request,
        answer=answer,
        witness=testimony,
        marks=[Mark(reading.rule.id, violation) for reading in reply.readings for violation in reading.violations],
    )

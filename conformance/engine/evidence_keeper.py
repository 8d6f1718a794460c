"""What is kept of a question besides its row: evidence files, the SDK's testimony, the drift of its shape."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from conformance.engine.question import Attempt, Question, Record
from conformance.judge.observe import Reply
from conformance.judge.witness import Testimony, testify
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
        for attempt in record.attempts:
            for reply in attempt.replies:
                testimony = self._testify(reply) if self._witness else None
                if testimony is not None:
                    testimonies.append(testimony.verdict)
                if self._evidence:
                    evidence = _evidence(record.question, attempt, reply, testimony)
                    write_evidence(self._folder, reply.evidence, evidence)
                    self._exhibit(record.question, reply.evidence, evidence)
        worst = min(testimonies, key=WORST_FIRST.index, default=None)
        return Kept(worst, drift is not None and drift(record))

    def _testify(self, reply: Reply) -> Testimony | None:
        exchange = reply.answer.exchange
        return None if exchange.outcome == "abandoned" else testify(exchange, reply.answer.mode)

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

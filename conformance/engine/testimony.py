"""The official SDK's reading of the answers to a question, kept beside the verdict; it never decides."""

from collections.abc import Callable

from msgspec import Struct

from conformance.engine.question import Record
from conformance.judge.witness import Testimony, testify, too_large
from conformance.probe.asking import trace_of
from conformance.words import SdkTestimony

WORST_FIRST: tuple[SdkTestimony, ...] = ("rejects", "misreads", "accepts")


class Testimonies(Struct, frozen=True):
    """The worst testimony on the answers to a question, and each by the name of its evidence."""

    worst: SdkTestimony | None = None
    each: dict[str, Testimony] = {}
    failures: dict[str, str] = {}
    """Where the suite itself failed to ask the witness: the tracebacks."""
    unshown: dict[str, str] = {}
    """Why an answer was not shown to it."""

    @property
    def trace(self) -> str:
        """The first of these tracebacks; empty without one."""
        return next(iter(self.failures.values()), "")


Witness = Callable[[Record], Testimonies]


def sdk_testimonies(record: Record) -> Testimonies:
    """Shows every answer of a record to the installed SDK."""
    each: dict[str, Testimony] = {}
    failures: dict[str, str] = {}
    unshown: dict[str, str] = {}
    for reply in (reply for attempt in record.attempts for reply in attempt.replies):
        exchange = reply.answer.exchange
        if exchange.outcome == "abandoned":
            continue
        if why := too_large(exchange):
            unshown[reply.evidence] = why
            continue
        try:
            testimony = testify(reply.answer)
        except Exception as problem:  # noqa: BLE001 - whatever fails here is one question's failure
            failures[reply.evidence] = trace_of(problem)
        else:
            if testimony is not None:
                each[reply.evidence] = testimony
    worst = min((testimony.verdict for testimony in each.values()), key=WORST_FIRST.index, default=None)
    return Testimonies(worst, each, failures, unshown)


def no_testimonies(record: Record) -> Testimonies:  # noqa: ARG001 - a Witness that is not asked
    """The testimonies of a run that shows its answers to nobody."""
    return Testimonies()

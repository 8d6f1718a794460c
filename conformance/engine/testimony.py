"""The official SDK's reading of the answers to a question, kept beside the verdict; it never decides."""

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from conformance.engine.question import Record
from conformance.judge.observe import Reply
from conformance.judge.witness import Testimony
from conformance.words import SdkTestimony

WORST_FIRST: tuple[SdkTestimony, ...] = ("rejects", "misreads", "accepts")


class Hearing(Struct, frozen=True, tag=True):
    """What came of it to show the SDK one answer; nothing, where it is of no kind that is shown."""

    testimony: Testimony | None = None
    unshown: str = ""
    """Why the answer was not shown to it."""
    trace: str = ""
    """Where the suite itself failed: the traceback."""


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


def answers_of(record: Record) -> Iterator[Reply]:
    """The answers of a record that came to an end."""
    replies = (reply for attempt in record.attempts for reply in attempt.replies)
    return (reply for reply in replies if reply.answer.exchange.outcome != "abandoned")


def summed_up(hearings: Mapping[str, Hearing]) -> Testimonies:
    """The testimonies of a record, from the hearings by the names of its evidence."""
    each = {name: one.testimony for name, one in hearings.items() if one.testimony is not None}
    return Testimonies(
        worst=min((testimony.verdict for testimony in each.values()), key=WORST_FIRST.index, default=None),
        each=each,
        failures={name: one.trace for name, one in hearings.items() if one.trace},
        unshown={name: one.unshown for name, one in hearings.items() if one.unshown},
    )


def no_testimonies(record: Record) -> Testimonies:  # noqa: ARG001 - a Witness that is not asked
    """The testimonies of a run that shows its answers to nobody."""
    return Testimonies()

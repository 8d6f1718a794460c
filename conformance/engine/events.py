"""The events of a run, which the ledger gives to the outputs.

Every output of a run is a handler of these events: evidence, log, progress, pytest. An event is handed to the handlers
in their order, so that evidence is on disk before the row that names it.
"""

from collections.abc import Callable, Mapping

from msgspec import Struct

from conformance.engine.question import Record
from conformance.engine.readiness import ProfileReadiness
from conformance.engine.testimony import Testimonies
from conformance.runs.log import CaseRow, CauseRow, EndRow, ObedienceRow, ReadinessRow, RuleRow, TendencyRow


class CaseJudged(Struct, frozen=True, kw_only=True):
    """A question has its verdict; its answers are let go of when all handlers have seen them."""

    record: Record
    testimonies: Testimonies
    row: CaseRow
    logged: CaseRow | TendencyRow
    """The row that the log keeps: a tendency has no verdict, and leaves a row of its own."""
    trace: str = ""
    """Where the suite itself failed to judge it: the traceback."""


class RuleJudged(Struct, frozen=True):
    """A rule has its verdict over all answers of the run."""

    logged: RuleRow


class CaseBlocked(Struct, frozen=True):
    """A question that a cause kept from being judged, once more at the end of the run."""

    logged: CaseRow


class Noted(Struct, frozen=True):
    """Something worth reading that no verdict follows from, at the end of a run."""

    logged: ObedienceRow | ReadinessRow | CauseRow


class SuiteFailed(Struct, frozen=True):
    """A defect of the suite itself: where it showed, and its traceback."""

    at: str
    trace: str


class Ended(Struct, frozen=True):
    """The run is over: the last event."""

    logged: EndRow
    readiness: Mapping[str, ProfileReadiness] = {}
    """By profile, where enough was asked to say."""


Event = CaseJudged | RuleJudged | CaseBlocked | Noted | SuiteFailed | Ended
Handler = Callable[[Event], None]

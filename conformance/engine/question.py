"""A question is a case in a mode; a record is what asking it brought."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from conformance.catalog.case import Case, asks_of, modes_of
from conformance.judge.observe import Observed, Reply
from conformance.judge.verdict import SHOWN, Observation
from conformance.probe.trouble import AGAINST, ASKED_AGAIN, is_final
from conformance.words import Mode, SdkTestimony

PLAIN = "messages.text"
"""The id of the plainest question: a short text, and nothing else."""
SCRIPTED = "scripted"
"""The name under which the scripted model is served."""


class Question(Struct, frozen=True):
    """One case in one mode: one test item."""

    case: Case
    mode: Mode

    @property
    def id(self) -> str:
        return f"{self.case.id}-{self.mode}"

    def __hash__(self) -> int:
        return hash((self.case.id, self.mode))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Question) and (self.case.id, self.mode) == (other.case.id, other.mode)


def agent_of(questions: Iterable[Question]) -> str:
    """The user-agent that most questions send: that of the client that they are about; empty where it is our own."""
    agents = Counter(str(one.case.ask.headers.get("user-agent") or "") for one in questions if one.case.ask)
    return max(agents, key=agents.__getitem__, default="")


WINDOW_ROW = "validation.context_window"
"""The row of the questions that ask what becomes of a prompt that does not fit."""


def obstacle_to(case: Case, window: int | None, most: int) -> str:
    """Why a case cannot be asked: the probe model takes in so many tokens, and so many requests are in flight."""
    if case.concurrent > most:
        return f"needs {case.concurrent} requests in flight"
    if window is None or case.surface == WINDOW_ROW:
        return ""
    longest = max((_tokens(ask.body) for ask in asks_of(case) if ask.path == "/v1/messages"), default=0)
    return "the prompt does not fit into the probe model's window" if longest > window else ""


def _tokens(value: Any) -> int:
    """Those of a request to the probe model: each byte of a text is one, and the JSON around it is none."""
    match value:
        case str():
            return len(value.encode(errors="replace"))
        case dict():
            return sum(map(_tokens, value.values()))
        case list():
            return sum(map(_tokens, value))
    return 0


class Attempt(Struct, frozen=True, dict=True):
    """One try at a question: what was answered, and what that showed."""

    number: int
    nonce: str
    replies: tuple[Reply, ...]
    observed: Observed
    seconds: float = 0.0
    input_tokens: int | None = None
    """Those of the request, where its last answer says."""
    shape: Any = None
    """That of its last answer; None where there is none."""
    unread: tuple[Reply, ...] = ()
    """Answers in which the suite itself failed: kept as evidence, and judged by nobody."""
    trace: str = ""
    """Where it failed: the traceback."""
    model: str = ""
    """The model that its last request names."""
    within: Mapping[str, Observed] = {}
    """What it showed of each case that is judged within this journey, by its id; empty where it broke off."""
    shared: tuple[str, ...] = ()
    """The exchanges of the journey that it judges, where it asked nothing of its own."""

    @cached_property
    def size(self) -> int:
        """Bytes of its answers."""
        return sum([reply.answer.exchange.size for reply in (*self.replies, *self.unread)])

    def light(self) -> "Attempt":
        """The same without its answers; where other cases are judged within it, with the names of its exchanges."""
        shared = tuple(reply.evidence for reply in self.replies) if self.within else self.shared
        return replace(self, replies=(), unread=(), shape=None, shared=shared)

    @property
    def waited(self) -> bool:
        """Whether an answer came only when it was asked for again: the server was busy, or did not answer."""
        return any(ASKED_AGAIN in note for reply in self.replies for note in reply.answer.exchange.notes)

    @property
    def final(self) -> bool:
        """Whether an answer that failed said that it is not to be asked for again."""
        exchanges = [reply.answer.exchange for reply in self.replies]
        return any(is_final(one) or any(AGAINST in note for note in one.notes) for one in exchanges)

    def forget(self) -> None:
        """Lets go of what was read in its answers: they wait to be judged as bytes."""
        for reply in (*self.replies, *self.unread):
            reply.answer.forget()


class Record(Struct, frozen=True, dict=True, kw_only=True):
    """All that asking a question brought; nothing is decided here."""

    question: Question
    attempts: tuple[Attempt, ...] = ()
    capable: bool | None = True
    inapplicable: str = ""
    prevented: str = ""
    input_tokens: int | None = None
    """The input tokens that the last answer reports."""
    confirmed: bool = True
    """Whether its control was shown every time that it was asked again, where that was needed."""
    failure: str = ""
    """The traceback of a failure of our own outside of any attempt."""

    @cached_property
    def size(self) -> int:
        """Bytes of the answers that it holds."""
        return sum([attempt.size for attempt in self.attempts])

    @property
    def trace(self) -> str:
        """The traceback of the first failure of our own, empty where there was none."""
        return self.failure or next((attempt.trace for attempt in self.attempts if attempt.trace), "")

    @cached_property
    def observations(self) -> tuple[Observation, ...]:
        return tuple([attempt.observed.observation for attempt in self.attempts])

    @property
    def recovered(self) -> bool:
        """Whether an answer failed, and came when the very same was asked again."""
        answered = self.observations[-1:] and self.observations[-1] in SHOWN
        failed = "unreadable" in self.observations or "declined" in self.observations
        return bool(answered) and (failed or any(one.waited for one in self.attempts))

    @property
    def final(self) -> bool:
        """Whether an answer that failed said that it is not to be asked for again."""
        return any(attempt.final for attempt in self.attempts)

    @property
    def judged(self) -> tuple[Observation, ...]:
        """The observations that its verdict follows from: a refusal stands, whatever came when it was asked again."""
        end = self.observations.index("declined") + 1 if "declined" in self.observations else None
        return self.observations[:end]

    def forget(self) -> None:
        """Lets go of what was read in its answers."""
        for attempt in self.attempts:
            attempt.forget()

    def light(self) -> "Record":
        """The same without its answers, for questions that only ask whether this one was shown."""
        return Record(
            question=self.question,
            attempts=tuple(one.light() for one in self.attempts),
            capable=self.capable,
            inapplicable=self.inapplicable,
            prevented=self.prevented,
            input_tokens=self.input_tokens,
            confirmed=self.confirmed,
            failure=self.failure,
        )


class Earlier(Struct, frozen=True):
    """The result of a question in an earlier run: its record, and observations beside the verdict."""

    record: Record
    sdk: SdkTestimony | None = None
    drift: bool = False


def within(question: Question, journey: Record) -> Record:
    """The record of a question that is judged within a journey: the same attempts, with what they showed of it."""
    came_through = [attempt for attempt in journey.attempts if question.case.id in attempt.within]
    prevented = journey.prevented
    if not came_through and not journey.inapplicable and not prevented:
        prevented = f"{journey.question.case.id} broke off, and its own row says where"
    return Record(
        question=question,
        attempts=tuple(
            replace(
                attempt,
                replies=(),
                unread=(),
                shape=None,
                observed=attempt.within[question.case.id],
                within={},
                seconds=0.0,
                shared=attempt.shared or tuple(reply.evidence for reply in attempt.replies),
            )
            for attempt in came_through
        ),
        capable=journey.capable,
        inapplicable=journey.inapplicable,
        prevented=prevented,
    )


def input_tokens_of(attempts: tuple[Attempt, ...]) -> int | None:
    """The input tokens of the last answer, where it says."""
    return attempts[-1].input_tokens if attempts else None


def in_mode(case: Case, mode: Mode) -> Question:
    """The question that another case depends on: in the same mode where it exists, else in its first."""
    modes = modes_of(case)
    return Question(case, mode if mode in modes else modes[0])

"""What causes are made of: what a question met, what it is about, the law that was broken, and the cause itself."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from conformance.words import Level, Mode, Verdict

CauseKind = Literal["rule", "answer", "trouble", "effect"]
"""A broken law; the same refusal, word for word; the same cut, hang or undecodable body; a missing effect."""

WRONG: tuple[Verdict, ...] = ("broken", "ignored", "refused", "partial")
"""Verdicts that something has to explain."""
SHOWN: tuple[Verdict, ...] = ("supported",)
"""Verdicts that acquit: what stands in such an answer, or in its request, kept nothing from being shown."""
LEVELS: tuple[Level, ...] = ("must", "should", "may")


class Obstacle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What kept an attempt from being shown, or may have; attempts with an equal kind and key are alike."""

    kind: CauseKind
    key: str
    """Of a rule, the key of its finding; else what the server did, with numbers, ids and nonces masked."""
    lost: bool = False
    """Whether a broken law is the very thing that made the answer unreadable."""
    gives_back: str = ""
    """The type of the block that the answer repeats in place of what was asked for: alike answers, one fault."""
    quote: str = ""
    """The server's own words."""
    exchange: str = ""
    """The evidence that shows it."""


class Judged(Struct, frozen=True, kw_only=True):
    """A question that was asked, as far as its causes go."""

    id: str
    """The case."""
    title: str = ""
    mode: Mode
    surface: str
    level: Level
    verdict: Verdict
    known: bool
    """Whether the verdict is what was expected: a gap with an entry, or within the API's promise."""
    excused: bool = False
    """Whether an entry says so: what is merely left open hides nothing that was not expected."""
    endpoint: str
    """Method and path of the request that decided it."""
    attempts: tuple[tuple[Obstacle, ...], ...] = ()
    """What each attempt met; of one that was shown, nothing."""
    marks: frozenset[str] = frozenset()
    """The keys of the laws that its answers broke."""
    looks: frozenset[str] = frozenset()
    """The parts of the answer that its effects look at."""
    shows: frozenset[str] = frozenset()
    """Those of them that are there where it was shown: an upper bound is kept by nothing too."""
    parts: frozenset[str] = frozenset()
    """The parts of its request."""
    about: frozenset[str] = frozenset()
    """Those of them that its control, its twin or the plain request lacks; nothing where a refusal is asked for."""
    leans_on: frozenset[str] = frozenset()
    """Its control and twin."""
    plain: bool = False
    """Whether it is the plain request of its endpoint and mode."""
    unreadable: bool = False
    refuses: bool = False
    """Whether it sends a bad request, and asks that it is refused."""

    @property
    def place(self) -> str:
        """`tools.choice.tool[json]`"""
        return f"{self.id}[{self.mode}]"


class Law(Struct, frozen=True, kw_only=True):
    """A rule over all answers of a run."""

    id: str
    surface: str
    level: Level
    verdict: Verdict
    known: bool
    excused: bool = False
    seen: int
    violations: int
    order: int = 0
    """Its place in the list of rules, where causes stand before consequences."""
    says: str = ""
    quote: str = ""
    exchange: str = ""


class Cause(Struct, frozen=True, kw_only=True):
    """One fault of the endpoint."""

    kind: CauseKind
    id: str
    """The rule, or the first row."""
    says: str
    quote: str
    rows: tuple[str, ...]
    """The red and the known rows behind it, the most telling first: rules by id, questions as `case[mode]`."""
    blocked: tuple[str, ...]
    """The questions that it kept from being judged."""
    answers: tuple[int, int]
    """In how many answers it was seen, of how many that could have shown it."""
    exchange: str
    known: bool
    excused: bool
    """Whether an entry speaks of one of its rows: a gap that is known to somebody comes before what is left open."""
    plain: bool
    """Whether it breaks the plain request."""
    unreadable: bool
    level: Level
    verdict: Verdict
    """The worst of its rows."""
    order: int = 0
    breadth: int = 0
    """How many parts the request of its first row has: of two causes alike, the narrower one says more."""


class Explained(Struct, frozen=True):
    """All causes of a run, worst first, and which of them each blocked question is blocked by."""

    causes: tuple[Cause, ...]
    blocked: Mapping[str, str]

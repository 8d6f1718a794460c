"""A profile: a named selection of the questions with a question of its own, such as whether Claude Code runs."""

import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from conformance.catalog.pattern import compiled
from conformance.words import MODES, Mode, NeedLevel, Verdict

Unseen = Literal["met", "missing", "unverified"]
"""What it means for a need that a question's situation never came up: a server that never thinks has no thinking to
lose; a model whose calls never come as calls cannot work.
"""

Steady = Literal["failures", "refusals", "final"]
"""What passes where the very same is asked again."""

_QUESTION = re.compile(r"([^\[\]\s]+)(?:\[(json|stream)\])?")


class MeasuredClient(Struct, frozen=True, forbid_unknown_fields=True):
    """The client that a profile's needs were measured with."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Meets(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The consequences for the user, by the way in which a need is not met; a way left out is another need's affair."""

    refused: str | None = None
    ignored: str | None = None
    broken: str | None = None
    unreadable: str | None = None
    """Where an answer could not be read at all, if `broken` speaks of what stood in it."""
    unseen: str | None = None
    """Where the need is missing as `unseen` says, and nothing shows that the server is why; else as `ignored`."""

    @property
    def ways(self) -> dict[str, str]:
        """The ways of failing that the need speaks of, each with its sentence."""
        sentences = {"refused": self.refused, "ignored": self.ignored, "broken": self.broken}
        return {way: says for way, says in sentences.items() if says}

    def sentence(self, verdict: Verdict, *, unreadable: bool = False) -> str:
        """The consequence of a need that is missing, by the verdict of the question that decided it."""
        if unreadable and self.unreadable:
            return self.unreadable
        return self.ways.get(verdict) or self.unseen or self.ignored or ""


class Known(Struct, frozen=True, forbid_unknown_fields=True):
    """Refusals that the client understands: it leaves out what is refused, and asks again."""

    meets: str
    """The consequence for the user, in place of what a refusal that ends the turn means."""
    words: list[str] = []
    """Patterns of the refusal, status and type first: `400 invalid_request_error "…"`; any of them will do."""
    instead: list[str] = []
    """Questions in the shape in which the client asks at last, whatever the words: all have to be answered."""

    def understands(self, refusal: str) -> bool:
        return any(compiled(words).found_in(refusal) for words in self.words)


class Need(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A need of the client, with the questions that show it."""

    id: str
    says: str
    """The need in one sentence."""
    level: NeedLevel
    questions: list[str]
    """Each `case`, `case[json]`, `case[stream]`, or a rule, as `rule`, `rule:kind` of finding or
    `rule:*-end-of-a-kind`: rules are asked of the answers to the profile's own cases.
    """
    met_by: Literal["all", "any"] = "all"
    meets: Meets
    known: Known | None = None
    """Where it is refused so, the need only degrades; what is refused in the same words elsewhere was not judged."""
    steady: Steady | None = None
    """The need, of no question in particular, that an answer comes when it is first asked for, and does not fail or is
    not refused.
    """
    part_of: str = ""
    """The need whose questions send this one's thing with all else, as the client does: where that one is met, this one
    is, whatever becomes of the thing alone.
    """
    after: str = ""
    """The need without which this one says nothing: of calls that never come, no key is wrong."""
    unseen: Unseen = "unverified"
    whoever: bool = False
    """Whether `unseen` holds whoever is to blame, a model that obeys nothing too: a client that never receives anything
    does not care whether the model said nothing or the server lost it.
    """


class ClientVersion(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another version of the client, or another client that drives it, by what it sends and needs otherwise."""

    version: str
    name: str | None = None
    """Of another client; None for a version of the same."""
    needs: list[Need]
    """What it needs in place of those that it is without, asked in its own shapes."""
    without: list[str] = []
    """Needs of the profile that it does not have, since it does not send what they speak of."""


class Tolerance(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule that the client does not depend on: it reads what breaks this rule as if nothing were wrong."""

    rule: str
    why: str


class Profile(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`cases/profiles/NAME.yaml`: which cases are asked, and what the answers mean for one kind of user."""

    title: str
    question: str
    """What the user wants to know: `Can I run Claude Code on it?`"""
    client: MeasuredClient | None = None
    select: list[str] = []
    """Expressions of the selection language, joined by `or`, of cases that are asked beside those of the needs."""
    needs: list[Need] = []
    """In the order in which a user should hear of them."""
    versions: list[ClientVersion] = []
    """Other versions of the client, newest first."""
    tolerates: list[Tolerance] = []
    model: list[str] = []
    """Questions so plain that a model which fails them shows nothing of the endpoint."""
    calls: list[str] = []
    """Questions that ask for a call in the client's own shape: how many come as calls is said of the model."""
    first_body: str = ""
    """The question that sends the client's real first request: how long it waits is said of the machine."""
    two_turns: str = ""
    """The question with two turns that begin alike: whether the second waits less is said of the machine."""
    patience: float | None = None
    """Seconds of silence after which the client gives up: a warning is due near them."""

    def another(self, version: ClientVersion) -> MeasuredClient:
        """The client that an entry of `versions` speaks of."""
        own = self.client.name if self.client else self.title
        return MeasuredClient(name=version.name or own, version=version.version)

    @property
    def questions(self) -> list[str]:
        """All that the needs name and what shows that the model does its part, each once."""
        needs = [*self.needs, *(need for version in self.versions for need in version.needs)]
        named = [name for need in needs for name in (*need.questions, *(need.known.instead if need.known else ()))]
        return list(dict.fromkeys([*named, *self.model]))


def parted(question: str) -> tuple[str, tuple[Mode, ...]]:
    """The case or rule that a question of a need names, and its modes: `case[json]` is the case in one mode."""
    found = _QUESTION.fullmatch(question)
    if found is None:
        return question, MODES
    return found[1], tuple(mode for mode in MODES if found[2] in (None, mode))


def clients_cases(profiles: Iterable[Profile]) -> frozenset[str]:
    """The cases from which the readiness of a client follows."""
    of_clients = [profile for profile in profiles if profile.client is not None]
    return frozenset(parted(question)[0] for profile in of_clients for question in profile.questions)

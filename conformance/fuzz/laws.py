"""The laws that an endpoint keeps for every generated request, and what breaks one of them; what was found already."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Protocol

from msgspec import Struct

from conformance.engine.question import Attempt
from conformance.fuzz.mutations import Mutation
from conformance.judge.answer import Answer
from conformance.judge.rules import Reading, examine_pair
from conformance.keys import shortened
from conformance.words import MODES, Mode

KEPT = ("type", "role")
"""Keys whose values name a shape: two requests that differ in one of them differ in kind."""
FREE = ("input_schema", "input")
"""Keys whose values a server passes on as they are: what is in them makes no other kind of request."""


class Sent(Struct, frozen=True, kw_only=True):
    """A request in the probe language, as a case can send it."""

    body: Mapping[str, Any]
    headers: Mapping[str, str] = {}
    query: Mapping[str, str] = {}
    path: str = "/v1/messages"
    raw: str = ""
    """The body to the letter, in place of what `body` says."""
    declinable: bool = False
    """Some models refuse it, as the documents say: a refusal is no finding."""
    effect: tuple[Mapping[str, Any], ...] = ()
    """The checks of a case: what is seen where the whole request reached the model."""
    control: Mapping[str, Any] | None = None
    """The body of the same instruction with nothing beside it: a model that fails at this shows nothing."""
    control_effect: tuple[Mapping[str, Any], ...] = ()
    """What the control shows, where that is not the same."""

    @property
    def features(self) -> frozenset[str]:
        """What the request is made of: every path with its indexes as `*`, and the words that name a shape."""
        named = [f"header/{name}={value}" for name, value in self.headers.items()]
        return frozenset([*_paths(self.body, ""), *named, *(f"query/{name}" for name in self.query)])


def _paths(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield f"{at}/{name}"
            if name in KEPT and isinstance(item, str):
                yield f"{at}/{name}={item}"
            yield from () if name in FREE else _paths(item, f"{at}/{name}")
    elif isinstance(value, list | tuple):
        yield f"{at}/*"
        for item in value:
            yield from _paths(item, f"{at}/*")


AGAIN = 2
"""How often what is held against the server for its content has to happen again, and the control to be shown."""
LOST = ("absent", "contradicted", "garbled")
BESIDE_THE_CONTENT = ("/role", "/type", "/frobnicate")
"""Where something may be wrong while all that was said is there: a server that answers all the same has read it."""


class AskCase(Protocol):
    """Asks a case in a mode."""

    def __call__(self, document: dict[str, Any], mode: Mode) -> Attempt: ...


class BrokenLaw(Struct, frozen=True, kw_only=True):
    """A law that did not hold: which, where, and the cases that show it, the question first."""

    law: str
    """What tells one law from another: a rule's id, or a word of our own."""
    at: str = ""
    """The path to which it is bound, where it is."""
    says: str
    mode: Mode
    documents: tuple[Mapping[str, Any], ...]
    features: frozenset[str] = frozenset()
    """What the request was made of, where the law is about what was sent."""


def case(name: str, title: str, sent: Sent, **beside: Any) -> dict[str, Any]:
    """A case as a file holds it."""
    ask: dict[str, Any] = {"raw": sent.raw} if sent.raw else {"body": sent.body}
    ask |= {"path": sent.path} if sent.path != "/v1/messages" else {}
    ask |= {"headers": sent.headers} if sent.headers else {}
    ask |= {"query": sent.query} if sent.query else {}
    return {"id": name, "title": title, "surface": "fuzz.found", "ask": ask, **beside}


class About(Protocol):
    """Makes a broken law of a request: which, and in words."""

    def __call__(self, law: str, says: str, mode: Mode) -> BrokenLaw: ...


def answered(attempt: Attempt, document: dict[str, Any], mode: Mode, about: About) -> Iterator[BrokenLaw]:
    """What breaks the laws of a valid request in one mode: it is answered, with a 200, and by every rule."""
    answer = _answer(attempt)
    status = answer.status if answer else 0
    match attempt.observed.observation:
        case "declined":
            yield about("refused", f"a valid request is refused with {status}", mode)
        case "unreadable":
            finding = attempt.observed.findings[0]
            law = f"unreadable {status if status >= 500 else ''}".strip()
            yield about(law, shortened(f"{finding.observed}", 200), mode)
        case "slow":
            yield about("no answer", "there is no answer within the limit of time", mode)
    for reply in attempt.replies:
        yield from laws_broken(reply.readings, document, mode)


class Valid(Struct, frozen=True):
    """A valid request: answered with 200 in both modes, by every rule, and nothing of it is lost."""

    sent: Sent

    @property
    def kind(self) -> Hashable:
        """What tells it from other examples: two of one kind show the same."""
        return self.sent.features

    def broken(self, ask: AskCase) -> Iterator[BrokenLaw]:
        attempts = {mode: ask(self.question(), mode) for mode in MODES}
        for mode, attempt in attempts.items():
            if not (self.sent.declinable and attempt.observed.observation == "declined"):
                yield from answered(attempt, self.question(), mode, self._about)
        whole, streamed = (_answer(attempts[mode]) for mode in MODES)
        if whole is not None and streamed is not None and whole.status == streamed.status == 200:
            yield from laws_broken(examine_pair(whole, streamed), self.question(), "stream")
        for mode, attempt in attempts.items():
            if attempt.observed.observation in LOST and self._held_against_the_server(ask, mode):
                yield self._about("content lost", self._lost(attempt), mode, with_control=True)

    def _held_against_the_server(self, ask: AskCase, mode: Mode) -> bool:
        """Whether the bare instruction is obeyed every time, and the whole request never."""
        control = self.control()
        if any(ask(control, mode).observed.observation != "shown" for _ in range(AGAIN)):
            return False
        return all(ask(self.question(), mode).observed.observation in LOST for _ in range(AGAIN))

    def question(self) -> dict[str, Any]:
        """The request as a case, asked for all that it says."""
        return case(
            "fuzz.found",
            "A valid request is answered, and nothing of it is lost",
            self.sent,
            effect=list(self.sent.effect),
        )

    def control(self) -> dict[str, Any]:
        """The same instruction alone, asked for what it shows where the model obeys."""
        bare = Sent(body=self.sent.control or self.sent.body)
        return case(
            "fuzz.found-control", "The same instruction with nothing beside it", bare, effect=_of_control(self.sent)
        )

    def _about(self, law: str, says: str, mode: Mode, *, with_control: bool = False) -> BrokenLaw:
        question = self.question()
        if not with_control:
            del question["effect"]
            return BrokenLaw(
                law=law, says=says, mode=mode, documents=(question | {"accepted": True},), features=self.sent.features
            )
        question |= {"kind": "witnessed", "control": "fuzz.found-control"}
        documents = (question, self.control())
        return BrokenLaw(law=law, says=says, mode=mode, documents=documents, features=self.sent.features)

    def _lost(self, attempt: Attempt) -> str:
        finding = attempt.observed.findings[0]
        return shortened(f"expected {finding.expected!r}, observed {finding.observed!r}", 300)


def _of_control(sent: Sent) -> list[Mapping[str, Any]]:
    """The checks of the control: those of the request, or what the control alone shows where these are about more."""
    return list(sent.control_effect or sent.effect)


class Bad(Struct, frozen=True):
    """A request with one thing wrong: refused with a 4xx in the envelope, or answered with all that it says."""

    sent: Sent
    mutation: Mutation

    @property
    def kind(self) -> Hashable:
        """What tells it from other examples."""
        return self.mutation.at, self.mutation.kind

    def broken(self, ask: AskCase) -> Iterator[BrokenLaw]:
        for mode in MODES[:1] if self.mutation.raw else MODES:  # a body to the letter asks for one mode alone
            attempt = ask(self._question(), mode)
            answer = _answer(attempt)
            status = answer.status if answer else 0
            if status >= 500 or attempt.observed.observation in ("unreadable", "slow"):
                yield self._about(
                    f"bad request, {status or 'no'} answer", f"it is answered with {status or 'nothing'}", mode
                )
            for reply in attempt.replies:
                yield from laws_broken(reply.readings, self.refused(), mode, self._twin())
            if status == 200 and self._is_lost(attempt, ask, mode):
                yield self._about(
                    "bad request, content lost", "it is answered with 200, and what it says is lost", mode
                )

    def _is_lost(self, attempt: Attempt, ask: AskCase, mode: Mode) -> bool:
        if not self.mutation.at.endswith(BESIDE_THE_CONTENT) or attempt.observed.observation not in LOST:
            return False
        if any(ask(self._twin(), mode).observed.observation != "shown" for _ in range(AGAIN)):
            return False
        return all(ask(self._question(), mode).observed.observation in LOST for _ in range(AGAIN))

    def _sent(self) -> Sent:
        changed, kept = self.mutation, self.sent
        return Sent(body=changed.body, raw=changed.raw, headers=kept.headers, query=kept.query)

    def _question(self) -> dict[str, Any]:
        """The bad request, asked for what it says: a lenient server's answer shows whether all of it arrived."""
        document = case("fuzz.found", self._title, self._sent(), effect=list(self.sent.effect))
        document["ask"]["bad"] = True
        return document

    @property
    def _title(self) -> str:
        return f"A request is refused for {self.mutation.at}: {self.mutation.kind}"

    def refused(self) -> dict[str, Any]:
        """The bad request as a case, with the refusal that is due."""
        refuse = {"status": 400, "type": "invalid_request_error"}
        return case("fuzz.found", self._title, self._sent(), refuse=refuse, twin="fuzz.found-twin")

    def _twin(self) -> dict[str, Any]:
        return case("fuzz.found-twin", "The same with nothing wrong", self.sent, effect=list(self.sent.effect))

    def _about(self, law: str, says: str, mode: Mode) -> BrokenLaw:
        documents = (self.refused(), self._twin())
        at = f"{self.mutation.at} {self.mutation.kind}"
        return BrokenLaw(
            law=law, at=at, says=f"{self.mutation.at}, {self.mutation.kind}: {says}", mode=mode, documents=documents
        )


class CountedPair(Struct, frozen=True):
    """A prompt and a longer one: the count of the longer is not smaller."""

    sent: Sent

    @property
    def kind(self) -> Hashable:
        """What tells it from other examples."""
        return "count", self.sent.features

    def broken(self, ask: AskCase) -> Iterator[BrokenLaw]:
        attempt = ask(self._question(), "json")
        if attempt.observed.observation in ("absent", "contradicted"):
            says = "count_tokens gives a longer prompt a smaller count"
            yield BrokenLaw(law="count shrinks", says=says, mode="json", documents=(self._question(),))
        for reply in attempt.replies:
            yield from laws_broken(reply.readings, self._question(), "json")

    def _question(self) -> dict[str, Any]:
        kept = {
            name: self.sent.body[name]
            for name in ("messages", "system", "tools", "tool_choice")
            if name in self.sent.body
        }
        longer = {**kept, "messages": [{"role": "user", "content": "one two three " * 20}, *kept["messages"]]}
        path = "/v1/messages/count_tokens"
        return {
            "id": "fuzz.found",
            "title": "A longer prompt has no smaller count",
            "surface": "fuzz.found",
            "steps": [
                {"name": name, "ask": {"path": path, "body": body}}
                for name, body in (("short", kept), ("long", longer))
            ],
            "effect": [{"at": "message.input_tokens", "at_least": "{steps.short.message.input_tokens}"}],
        }


Example = Valid | Bad | CountedPair


def _answer(attempt: Attempt) -> Answer | None:
    return attempt.replies[-1].answer if attempt.replies else None


def laws_broken(
    readings: tuple[Reading, ...], document: dict[str, Any], mode: Mode, *beside: Mapping[str, Any]
) -> Iterator[BrokenLaw]:
    """The MUSTs that were broken, each with the case that is turned by its rule."""
    for reading in readings:
        rule = reading.rule
        if rule.level != "must" or rule.basis == "inferred":
            continue
        for violation in reading.violations:
            at = "/".join("*" if part.isdigit() else part for part in violation.at.split("/"))
            yield BrokenLaw(
                law=rule.id,
                at=f"{at} {violation.kind}",
                says=f"{rule.law} [{rule.id}]",
                mode=mode,
                documents=(document | {"rules": [rule.id]}, *beside),
            )


PLACES = 3
"""Of one law in several places, so many are reported: of a server that wraps every refusal it would be hundreds."""
BROAD = "bad request"
"""How the laws begin of which a server breaks one in every place, or none."""


class Known(Struct):
    """The findings so far, which a search does not report again."""

    found: list[BrokenLaw] = []

    def explains(self, broken: BrokenLaw) -> bool:
        """Whether this was found already: the same law at the same path, or by a request with nothing more in it."""
        same = [one for one in self.found if one.law == broken.law]
        if any(one.at == broken.at and one.features <= broken.features for one in same):
            return True
        return broken.law.startswith(BROAD) and len(same) >= PLACES

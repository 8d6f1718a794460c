"""What an endpoint keeps for a client: batches and files, in sequences of valid requests."""

from collections.abc import Iterator
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from msgspec import Struct

from conformance.fuzz.laws import AGAIN, LOST, AskCase, BrokenLaw, answered
from conformance.fuzz.requests import REPLY
from conformance.fuzz.sequences import Seen
from conformance.keys import shortened
from conformance.words import Mode

BATCHES = "/v1/messages/batches"
FILES = "/v1/files"
FIXTURES = ("documents/secret.pdf", "images/yellow.png")
"""Uploads: files of the shipped cases, which a written case takes along."""
ANSWERED = {"at": "status", "at_least": 200}
"""A premise that always holds: the sequence goes on after a refusal."""
Look = st.integers(0, 99)
"""Which of the things that are kept a rule is about, counted around."""


class Sequence(Struct, frozen=True):
    """Requests one after another, and what is seen where all that they keep is kept."""

    steps: tuple[dict[str, Any], ...]
    effect: tuple[dict[str, Any], ...]

    def broken(self, ask: AskCase) -> Iterator[BrokenLaw]:
        attempt = ask(self.question(), "json")
        yield from answered(attempt, self.question(), "json", self._about)
        if attempt.observed.observation in LOST and self._again(ask):
            finding = attempt.observed.findings[0]
            step = finding.at.removeprefix("/steps.").partition(".")[0].rstrip("0123456789")
            says = shortened(f"step {step}: expected {finding.expected!r}, observed {finding.observed!r}", 300)
            yield self._about(f"kept, {step}", says, "json")

    def _again(self, ask: AskCase) -> bool:
        return all(ask(self.question(), "json").observed.observation in LOST for _ in range(AGAIN))

    def question(self) -> dict[str, Any]:
        """The sequence as a case."""
        return {
            "id": "fuzz.found",
            "title": "What was kept is found again, and what was deleted is not",
            "surface": "fuzz.found",
            "modes": ["json"],
            "steps": list(self.steps),
            "effect": list(self.effect),
        }

    def _about(self, law: str, says: str, mode: Mode) -> BrokenLaw:
        return BrokenLaw(law=law, says=says, mode=mode, documents=(self.question(),))


class Keeps(Struct, frozen=True):
    """What an endpoint keeps for a client."""

    batches: bool = False
    files: bool = False


class _Stored(RuleBasedStateMachine):
    """A sequence that grows; it is asked whole when it ends, so that what fails is a case."""

    ask: ClassVar[AskCase]
    seen: ClassVar[Seen]
    keeps: ClassVar[Keeps]

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[dict[str, Any]] = []
        self.effect: list[dict[str, Any]] = []
        self.batches: list[tuple[str, int]] = []
        """Names of the steps that created one, with the number of requests."""
        self.files: list[str] = []
        self.deleted: list[str] = []

    def teardown(self) -> None:
        if self.steps:
            for broken in Sequence(tuple(self.steps), tuple(self.effect)).broken(type(self).ask):
                type(self).seen(broken)

    def _step(self, verb: str, ask: dict[str, Any], **beside: Any) -> str:
        """Adds a request; gives the name of its step."""
        name = f"{verb}{len(self.steps)}"
        self.steps.append({"name": name, "ask": ask, **beside})
        return name

    def _check(self, name: str, at: str, **matcher: Any) -> None:
        self.effect.append({"at": f"steps.{name}.{at}", **matcher})

    @precondition(lambda self: self.keeps.batches)
    @rule(count=st.integers(1, 3))
    def create(self, count: int) -> None:
        message = {"role": "user", "content": f"{REPLY}{{nonce}}"}
        params = {"model": "{model}", "max_tokens": 64, "messages": [message]}
        requests = [{"custom_id": f"request-{number}", "params": params} for number in range(count)]
        name = self._step("batch", {"path": BATCHES, "body": {"requests": requests}})
        self._check(name, "message.type", equals="message_batch")
        self.batches.append((name, count))

    @precondition(lambda self: self.batches)
    @rule(which=Look)
    def look_up(self, which: int) -> None:
        batch, count = self.batches[which % len(self.batches)]
        name = self._step("looked", {"method": "GET", "path": f"{BATCHES}/{{steps.{batch}.message.id}}"})
        self._check(name, "message.id", equals=f"{{steps.{batch}.message.id}}")
        counts = f"steps.{name}.message.request_counts.[processing, succeeded, errored, canceled, expired]"
        self.effect.append({"at": f"sum({counts})", "equals": count})

    @precondition(lambda self: self.batches)
    @rule()
    def list_batches(self) -> None:
        name = self._step("listed", {"method": "GET", "path": BATCHES, "query": {"limit": "100"}})
        for batch, _ in self.batches:
            self._check(name, f"message.data[?id=='{{steps.{batch}.message.id}}'] | length(@)", equals=1)

    @precondition(lambda self: self.steps and self.steps[-1]["name"].startswith("batch"))
    @rule()
    def cancel(self) -> None:
        """Right after its creation: whether one that has ended can still be cancelled, no document says."""
        batch, _ = self.batches[-1]
        name = self._step("cancelled", {"path": f"{BATCHES}/{{steps.{batch}.message.id}}/cancel"})
        self._check(name, "message.processing_status", **{"in": ["canceling", "ended"]})

    @precondition(lambda self: self.keeps.files)
    @rule(which=Look)
    def upload(self, which: int) -> None:
        fixture = FIXTURES[which % len(FIXTURES)]
        name = self._step("file", {"path": FILES, "multipart": {"file": f"@{fixture}"}})
        self._check(name, "message.filename", equals=fixture.rpartition("/")[2])
        self.files.append(name)

    @precondition(lambda self: self.files)
    @rule(which=Look)
    def describe(self, which: int) -> None:
        file = self.files[which % len(self.files)]
        name = self._step("described", {"method": "GET", "path": f"{FILES}/{{steps.{file}.message.id}}"})
        for key in ("id", "filename", "size_bytes"):
            self._check(name, f"message.{key}", equals=f"{{steps.{file}.message.{key}}}")

    @precondition(lambda self: self.files or self.deleted)
    @rule()
    def list_files(self) -> None:
        self._list_files()

    def _list_files(self) -> None:
        name = self._step("listed", {"method": "GET", "path": FILES, "query": {"limit": "100"}})
        for file in (*self.files, *self.deleted):
            at = f"message.data[?id=='{{steps.{file}.message.id}}'] | length(@)"
            self._check(name, at, equals=int(file in self.files))

    @precondition(lambda self: self.files)
    @rule(which=Look)
    def delete(self, which: int) -> None:
        file = self.files.pop(which % len(self.files))
        name = self._step("deleted", {"method": "DELETE", "path": f"{FILES}/{{steps.{file}.message.id}}"})
        self._check(name, "message.id", equals=f"{{steps.{file}.message.id}}")
        self.deleted.append(file)

    @precondition(lambda self: self.deleted)
    @rule(which=Look)
    def look_up_deleted(self, which: int) -> None:
        file = self.deleted[which % len(self.deleted)]
        path = f"{FILES}/{{steps.{file}.message.id}}"
        name = self._step("gone", {"method": "GET", "path": path, "bad": True}, premise=[ANSWERED])
        self._check(name, "status", equals=404)
        self._list_files()  # a sequence that ends with a refusal would be a refused one


def stored(ask: AskCase, seen: Seen, keeps: Keeps) -> type[RuleBasedStateMachine]:
    """The state machine of what is kept, for one endpoint."""
    return type("Stored", (_Stored,), {"ask": staticmethod(ask), "seen": staticmethod(seen), "keeps": keeps})


def what_is_kept(ask: AskCase) -> Keeps:
    """Whether the endpoint keeps batches, and files: what it does not list, it is not asked to keep."""
    return Keeps(batches=_lists(ask, BATCHES), files=_lists(ask, FILES))


def _lists(ask: AskCase, path: str) -> bool:
    listed = {"at": "message.data", "type": "array"}
    ask_list = {"method": "GET", "path": path}
    document = {"id": "fuzz.lists", "title": "A list is given", "surface": "fuzz.found", "ask": ask_list}
    return ask(document | {"effect": [listed]}, "json").observed.observation == "shown"

"""The type of a fault, and the decorators that make one from a small function over the correct behaviour."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from conformance.scripted.anthropic.answer import Answer, Frame, Piece
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.anthropic.hooks import CORRECT, Hooks, Message
from conformance.scripted.anthropic.rewriting import on_body
from conformance.scripted.anthropic.stream import Event

T = TypeVar("T", bound=Callable[..., Any])

Strength = Literal["fault", "note"]


class Fault(Struct, frozen=True, kw_only=True):
    """One deliberate violation. `strength: note` is legal, or a matter of taste: worth a note, never a verdict."""

    id: str
    says: str
    group: str
    hooks: Hooks
    strength: Strength = "fault"
    needs: tuple[str, ...] = ()
    """What a request must have for the fault to show: stream, tools, thinking, ..."""


class FaultGroup:
    """Faults of one kind, in the order of their definition."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[Fault] = []

    def add(self, name: str, says: str, hooks: Hooks, *, needs: str = "", strength: Strength = "fault") -> None:
        wanted = tuple(needs.split())
        self.faults.append(Fault(id=name, says=says, group=self.name, hooks=hooks, strength=strength, needs=wanted))

    def request(self, name: str, says: str, **more: Any) -> Callable[[T], T]:
        """The function bends the request before anything looks at it, or refuses it."""
        return self._stage("request", name, says, more)

    def body(self, name: str, says: str, **more: Any) -> Callable[[T], T]:
        """The function changes a fresh copy of the request's JSON object in place."""

        def register(change: T) -> T:
            self.add(name, says, Hooks(request=on_body(change)), **more)
            return change

        return register

    def refusal(self, name: str, says: str, **more: Any) -> Callable[[T], T]:
        """The function makes of a refusal another one, or another answer."""
        return self._stage("refusal", name, says, more)

    def message(self, name: str, says: str, **more: Any) -> Callable[[T], T]:
        """The function bends a 200 message, whether it is written as JSON or as a stream."""
        return self._stage("message", name, says, more)

    def events(self, name: str, says: str, **more: Any) -> Callable[[T], T]:
        return self._stage("events", name, says, more)

    def frames(self, name: str, says: str, **more: Any) -> Callable[[T], T]:
        return self._stage("frames", name, says, more)

    def answer(self, name: str, says: str, **more: Any) -> Callable[[T], T]:
        """The function bends the answer before it is sent, whatever it is."""
        return self._stage("answer", name, says, more)

    def _stage(self, stage: str, name: str, says: str, more: dict[str, Any]) -> Callable[[T], T]:
        def register(bend: T) -> T:
            self.add(name, says, replace(CORRECT, **{stage: bend}), **more)
            return bend

        return register


__all__ = [
    "Answer",
    "Call",
    "Event",
    "Fault",
    "FaultGroup",
    "Frame",
    "Message",
    "Piece",
    "Refusal",
    "replace",
]

"""What a fault is, and the decorators that make one from a small function over the correct behaviour."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from conformance.scripted.anthropic.answer import Answer, Frame, Piece
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.anthropic.manner import Manner, Message
from conformance.scripted.anthropic.stream import Event

T = TypeVar("T", bound=Callable[..., Any])

Strength = Literal["fault", "note"]


class Fault(Struct, frozen=True, kw_only=True):
    """One deliberate violation. `strength: note` is legal, or a matter of taste: worth a note, never a verdict."""

    id: str
    says: str
    group: str
    manner: Manner
    strength: Strength = "fault"
    needs: tuple[str, ...] = ()
    """What a request must have for the fault to show: stream, tools, thinking, ..."""


class Group:
    """Faults of one kind, in the order of their definition."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[Fault] = []

    def add(self, name: str, says: str, manner: Manner, *, needs: str = "", strength: Strength = "fault") -> None:
        wanted = tuple(needs.split())
        self.faults.append(Fault(id=name, says=says, group=self.name, manner=manner, strength=strength, needs=wanted))

    def request(self, name: str, says: str, **more: Any) -> Callable[[T], T]:
        """The function bends the request before anything looks at it, or refuses it."""
        return self._stage("request", name, says, more)

    def body(self, name: str, says: str, **more: Any) -> Callable[[T], T]:
        """The function changes a fresh copy of the request's JSON object in place."""

        def register(change: T) -> T:
            self.add(name, says, Manner(request=on_body(change)), **more)
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
            self.add(name, says, Manner(**{stage: bend}), **more)
            return bend

        return register


def on_body(change: Callable[[dict[str, Any]], object]) -> Callable[[Call], Call]:
    """A stage that changes the request's JSON object; requests without one pass."""

    def request(call: Call) -> Call:
        document = call.document
        if not isinstance(document, dict):
            return call
        copied = msgspec.json.decode(call.body)
        change(copied)
        return call if copied == document else replace(call, body=msgspec.json.encode(copied))

    return request


def forget(value: Any, key: str) -> None:
    """Take a key out of every object inside a value."""
    if isinstance(value, dict):
        value.pop(key, None)
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for inner in inside:
        forget(inner, key)


def with_document(answer: Answer, document: Any) -> Answer:
    """The answer with another JSON body."""
    body = msgspec.json.encode(document)
    headers = tuple((name, str(len(body)) if name == "content-length" else value) for name, value in answer.headers)
    return replace(answer, headers=headers, pieces=(Piece(body, answer.pieces[0].at if answer.pieces else 0.0),))


def document_of(answer: Answer) -> Any:
    """The JSON body of an answer."""
    return msgspec.json.decode(answer.body)


def plain_answer(text: str, status: int, content_type: str = "text/plain; charset=utf-8") -> Answer:
    body = text.encode()
    headers = (("content-type", content_type), ("content-length", str(len(body))))
    return Answer(status=status, headers=headers, pieces=(Piece(body),))


__all__ = [
    "Answer",
    "Call",
    "Event",
    "Fault",
    "Frame",
    "Group",
    "Message",
    "Piece",
    "Refusal",
    "document_of",
    "forget",
    "on_body",
    "plain_answer",
    "replace",
    "with_document",
]

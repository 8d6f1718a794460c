"""The type of a legal variant, and the decorators that make one."""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from conformance.scripted.anthropic.answer import Answer, Frame, Piece
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.hooks import CORRECT, Hooks, Message
from conformance.scripted.anthropic.rewriting import rewritten
from conformance.scripted.anthropic.stream import Event

T = TypeVar("T", bound=Callable[..., Any])


class Variant(Struct, frozen=True, kw_only=True):
    """Another way to give the same answer, which no client may mind."""

    id: str
    says: str
    group: str
    hooks: Hooks
    needs: tuple[str, ...] = ()
    worsens: tuple[str, ...] = ()
    """Rows that honestly end worse than the reference's, each as `GLOB VERDICT`.

    The glob is over ids of cases and rules; `refusals` stands for the cases that ask for a refusal.
    """


class VariantGroup:
    """Variants of one kind, in the order of their definition."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.variants: list[Variant] = []

    def add(self, name: str, says: str, hooks: Hooks, needs: str = "", worsens: tuple[str, ...] = ()) -> None:
        wanted = tuple(needs.split())
        self.variants.append(Variant(id=name, says=says, group=self.name, hooks=hooks, needs=wanted, worsens=worsens))

    def message(self, name: str, says: str, needs: str = "") -> Callable[[T], T]:
        return self._stage("message", name, says, needs)

    def events(self, name: str, says: str, needs: str = "stream") -> Callable[[T], T]:
        return self._stage("events", name, says, needs)

    def answer(self, name: str, says: str, needs: str = "", worsens: tuple[str, ...] = ()) -> Callable[[T], T]:
        return self._stage("answer", name, says, needs, worsens)

    def stream_bytes(self, name: str, says: str) -> Callable[[T], T]:
        """The function rewrites the bytes of one server-sent event, given with its number."""

        def register(rewrite: T) -> T:
            def answer(answer: Answer, _: Call) -> Answer:
                if not answer.is_stream:
                    return answer
                pieces = (
                    replace(piece, data=rewrite(piece.data, number)) for number, piece in enumerate(answer.pieces)
                )
                return replace(answer, pieces=tuple(pieces))

            self.add(name, says, Hooks(answer=answer), "stream")
            return rewrite

        return register

    def document(self, name: str, says: str) -> Callable[[T], T]:
        """The function writes a JSON document as text: a body, or the data of an event (`streamed`)."""

        def register(write: T) -> T:
            self.add(name, says, Hooks(answer=lambda answer, _: rewritten(answer, write)))
            return write

        return register

    def _stage(self, stage: str, name: str, says: str, needs: str, worsens: tuple[str, ...] = ()) -> Callable[[T], T]:
        def register(bend: T) -> T:
            self.add(name, says, replace(CORRECT, **{stage: bend}), needs, worsens)
            return bend

        return register


__all__ = [
    "Answer",
    "Call",
    "Event",
    "Frame",
    "Hooks",
    "Message",
    "Piece",
    "Variant",
    "VariantGroup",
    "replace",
]

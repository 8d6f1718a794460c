"""What a legal variant is, and ways to make one."""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from conformance.scripted.anthropic.answer import Answer, Frame, Piece
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.manner import Manner, Message
from conformance.scripted.anthropic.stream import Event

T = TypeVar("T", bound=Callable[..., Any])


class Variant(Struct, frozen=True, kw_only=True):
    """Another way to give the same answer, which no client may mind."""

    id: str
    says: str
    group: str
    manner: Manner
    needs: tuple[str, ...] = ()


class Group:
    """Variants of one kind, in the order of their definition."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.variants: list[Variant] = []

    def add(self, name: str, says: str, manner: Manner, needs: str = "") -> None:
        self.variants.append(Variant(id=name, says=says, group=self.name, manner=manner, needs=tuple(needs.split())))

    def message(self, name: str, says: str, needs: str = "") -> Callable[[T], T]:
        return self._stage("message", name, says, needs)

    def events(self, name: str, says: str, needs: str = "stream") -> Callable[[T], T]:
        return self._stage("events", name, says, needs)

    def answer(self, name: str, says: str, needs: str = "") -> Callable[[T], T]:
        return self._stage("answer", name, says, needs)

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

            self.add(name, says, Manner(answer=answer), "stream")
            return rewrite

        return register

    def document(self, name: str, says: str) -> Callable[[T], T]:
        """The function writes a JSON document as text: a body, or the data of an event (`streamed`)."""

        def register(write: T) -> T:
            self.add(name, says, Manner(answer=lambda answer, _: rewritten(answer, write)))
            return write

        return register

    def _stage(self, stage: str, name: str, says: str, needs: str) -> Callable[[T], T]:
        def register(bend: T) -> T:
            self.add(name, says, Manner(**{stage: bend}), needs)
            return bend

        return register


def rewritten(answer: Answer, write: Callable[[Any, bool], str]) -> Answer:
    """The answer with every JSON document in it written anew."""
    import json

    if answer.is_stream:
        pieces = []
        for piece in answer.pieces:
            head, data = piece.data.decode().rstrip("\n").split("data: ", 1)
            pieces.append(replace(piece, data=f"{head}data: {write(json.loads(data), True)}\n\n".encode()))
        return replace(answer, pieces=tuple(pieces))
    if answer.header("content-type") != "application/json" or not answer.pieces:
        return answer
    return with_body(answer, write(json.loads(answer.body), False).encode())


def with_body(answer: Answer, body: bytes) -> Answer:
    """The answer with another body, its length corrected."""
    headers = tuple((name, str(len(body)) if name == "content-length" else value) for name, value in answer.headers)
    return replace(answer, headers=headers, pieces=(Piece(body, answer.pieces[0].at if answer.pieces else 0.0),))


__all__ = [
    "Answer",
    "Call",
    "Event",
    "Frame",
    "Group",
    "Manner",
    "Message",
    "Piece",
    "Variant",
    "replace",
    "rewritten",
    "with_body",
]

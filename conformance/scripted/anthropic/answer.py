"""An answer to send: status, headers, and the pieces of its body with the times at which they are due."""

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from conformance.scripted.anthropic.stream import Event, words_in
from conformance.scripted.delivery import SECONDS_PER_WORD, UNPACED_WORDS


class Frame(Struct, frozen=True):
    """One server-sent event; `at` in seconds since the answer began."""

    event: str | None
    data: str
    at: float = 0.0

    def encoded(self) -> bytes:
        name = f"event: {self.event}\n" if self.event is not None else ""
        return f"{name}data: {self.data}\n\n".encode()


class Piece(Struct, frozen=True):
    """Bytes of a body that are sent together, `at` seconds after the answer began."""

    data: bytes
    at: float = 0.0


class Answer(Struct, frozen=True, kw_only=True):
    """An answer to one request: status, headers, and a body or a stream.

    `framing`: `length` announces the size of the body, `chunked` sends it in chunks, `close` ends it with the
    connection, `none` leaves it to the server's habit. `ending`: `end` as HTTP says, `cut` closes the connection where
    the pieces end although more was announced, `open` leaves the body unfinished.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    pieces: tuple[Piece, ...] = ()
    framing: Literal["none", "length", "chunked", "close"] = "none"
    ending: Literal["end", "cut", "open"] = "end"
    http_version: Literal["1.1", "1.0", "2.0"] = "1.1"
    live: AsyncIterator[bytes] | None = None
    """Pieces of a body that is still being made; in place of `pieces`."""

    @property
    def body(self) -> bytes:
        return b"".join(piece.data for piece in self.pieces)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    @property
    def is_stream(self) -> bool:
        return (self.header("content-type") or "").startswith("text/event-stream")


def json_answer(document: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = (), at: float = 0.0) -> Answer:
    """A JSON body; `at` holds it back as long as the model would have spoken."""
    body = msgspec.json.encode(document)
    return Answer(
        status=status,
        headers=(("content-type", "application/json"), ("content-length", str(len(body))), *headers),
        pieces=(Piece(body, at),),
    )


def live_answer(events: AsyncIterator[Event]) -> Answer:
    """A stream whose events go out as they come."""

    async def encoded() -> AsyncIterator[bytes]:
        async for event in events:
            yield Frame(event["type"], msgspec.json.encode(event).decode()).encoded()

    return replace(stream_answer(()), live=encoded())


def stream_answer(frames: Iterable[Frame]) -> Answer:
    return Answer(
        headers=(("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")),
        pieces=tuple(Piece(frame.encoded(), frame.at) for frame in frames),
    )


def frames_of(events: list[Event], seconds_per_word: float | None = None) -> list[Frame]:
    """The events as frames; a long answer is paced by its words, and any answer where a pace is given."""
    usual = SECONDS_PER_WORD if sum(map(words_in, events)) > UNPACED_WORDS else 0.0
    pace = usual if seconds_per_word is None else seconds_per_word
    frames: list[Frame] = []
    said = 0
    for event in events:
        said += words_in(event)
        frames.append(Frame(event["type"], msgspec.json.encode(event).decode(), said * pace))
    return frames


def paced(pieces: tuple[Piece, ...]) -> Iterator[tuple[Piece, float]]:
    """Each piece with the seconds to wait after the one before; so a server that was held up does not rush."""
    said = 0.0
    for piece in pieces:
        yield piece, piece.at - said
        said = piece.at

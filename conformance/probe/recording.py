"""The recorder of one answer: its chunks with their times, its limits, and whether `message_stop` was received."""

import re
from collections.abc import Iterable

from msgspec import Struct

from conformance.doors import from_json, values_in
from conformance.probe.encoding import EncodingError, Inflater, OversizedError, Plain, decoder
from conformance.probe.exchange import Chunk, Exchange, Outcome, Request
from conformance.probe.pulse import Gap
from conformance.probe.sse import Decoder, Frame

FEW = 64 * 2**10
"""Bytes of a stream up to which its frames are kept for whoever reads it next."""
LAST_WORDS = ("message_stop", "error")
"""The types of the events after which a stream has no more to say."""

_SOME_TEXT = re.compile(rb'"text"\s*:\s*"[^"]')


class Limits(Struct, frozen=True, kw_only=True):
    """Limits of an answer, in seconds, bytes and events: every answer is hostile until judged."""

    connect: float = 5.0
    first_byte: float = 300.0
    idle: float = 300.0
    total: float = 1200.0
    grace: float = 2.0
    """How long a body may stay open after the last event of a stream."""
    headers: int = 64 * 2**10
    body: int = 4 * 2**20
    """Of the body as it arrives, and again of what it unpacks to: the longest answer asked for has a tenth."""
    events: int = 32_000
    """The longest answer that is asked for has 70,000 characters, twenty thousand tokens."""
    values: int = 100_000
    """Commas and opening brackets, which part the values of JSON: each value takes thirty times its bytes to read.

    Of events twice as many, which are read one by one: each has five at the least.
    """


BORDER = 30
"""Bytes before a piece in which a number that it ends may have begun."""


class Recording:
    """The recording of one answer so far; times in seconds since the request was sent."""

    def __init__(self, limits: Limits, started: float) -> None:
        self._limits = limits
        self._started = started
        self.status: int | None = None
        self.held_up: tuple[Gap, ...] = ()
        self.last_word: str | None = None
        """The type of the event that ends a stream, once it was said."""
        self._http_version = "HTTP/1.1"
        self._headers: tuple[tuple[str, str], ...] = ()
        self._chunks: list[Chunk] = []
        self._first_byte: float | None = None
        self._arrived = 0
        self._values = 0
        self._border = b""
        self._body: Inflater | Plain = Plain(limits.body)
        self._events: Decoder | None = None
        self._frames: list[Frame] = []
        self._followed = 0  # chunks whose frames these are

    def begin(self, status: int, http_version: str, headers: Iterable[tuple[bytes, bytes]], at: float) -> None:
        """The head of the answer; OversizedError or EncodingError."""
        self.status = status
        self._http_version = http_version
        self._first_byte = at
        named = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
        self._headers = tuple(named)
        size = sum([len(name) + len(value) for name, value in named])
        if size > self._limits.headers:
            self._headers = ()
            raise OversizedError(f"the headers have {size} bytes, more than {self._limits.headers}")
        codings = [
            coding.strip().lower() for name, value in named if name == "content-encoding" for coding in value.split(",")
        ]
        self._body = decoder(codings, self._limits.body)

    def take(self, data: bytes, at: float) -> None:
        """A piece of the body as it arrived; OversizedError or EncodingError."""
        self._arrived += len(data)
        if self._arrived > self._limits.body:
            raise OversizedError(f"the body is longer than {self._limits.body} bytes")
        piece = self._body.feed(data)
        if not piece:
            return
        if not self._chunks:
            self._events = Decoder() if _may_be_stream(piece) else None
        self._chunks.append(Chunk(at, piece))
        self._values += values_in(piece, self._border)
        self._border = piece[-BORDER:]
        most = self._limits.values * (2 if self._events else 1)
        if self._values > most:
            raise OversizedError(f"the body has more than {most} commas and brackets, or many numbers near the largest")
        if self._events:
            frames = self._events.feed(piece, at)
            if self._arrived <= FEW:
                self._frames += frames
                self._followed += 1
            self._follow(frames)

    def _follow(self, frames: list[Frame]) -> None:
        if not frames:
            return
        if frames[-1].number >= self._limits.events:
            raise OversizedError(f"the stream has more than {self._limits.events} events")
        for frame in frames:
            self.last_word = _last_word(frame) or self.last_word

    @property
    def has_words(self) -> bool:
        """Whether the last pieces of a stream hold some text of the answer."""
        data = b"".join(chunk.data for chunk in self._chunks[-2:])
        return b"text_delta" in data and _SOME_TEXT.search(data) is not None

    def end(self) -> None:
        """The end of the body, as HTTP says it; EncodingError when the content encoding says otherwise.

        Where nothing came there is nothing to decode: the answer to HEAD has the headers of a body, and none.
        """
        if self._chunks and not self._body.ended:
            raise EncodingError("the body ends inside its content encoding")

    @property
    def behind(self) -> bytes:
        """What stood in the body behind the end of its content encoding."""
        return self._body.behind

    def exchange(
        self, request: Request, outcome: Outcome, finished: float, detail: str, notes: tuple[str, ...]
    ) -> Exchange:
        exchange = Exchange(
            request=request,
            outcome=outcome,
            status=self.status,
            http_version=self._http_version,
            headers=self._headers,
            chunks=tuple(self._chunks),
            started=self._started,
            first_byte=self._first_byte,
            finished=finished,
            held_up=self.held_up,
            detail=detail,
            notes=notes,
        )
        if self._events and self._followed == len(self._chunks):
            tail = self._events.close()
            exchange.knows_frames((*self._frames, tail) if tail else tuple(self._frames))
        return exchange


def _may_be_stream(start: bytes) -> bool:
    """Whether a body can be server-sent events, whatever its media type says: not JSON, not a page."""
    return not start.lstrip().startswith((b"{", b"[", b"<"))


def _last_word(frame: Frame) -> str | None:
    """The type of an event that ends a stream, by its name or by its data."""
    if frame.name in LAST_WORDS:
        return frame.name
    if frame.data is None or not (b"message_stop" in frame.data or b"error" in frame.data):
        return None
    event = from_json(frame.data, _Event)
    return event.type if event is not None and event.type in LAST_WORDS else None


class _Event(Struct):
    type: str

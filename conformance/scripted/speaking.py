"""Sends the answers of an upstream face: whole or as a stream, at their pace, or failing as the request asked.

A `Voice` encodes an answer for one wire. When the bytes leave, and how an answer fails, is the same on all wires.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct
from starlette.responses import Response

from conformance.scripted.conversation import Failure, Reply
from conformance.scripted.delivery import Delivery, Ending, Outcome, Pace
from conformance.scripted.wire import Wire, wire_of

SILENCE_SECONDS = 20.0
"""How long a silence lasts before the connection closes."""

NDJSON = "application/x-ndjson"
"""Lines of JSON: the stream of every wire that is no event stream."""

NOT_JSON = b"this is not JSON"


_AS_USUAL = Delivery()


class SpokenPiece(Struct, frozen=True):
    """One piece of a stream, and how many words of the answer have been said when it is sent."""

    data: bytes
    words: int = 0


class Voice(Protocol):
    """One reply on one wire."""

    media_type: str
    """Of the stream."""

    def body(self) -> bytes:
        """The whole answer, as JSON."""

    def frames(self) -> Iterator[SpokenPiece]:
        """The same answer as a stream."""

    def not_json(self) -> bytes:
        """What stands in the stream where its JSON should be."""

    def error(self, status: int) -> bytes:
        """The body of an error with this status."""

    def error_frame(self) -> bytes:
        """An error in the middle of a stream."""


Close = Literal["whole", "cut", "silence"]
"""What the server does when an answer has said all that it says."""


def spoken(
    reply: Reply, voice: Voice, *, stream: bool, delivery: Delivery = _AS_USUAL, ending: Ending | None = None
) -> "Response | Spoken":
    """The HTTP answer to a request; it may fail where the reply says so. `ending` is told how it ended."""
    failure = reply.failure
    media_type = voice.media_type if stream else "application/json"
    match failure:
        case None:
            whole = _whole(reply, voice, stream=stream, delivery=delivery)
            whole.ending = ending
            return whole
        case Failure(kind="status"):
            again = {} if failure.retry_after is None else {"retry-after": str(failure.retry_after)}
            status = failure.status or 500
            return Response(voice.error(status), status, again, "application/json")
        case Failure(kind="not-json"):
            return Response(voice.not_json() if stream else NOT_JSON, 200, media_type=media_type)
        case Failure(kind="empty"):
            return Response(b"", 200, media_type=media_type)
        case Failure(kind="split-bytes"):
            whole = _whole(reply, voice, stream=stream)
            return Spoken(_split(whole.pieces), media_type)
        case Failure(kind="error") if not stream:
            return Response(voice.error(500), 500, media_type="application/json")
        case _:
            return _breaking_off(reply, failure, voice, stream=stream)


def _whole(reply: Reply, voice: Voice, *, stream: bool, delivery: Delivery = _AS_USUAL) -> "Spoken":
    if stream:
        return Spoken(_stream(reply, voice, delivery.seconds_per_word), voice.media_type)
    body = voice.body()
    return Spoken(_late(body, reply, delivery.seconds_per_word), "application/json", length=len(body))


def _breaking_off(reply: Reply, failure: Failure, voice: Voice, *, stream: bool) -> "Spoken":
    """An answer that says some words, and then ends in an error, in silence or with the connection."""
    if not stream:
        body = voice.body()
        close: Close = "silence" if failure.kind == "silence" else "cut"
        return Spoken(_once(body[: len(body) // 2]), "application/json", length=len(body), close=close)
    said = _stream(reply, voice, most_words=failure.after_words)
    match failure.kind:
        case "error":
            return Spoken(_then(said, voice.error_frame()), voice.media_type)
        case "silence":
            return Spoken(said, voice.media_type, close="silence")
        case _:
            return Spoken(said, voice.media_type, close="cut")


class Spoken:
    """An ASGI answer that is sent piece by piece, and may end as no answer should."""

    def __init__(
        self, pieces: AsyncIterator[bytes], media_type: str, *, length: int | None = None, close: Close = "whole"
    ) -> None:
        self.pieces = pieces
        self.headers: list[tuple[bytes, bytes]] = [(b"content-type", media_type.encode())]
        if length is not None:
            self.headers.append((b"content-length", str(length).encode()))
        self.close = close
        self.ending: Ending | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        gone = asyncio.create_task(_disconnected(receive))
        sent = asyncio.create_task(self._send(wire_of(scope), gone, send))
        try:
            await asyncio.wait((gone, sent), return_when=asyncio.FIRST_COMPLETED)
            if sent.done():
                sent.result()
            self._seen("whole" if sent.done() and not gone.done() else "left")
        finally:
            sent.cancel()
            gone.cancel()

    async def _send(self, wire: Wire, gone: "asyncio.Task[None]", send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        async for piece in self.pieces:
            if wire.disconnected:
                self._seen("left")
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self.close == "whole":
            self._seen("whole")
            await send({"type": "http.response.body", "body": b""})
            return
        if self.close == "silence":
            await asyncio.wait((gone,), timeout=SILENCE_SECONDS)
        wire.close()

    def _seen(self, outcome: Outcome) -> None:
        if self.ending is not None:
            self.ending.came(outcome)


async def _disconnected(receive: Any) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _late(body: bytes, reply: Reply, seconds_per_word: float | None) -> AsyncIterator[bytes]:
    """The body, as late as a stream would have ended."""
    await Pace(reply, seconds_per_word).reach(reply.output_tokens)
    yield body


async def _stream(
    reply: Reply, voice: Voice, seconds_per_word: float | None = None, most_words: int | None = None
) -> AsyncIterator[bytes]:
    pace = Pace(reply, seconds_per_word)
    for frame in voice.frames():
        if most_words is not None and frame.words > most_words:
            return
        await pace.reach(frame.words)
        yield frame.data


async def _once(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


async def _then(pieces: AsyncIterator[bytes], last: bytes) -> AsyncIterator[bytes]:
    async for piece in pieces:
        yield piece
    yield last


_INSIDE_CHARACTER = re.compile(rb"(?<=[\x80-\xff])(?=[\x80-\xbf])")


async def _split(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes with a chunk border inside every character that has more than one."""
    async for piece in pieces:
        for part in _INSIDE_CHARACTER.split(piece):
            yield part
            await asyncio.sleep(0.002)  # so that the network does not join what was parted


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer that is ready at once."""
    import msgspec

    return Response(msgspec.json.encode(value), status, headers, "application/json")


async def nobody_is_left(_: object, __: object) -> Response:
    """The answer to a client that went away before its request was read: nobody sees it."""
    return Response(status_code=499)

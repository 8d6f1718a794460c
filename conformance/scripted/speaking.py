"""How an upstream face speaks: a reply at its pace, whole or in a stream, or failing as it was told to.

What differs between wires is a `Voice`; when the bytes leave, and how an answer goes wrong, is the same on all of them.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct
from starlette.responses import Response

from conformance.scripted.conversation import Failure, Reply
from conformance.scripted.pacing import Pace
from conformance.scripted.wire import wire_of

SILENCE_SECONDS = 20.0
"""How long a silence lasts before the connection closes."""

NDJSON = "application/x-ndjson"
"""Lines of JSON: the stream of every wire that is no event stream."""

NOT_JSON = b"this is not JSON"


class Frame(Struct, frozen=True):
    """One piece of a stream, and how many words of the answer have been said when it is sent."""

    data: bytes
    words: int = 0


class Voice(Protocol):
    """One reply on one wire."""

    media_type: str
    """Of the stream."""

    def body(self) -> bytes:
        """The whole answer, as JSON."""

    def frames(self) -> Iterator[Frame]:
        """The same answer as a stream."""

    def not_json(self) -> bytes:
        """What stands in the stream where its JSON should be."""

    def error(self, status: int) -> bytes:
        """The body of an error with this status."""

    def error_frame(self) -> bytes:
        """An error in the middle of a stream."""


Ending = Literal["whole", "cut", "silence"]


def spoken(reply: Reply, voice: Voice, *, stream: bool) -> "Response | Spoken":
    """The HTTP answer to a request; it may fail where the reply says so."""
    failure = reply.failure
    media_type = voice.media_type if stream else "application/json"
    match failure:
        case None:
            return _whole(reply, voice, stream=stream)
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


def _whole(reply: Reply, voice: Voice, *, stream: bool) -> "Spoken":
    if stream:
        return Spoken(_stream(reply, voice), voice.media_type)
    body = voice.body()
    return Spoken(_late(body, reply), "application/json", length=len(body))


def _breaking_off(reply: Reply, failure: Failure, voice: Voice, *, stream: bool) -> "Spoken":
    """An answer that says some words, and then ends in an error, in silence or with the connection."""
    if not stream:
        body = voice.body()
        ending: Ending = "silence" if failure.kind == "silence" else "cut"
        return Spoken(_once(body[: len(body) // 2]), "application/json", length=len(body), ending=ending)
    said = _stream(reply, voice, most_words=failure.after_words)
    match failure.kind:
        case "error":
            return Spoken(_then(said, voice.error_frame()), voice.media_type)
        case "silence":
            return Spoken(said, voice.media_type, ending="silence")
        case _:
            return Spoken(said, voice.media_type, ending="cut")


class Spoken:
    """An ASGI answer that is sent piece by piece, and may end as no answer should."""

    def __init__(
        self, pieces: AsyncIterator[bytes], media_type: str, *, length: int | None = None, ending: Ending = "whole"
    ) -> None:
        self.pieces = pieces
        self.headers: list[tuple[bytes, bytes]] = [(b"content-type", media_type.encode())]
        if length is not None:
            self.headers.append((b"content-length", str(length).encode()))
        self.ending = ending

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        wire = wire_of(scope)
        await send({"type": "http.response.start", "status": 200, "headers": self.headers})
        async for piece in self.pieces:
            if wire.disconnected:
                return
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if self.ending == "whole":
            await send({"type": "http.response.body", "body": b""})
            return
        if self.ending == "silence":
            await _until_disconnected(receive)
        wire.close()


async def _until_disconnected(receive: Any) -> None:
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass


async def _late(body: bytes, reply: Reply) -> AsyncIterator[bytes]:
    """Once the last word has been thought of."""
    await Pace(reply).reach(reply.output_tokens)
    yield body


async def _stream(reply: Reply, voice: Voice, most_words: int | None = None) -> AsyncIterator[bytes]:
    pace = Pace(reply)
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

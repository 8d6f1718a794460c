"""One request and its answer as recorded: bytes, headers, times."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from conformance.once import once
from conformance.probe.pulse import BEAT, Gap
from conformance.probe.sse import Chunk, Frame, frames

__all__ = ["AFTER_THE_END", "REMOVED", "Chunk", "Exchange", "Outcome", "Request"]

Outcome = Literal[
    "complete",  # the answer ended as HTTP says that it ends
    "cut",  # the connection closed, or broke, inside the answer
    "reset",  # closed or reset before the first byte of an answer
    "unfinished",  # a stream said message_stop and the body never ended
    "abandoned",  # the case hung up inside the answer
    "slow",  # no first byte, or no further byte, within the timeout
    "oversized",  # a limit on body, events, headers or decompression was reached
    "malformed",  # the bytes are not HTTP, or not of the announced content encoding
    "unreachable",  # no connection: refused, unknown host, TLS
    "failed",  # our own fault
]


AFTER_THE_END = "bytes after the end of the answer, "
"""How the note begins that says how many there were, and which."""
REMOVED = "a key was removed from the body of this answer"
"""The note on an exchange whose bytes are not those that arrived."""


class Request(Struct, frozen=True):
    """The request as it was sent, keys already removed."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


class Exchange(Struct, frozen=True, dict=True, kw_only=True):
    """One request and its answer; `status` is None when no answer began."""

    request: Request
    outcome: Outcome
    status: int | None = None
    http_version: str = "HTTP/1.1"
    headers: tuple[tuple[str, str], ...] = ()
    """Names in lower case, in the order of arrival, duplicates kept."""
    chunks: Sequence[Chunk] = ()
    started: float = 0.0
    """Unix time at which the request was sent."""
    first_byte: float | None = None
    """Seconds from the request to the response headers."""
    finished: float = 0.0
    """Seconds from the request to the end of the answer."""
    held_up: tuple[Gap, ...] = ()
    """When the suite's own event loop was held up meanwhile, in seconds since the request was sent: from, to."""
    detail: str = ""
    """What the client said of an outcome that is not `complete`."""
    notes: tuple[str, ...] = ()
    """What happened on the way, such as a retry on a fresh connection."""

    @once
    def body(self) -> bytes:
        """The whole body, content encoding undone."""
        laid_aside: bytes | None = getattr(self.chunks, "data", None)
        return b"".join([chunk.data for chunk in self.chunks]) if laid_aside is None else laid_aside

    @property
    def times(self) -> Sequence[float]:
        """When each chunk arrived."""
        laid_aside: Sequence[float] | None = getattr(self.chunks, "times", None)
        return [chunk.at for chunk in self.chunks] if laid_aside is None else laid_aside

    @once
    def frames(self) -> tuple[Frame, ...]:
        """The frames of the body, read as server-sent events."""
        return frames(self.chunks)

    def knows_frames(self, known: tuple[Frame, ...]) -> None:
        """Takes the frames from whoever has read them already."""
        self.__dict__["frames"] = known

    @once
    def size(self) -> int:
        """Bytes of the body."""
        laid_aside: int | None = getattr(self.chunks, "size", None)
        return sum([len(chunk.data) for chunk in self.chunks]) if laid_aside is None else laid_aside

    def earliest(self, at: float) -> float:
        """The time from which on what was read at a time may have been there: nobody looked while we were held up."""
        return next((began for began, ended in self.held_up if began < at <= ended + BEAT), at)

    @property
    def late(self) -> float:
        """Seconds for which the suite itself was held up meanwhile."""
        return sum([ended - began for began, ended in self.held_up])

    def header(self, name: str) -> str | None:
        """The first value of a header, by its name in lower case."""
        return next((value for key, value in self.headers if key == name), None)

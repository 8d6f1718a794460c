"""Server-sent events over raw bytes, by the rules of https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from collections.abc import Iterable

from msgspec import Struct


class Chunk(Struct, frozen=True, gc=False):
    """A piece of the body as it arrived, content encoding undone; `at` in seconds since the request was sent."""

    at: float
    data: bytes


BOM = b"\xef\xbb\xbf"


class Frame(Struct, frozen=True, gc=False):
    """The lines between two blank lines, without comments; a frame without data is no event."""

    number: int
    """Counts from 0 over the frames that have any field: one that is only comments is none."""
    name: str | None
    """The last `event` field (bytes that are not UTF-8 replaced), None when there is none."""
    data: bytes | None
    """The `data` lines joined with a line feed, None when there is none."""
    at: float
    """Arrival of the byte that completed it, in seconds since the request was sent."""
    ended: bool
    """A blank line ended it; False for a tail that the end of the body cut off."""
    lines: int
    """The number of `data` lines."""


class Decoder:
    """Decodes a stream as it arrives, wherever it is split; any bytes at all are some sequence of frames."""

    def __init__(self) -> None:
        self._number = 0
        self._unfinished: list[bytes] = []  # pieces of the current line: joined once, when it ends
        self._opening = True
        self._after_return = False
        self._at = 0.0
        self._begin_frame()

    def _begin_frame(self) -> None:
        self._has_field = False
        self._name: bytes | None = None
        self._data: list[bytes] = []

    def feed(self, data: bytes, at: float) -> list[Frame]:
        """The frames that these bytes complete; `at` in seconds since the request was sent."""
        if not data:
            return []
        self._at = at
        if self._opening:
            data = b"".join((*self._unfinished, data))
            self._unfinished.clear()
            if len(data) < len(BOM) and BOM.startswith(data):
                self._unfinished.append(data)
                return []
            self._opening = False
            data = data.removeprefix(BOM)
        return self._take_lines(self._whole_lines(data))

    def _whole_lines(self, data: bytes) -> list[bytes]:
        if self._after_return:  # a line feed right after a carriage return belongs to it
            data = data.removeprefix(b"\n")
            self._after_return = False
        if b"\n" not in data and b"\r" not in data:
            if data:
                self._unfinished.append(data)
            return []
        self._after_return = data.endswith(b"\r")
        lines = b"".join((*self._unfinished, data)).splitlines()  # of bytes: at CR, LF and CRLF only
        self._unfinished = [] if data.endswith((b"\n", b"\r")) else [lines.pop()]
        return lines

    def _take_lines(self, lines: list[bytes]) -> list[Frame]:
        frames: list[Frame] = []
        for line in lines:
            if line:
                self._take_line(line)
            elif self._has_field:
                frames.append(self._frame(ended=True))
        return frames

    def _take_line(self, line: bytes) -> None:
        if line.startswith(b"data: "):  # what nearly every line is
            self._has_field = True
            self._data.append(line[6:])
            return
        field, _, value = line.partition(b":")
        if not field:  # a comment
            return
        self._has_field = True
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
        elif field == b"event":
            self._name = value.removeprefix(b" ")

    def _frame(self, *, ended: bool) -> Frame:
        frame = Frame(
            self._number,
            None if self._name is None else self._name.decode(errors="replace"),
            b"\n".join(self._data) if self._data else None,
            self._at,
            ended,
            len(self._data),
        )
        self._number += 1
        self._begin_frame()
        return frame

    def close(self) -> Frame | None:
        """The frame that the end of the body cut off, if there is one; its last line may be cut too."""
        tail = b"".join(self._unfinished)
        self._unfinished.clear()
        if tail:
            self._take_line(tail)
        return self._frame(ended=False) if self._has_field else None


def frames(chunks: Iterable[Chunk]) -> tuple[Frame, ...]:
    """All frames of a recorded body, a tail that was cut off included."""
    decoder = Decoder()
    found = [frame for chunk in chunks for frame in decoder.feed(chunk.data, chunk.at)]
    tail = decoder.close()
    return (*found, tail) if tail else tuple(found)

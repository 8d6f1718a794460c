"""Lines packed with zstd so that one is read without unpacking all: small frames, and an index in a last skippable one.

The file is what `zstd` itself reads: its frames, one after the other, unpack to the lines in the order of their ids. No
frame unpacks to more than `FRAME` bytes; a longer line goes on in the next. The last frame is skippable (RFC 8878,
section 3.1.2), so that `zstdcat` passes over it. It holds the index, and ends with its own length and `MAGIC`:

    184D2A5E  length  zstd({"frames": [[packed, unpacked], ...], "lines": {id: [offset, length]}})  length  MAGIC

Lengths are 32 bits, little-endian; offsets count unpacked bytes. A missing or torn index is made anew from the frames.
"""

import struct
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader, RawIOBase
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
import zstandard
from msgspec import Struct

from conformance.doors import UNDECODABLE

FRAME = 256_000
"""The most bytes that one frame unpacks to."""
LEVEL = 3
"""Compression at the end of a run: 20 MB in a quarter of a second."""
BEST = 15
"""Compression of what is published: some seconds, a fifth smaller."""
MOST = 1_000_000_000
"""Bytes that a whole file may unpack to: more is not read."""
LONGEST = 28 * 2**20
"""Bytes of a line: the longest answer, each byte of it escaped, and its request."""
MOST_LINES = 100_000
LARGEST_PACKED = 2 * FRAME
"""Bytes of a packed frame, which is hardly longer than what it unpacks to."""
LARGEST_INDEX = 2 * 2**20
"""Bytes of the index: it has eighty for each exchange."""
LARGEST_WINDOW = 8 * 2**20
"""Bytes that a frame may ask to be remembered (RFC 8878, section 3.1.1.1.2)."""

MAGIC = b"mc-index"
_SKIPPABLE = 0x184D2A5E
_ANY_SKIPPABLE = b"\x2a\x4d\x18"
_HEADER = struct.Struct("<II")
_FOOTER = struct.Struct("<I8s")
_ZSTD = (0xFD2FB528).to_bytes(4, "little")


class FrameError(Exception):
    """A packed file that cannot be read; the message says where it ends to be one."""


class Index(Struct, frozen=True):
    """The places of all lines."""

    frames: list[tuple[int, int]]
    """Packed and unpacked bytes of each frame, in the order of the file."""
    lines: dict[str, tuple[int, int]]
    """Id to the offset of its line in the unpacked bytes, and its length without the end of the line."""


def pack(lines: Iterable[tuple[str, bytes]], file: BinaryIO, *, level: int = LEVEL) -> None:
    """Writes lines, given with their ids and without their ends, and the index behind them."""
    compressor = zstandard.ZstdCompressor(level=level, write_checksum=True)
    frames: list[tuple[int, int]] = []
    places: dict[str, tuple[int, int]] = {}
    offset = 0
    waiting = bytearray()

    def write_frame(size: int) -> None:
        packed = compressor.compress(bytes(waiting[:size]))
        file.write(packed)
        frames.append((len(packed), size))
        del waiting[:size]

    for name, line in lines:
        if waiting and len(waiting) + len(line) + 1 > FRAME:
            write_frame(len(waiting))
        places[name] = (offset, len(line))
        offset += len(line) + 1
        waiting += line + b"\n"
        while len(waiting) > FRAME:
            write_frame(FRAME)
    if waiting:
        write_frame(len(waiting))
    file.write(_index_frame(Index(frames, places), compressor))


def _index_frame(index: Index, compressor: zstandard.ZstdCompressor) -> bytes:
    payload = compressor.compress(msgspec.json.encode(index))
    length = len(payload) + _FOOTER.size
    return _HEADER.pack(_SKIPPABLE, length) + payload + _FOOTER.pack(length, MAGIC)


class PackedLines:
    """Reads single lines of a packed file; FrameError where it is none."""

    def __init__(self, path: Path, name_of: Callable[[bytes], str]) -> None:
        """`name_of` gives the id of a line, for a file whose index has to be made anew."""
        self._path = path
        self.rebuilt = False
        """Whether the index was missing or torn."""
        with path.open("rb") as file:
            index = _read_index(file)
            if index is None:
                index, self.rebuilt = _made_anew(file, name_of), True
        self._index = index
        self._starts = [0, *accumulate(packed for packed, _ in index.frames)]
        self._offsets = [0, *accumulate(unpacked for _, unpacked in index.frames)]
        self._last: tuple[int, bytes] = (-1, b"")

    def __contains__(self, name: str) -> bool:
        return name in self._index.lines

    def __iter__(self) -> Iterator[str]:
        return iter(self._index.lines)

    def read(self, name: str) -> bytes:
        """The line of an id, without its end; KeyError where there is none."""
        offset, length = self._index.lines[name]
        if offset < 0 or length < 0 or offset + length > self._offsets[-1]:
            raise FrameError(f"{self._path}: its index names bytes that are not there")
        if length > LONGEST:
            raise FrameError(f"{self._path}: a line of it is longer than {LONGEST} bytes")
        number = bisect_right(self._offsets, offset) - 1
        line = bytearray()
        skip = offset - self._offsets[number]
        while len(line) < length:
            line += self._frame(number)[skip : skip + length - len(line)]
            number, skip = number + 1, 0
        return bytes(line)

    def _frame(self, number: int) -> bytes:
        if self._last[0] != number:
            packed, unpacked = self._index.frames[number]
            with self._path.open("rb") as file:
                file.seek(self._starts[number])
                frame = _unpacked(file.read(packed), self._path)
            if len(frame) != unpacked:
                raise FrameError(f"{self._path}: its index does not fit its frames")
            self._last = (number, frame)
        return self._last[1]


def pack_whole(content: bytes, file: BinaryIO) -> None:
    """Writes content that is always read as a whole: one frame, packed as well as it goes."""
    file.write(zstandard.ZstdCompressor(level=19, write_checksum=True).compress(content))


def unpack(path: Path) -> bytes:
    """All that a zstd file holds, ours or another's; FrameError where it is torn, none, or unpacks to too much."""
    with unpacking(path) as file:
        return file.read()


@contextmanager
def unpacking(path: Path) -> Iterator[BinaryIO]:
    """The content of a zstd file, unpacked as it is read; FrameError where it is torn or none."""
    with path.open("rb") as file:
        if not _is_whole(file):
            raise FrameError(f"{path}: no zstd file, or a torn one")
        file.seek(0)
        unpacker = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)
        with unpacker.stream_reader(file, read_across_frames=True) as reader:
            try:
                yield cast("BinaryIO", BufferedReader(cast("RawIOBase", reader), FRAME))
            except zstandard.ZstdError as problem:
                raise FrameError(f"{path}: a frame is damaged ({problem})") from problem


def bounded_lines(path: Path, file: BinaryIO, *, longest: int, most: int) -> Iterator[bytes]:
    """The lines of a file with their ends, one at a time; FrameError where one, or all, have more bytes than that."""
    total = number = 0
    while line := file.readline(longest + 1):
        number += 1
        total += len(line)
        if len(line) > longest:
            raise FrameError(f"{path}: its line {number} is longer than {longest} bytes, which no run writes")
        if total > most:
            raise FrameError(f"{path}: is longer than {most} bytes, which no run writes")
        yield line


def _read_index(file: BinaryIO) -> Index | None:
    """The index from the end of the file; None where it is missing or torn."""
    size = file.seek(0, 2)
    if size < _HEADER.size + _FOOTER.size:
        return None
    file.seek(size - _FOOTER.size)
    length, magic = _FOOTER.unpack(file.read(_FOOTER.size))
    start = size - length - _HEADER.size
    if magic != MAGIC or start < 0:
        return None
    file.seek(start)
    if _HEADER.unpack(file.read(_HEADER.size)) != (_SKIPPABLE, length):
        return None
    if length > LARGEST_INDEX:
        return None
    payload = file.read(length - _FOOTER.size)
    try:
        if not 0 <= zstandard.frame_content_size(payload) <= LARGEST_INDEX:
            return None
        index = msgspec.json.decode(zstandard.ZstdDecompressor().decompress(payload), type=Index)
    except (zstandard.ZstdError, *UNDECODABLE, ValueError):
        return None
    sound = all(0 < packed <= LARGEST_PACKED and 0 <= unpacked <= FRAME for packed, unpacked in index.frames)
    fits = sum(packed for packed, _ in index.frames) == start and _fit(index)
    return index if sound and fits else None


def _fit(index: Index) -> bool:
    """Whether lines lie in what the frames unpack to, and beside each other: none is told a thousand times."""
    end = sum(unpacked for _, unpacked in index.frames)
    inside = all(offset >= 0 and 0 <= length <= end - offset for offset, length in index.lines.values())
    return inside and sum(length + 1 for _, length in index.lines.values()) <= end


def _made_anew(file: BinaryIO, name_of: Callable[[bytes], str]) -> Index:
    """The index from the frames themselves, up to the first that is torn; FrameError where no frame is whole."""
    frames: list[tuple[int, int]] = []
    lines: dict[str, tuple[int, int]] = {}
    offset = count = 0
    begun: list[bytes] = []
    """The parts so far of a line that goes on in the next frame."""
    for packed, content in _frames(file):
        frames.append((packed, len(content)))
        complete, end, rest = content.rpartition(b"\n")
        if not end:
            begun.append(content)
            if len(begun) > LONGEST // FRAME:
                raise FrameError(f"{file.name}: a line of it is longer than {LONGEST} bytes")
            continue
        for line in b"".join((*begun, complete)).split(b"\n"):
            with suppress(*UNDECODABLE):  # a line that is none of ours has no id to ask for it by
                lines[name_of(line)] = (offset, len(line))
            offset += len(line) + 1
        begun = [rest]
        count += complete.count(b"\n") + 1
        if count > MOST_LINES:
            raise FrameError(f"{file.name}: has more than {MOST_LINES} lines")
    if not frames:
        raise FrameError(f"{file.name}: no zstd file, or torn before the end of its first frame")
    return Index(frames, lines)


def _frames(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Packed size and content of each frame from the beginning, until one is torn, too large, or skippable."""
    position, total = 0, 0
    while True:
        file.seek(position)
        packed = _packed_size(file)
        if packed is None or packed > LARGEST_PACKED:
            return
        file.seek(position)
        try:
            content = _unpacked(file.read(packed), Path(file.name))
        except FrameError:
            return
        total += len(content)
        if total > MOST:
            return
        yield packed, content
        position += packed


def _is_whole(file: BinaryIO) -> bool:
    """Whether a file is zstd frames, skippable ones among them, from its beginning to its end."""
    end = file.seek(0, 2)
    position = 0
    while position < end:
        file.seek(position)
        head = file.read(_HEADER.size)
        if head[1:4] == _ANY_SKIPPABLE and head[0] & 0xF0 == 0x50 and len(head) == _HEADER.size:
            position += _HEADER.size + _HEADER.unpack(head)[1]
            continue
        file.seek(position)
        packed = _packed_size(file)
        if packed is None:
            return False
        position += packed
    return position == end > 0


def _packed_size(file: BinaryIO) -> int | None:
    """The length of the frame that begins here, from the sizes of its blocks; None where it is torn or none.

    RFC 8878, section 3.1.1: a header, blocks with three bytes before each, four bytes of checksum.
    """
    start = file.tell()
    head = file.read(18)
    if not head.startswith(_ZSTD):
        return None
    try:
        size = zstandard.frame_header_size(head)
        checksum = zstandard.get_frame_parameters(head).has_checksum
    except zstandard.ZstdError:
        return None
    file.seek(start + size)
    last = False
    while not last:
        block = file.read(3)
        if len(block) < 3:
            return None
        header = int.from_bytes(block, "little")
        last, kind, length = bool(header & 1), header >> 1 & 3, header >> 3
        file.seek(1 if kind == 1 else length, 1)
    return file.tell() - start + (4 if checksum else 0)


def _unpacked(frame: bytes, path: Path) -> bytes:
    """The content of one frame; FrameError where it is torn or unpacks to more than a frame of ours."""
    try:
        if not 0 <= zstandard.frame_content_size(frame) <= FRAME:
            raise FrameError(f"{path}: a frame unpacks to more than {FRAME} bytes, or does not say how much")
        return zstandard.ZstdDecompressor().decompress(frame)
    except zstandard.ZstdError as problem:
        raise FrameError(f"{path}: a frame is torn ({problem})") from problem

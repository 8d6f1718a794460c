"""The chunks of large answers, laid on disk until they are judged: however many wait, they take no memory."""

import os
import tempfile
import weakref
from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from msgspec.structs import replace

from conformance.probe.exchange import Chunk, Exchange

LARGE = 64 * 2**10
"""Bytes of a body from which on its chunks are laid aside."""
MANY = 2000
"""Chunks, the same: each takes a hundred bytes of memory, though there be one byte in it."""


class ShelvedChunks(Sequence[Chunk]):
    """Chunks in a file without a name, which is gone when nobody holds them any more."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        """OSError where the disk takes no more, or too many files are open."""
        self.times = array("d", [chunk.at for chunk in chunks])
        self._ends = array("Q")
        end = 0
        for chunk in chunks:
            end += len(chunk.data)
            self._ends.append(end)
        self.size = end
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - it lives as long as the chunks
        weakref.finalize(self, self._file.close)
        data = memoryview(b"".join([chunk.data for chunk in chunks]))
        while data:
            data = data[self._file.write(data) :]

    def _data(self, first: int, last: int) -> bytes:
        pieces = []
        while first < last and (piece := os.pread(self._file.fileno(), last - first, first)):
            pieces.append(piece)
            first += len(piece)
        return b"".join(pieces)

    @property
    def data(self) -> bytes:
        """All of them in one."""
        return self._data(0, self.size)

    def __len__(self) -> int:
        return len(self.times)

    def __iter__(self) -> Iterator[Chunk]:
        whole = self.data
        begin = 0
        for at, end in zip(self.times, self._ends, strict=True):
            yield Chunk(at, whole[begin:end])
            begin = end

    @overload
    def __getitem__(self, place: int) -> Chunk: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Chunk]: ...
    def __getitem__(self, place: int | slice) -> Chunk | Sequence[Chunk]:
        if isinstance(place, slice):
            return tuple(self)[place]
        number = range(len(self))[place]
        begin = self._ends[number - 1] if number else 0
        return Chunk(self.times[number], self._data(begin, self._ends[number]))


def shelved(exchange: Exchange) -> Exchange:
    """An exchange whose chunks lie on disk where they are large; as it is where the disk does not take them."""
    if exchange.size <= LARGE and len(exchange.chunks) <= MANY:
        return exchange
    try:
        return replace(exchange, chunks=ShelvedChunks(exchange.chunks))
    except OSError:
        return exchange

"""A file of lines that is appended to during a run: each line is flushed, and a torn last line is cut."""

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from conformance.keys import KNOWN

BLOCK = 64 * 1024
"""Bytes that are read at once to find the last complete line."""


class LineFile:
    """Appends lines to a file, which is made where it is missing, with its folder."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.cut = cut_torn_tail(path)
        """Bytes of a torn last line that were cut."""
        self._file = path.open("ab", buffering=0)
        self._end = self._file.tell()

    def write(self, line: bytes) -> None:
        """Appends one line, given without its end; keys are removed whatever brought them into it."""
        data = memoryview(KNOWN.removed(line) + b"\n")
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError:
            with suppress(OSError):  # a full disk took the beginning of a line
                self._file.truncate(self._end)
            raise
        self._end = self._file.tell()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def cut_torn_tail(path: Path) -> int:
    """Cuts what stands behind the last end of a line, as a kill or a full disk leaves it; how many bytes that were."""
    if not path.exists():
        return 0
    with path.open("r+b") as file:
        end = size = file.seek(0, 2)
        while end:
            start = max(0, end - BLOCK)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end < size:
            file.truncate(end)
        return size - end

"""The files of a folder, which may be a stranger's: read within bounds, and never written through a link.

A link, a pipe, a device or a second name of a file that lies elsewhere may stand where a file is looked for. What is
written whole takes the name and leaves alone what it led to; what is appended to is refused; what is read is a plain
file of a bounded size.
"""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, BinaryIO, Self

from conformance.errors import UserError
from conformance.keys import KNOWN

LARGEST_TEXT = 2 * 2**20
"""Bytes of a file that a person writes: cases, targets, configuration. The largest that ships has 122 kB."""
LARGEST_FIXTURE = 32 * 2**20
"""Bytes of a file that a case sends: the API takes no larger body."""
LONGEST_NAME = 100
"""Characters of a file's name that is made from a text of somebody else."""
_NO_NAME = re.compile(r"[^\w.+-]|^\.+", re.ASCII)

BLOCK = 64 * 1024
"""Bytes that are read at once to find the last complete line."""
NOT_FOLLOWED = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Neither follows a link nor waits at a pipe, where the system knows of such things."""
LEADS_ELSEWHERE = (errno.ELOOP, errno.EMLINK, errno.ENXIO)
"""What systems say of a link that is not followed, and of a pipe that nobody reads."""


class LinkedError(UserError):
    """A name in a folder that may lead to somebody else's file; the message says which, and what to do."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is no plain file of its own, but a link, a second name or a device: nothing is written to it; "
            "take it away, or name another folder"
        )


def resolved(path: Path) -> Path:
    """A path without links; links that lead in a circle stay as they are. ValueError for a sign that no path has."""
    return Path(os.path.realpath(path))  # `Path.resolve` raises RuntimeError for a circle, up to Python 3.12


class OutsideError(UserError):
    """A link in a stranger's folder that leads out of it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is a link that leads out of its folder, so it is not read; put the file in its place")


def refuse_to_leave(path: Path) -> None:
    """OutsideError where a name in a folder leads to what lies elsewhere."""
    if path.is_symlink() and not resolved(path).is_relative_to(resolved(path.parent)):
        raise OutsideError(path)


def read_within(path: Path, most: int) -> bytes:
    """The content of a plain file, which may have a link for a name; OSError where it is none, or has more bytes."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "this is no file, but a pipe or a device", str(path))
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"this file has more than {most:,} bytes", str(path))
    return content


def as_name(text: str) -> str:
    """A text of somebody else, such as a version, as a part of a file's name: it leads to no other folder."""
    return _NO_NAME.sub("_", text[:LONGEST_NAME])


def own_file(path: Path, flags: int) -> int:
    """The descriptor of a plain file that has this name only; LinkedError where it is something else.

    `flags` are those of `os.open`.
    """
    try:
        if path.is_symlink():  # where the system cannot be told not to follow one
            raise LinkedError(path)
        descriptor = os.open(path, flags | NOT_FOLLOWED, 0o666)
    except OSError as problem:
        if problem.errno in LEADS_ELSEWHERE:
            raise LinkedError(path) from problem
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise LinkedError(path)
    return descriptor


def is_still_at(file: IO[bytes], path: Path) -> bool:
    """Whether an open file still has its name: its folder may be gone, moved, or another's by now."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.lstat(path))
    except OSError:
        return False


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its name when it is whole; whatever had the name before is let go of, and not written to."""
    unfinished = path.with_name(f"{path.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        begun = unfinished.open("xb")
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, str(path)) from problem
    try:
        with begun as file:
            yield file
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def replace_file(path: Path, content: bytes) -> None:
    """Writes a whole file in the place of whatever has its name."""
    with replacing(path) as file:
        file.write(content)


def folder_below(folder: Path, *names: str) -> Path:
    """A folder below another one, made where it is missing; LinkedError where a name on the way leads elsewhere."""
    for name in names:
        folder = folder / name
        if folder.is_symlink():
            raise LinkedError(folder)
        folder.mkdir(exist_ok=True)
    return folder


class LineFile:
    """Appends lines to a file, each flushed; the file is made where it is missing."""

    def __init__(self, path: Path) -> None:
        """LinkedError where the name leads to another file."""
        self._path = path
        self.cut = cut_torn_tail(path)
        """Bytes of a torn last line that were cut."""
        self._file = os.fdopen(own_file(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab", buffering=0)
        self._end = self._file.seek(0, os.SEEK_END)

    def write(self, line: bytes) -> None:
        """Appends one line, given without its end; keys are removed whatever brought them into it.

        FileNotFoundError where the file was removed, moved or replaced since.
        """
        if not is_still_at(self._file, self._path):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))
        data = memoryview(KNOWN.removed(line) + b"\n")
        end = self._end + len(data)
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError:
            with suppress(OSError):  # a full disk took the beginning of a line
                self._file.truncate(self._end)
            raise
        self._end = end

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
    try:
        descriptor = own_file(path, os.O_RDWR)
    except FileNotFoundError:
        return 0
    with os.fdopen(descriptor, "r+b") as file:
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

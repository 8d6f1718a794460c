"""The folder of a run: claimed by one run at a time, and refused if it holds files of somebody else."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from conformance.errors import ExitCode, UserError
from conformance.files import LinkedError, is_still_at, own_file
from conformance.runs.evidence_store import PLAIN
from conformance.runs.log import FILE, LOCK, PACKED, LogError, is_unbegun, read_rows
from conformance.runs.rows import RunRow

UNBEGUN = {LOCK, FILE, PLAIN, f"{FILE}.part"}
"""What a run may have left that was killed in its first moments."""


class FolderError(UserError):
    """A folder that a run cannot write; the message says why, and what to do."""


class DiskError(UserError):
    """The reason why a run could not write on; what it wrote until then is kept."""

    exit_code = ExitCode.OUR_FAULT


class RunFolder:
    """A folder for one run: made where it is missing, locked while the run goes on."""

    def __init__(self, folder: Path, *, resumed: bool) -> None:
        """FolderError where it cannot be written, holds what is no run of this suite, or another run writes there."""
        self._folder = folder
        try:
            if not resumed:
                _refuse_others(folder)
            self._made = not folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.fdopen(own_file(folder / LOCK, os.O_RDWR | os.O_CREAT), "r+b", buffering=0)
        except OSError as problem:
            raise FolderError(
                f"{folder} cannot be written ({problem.strerror}): name another folder with --out"
            ) from problem
        if not _lock(self._lock):
            owner = _owner(self._lock)
            self._lock.close()
            raise FolderError(
                f"another run{owner} writes into {folder}: wait until it ends, or name another folder with --out"
            )
        self._lock.truncate(0)
        self._lock.seek(0)
        self._lock.write(str(os.getpid()).encode())
        for name in (FILE, PLAIN):
            if os.path.lexists(folder / name):
                self._refuse_link(folder / name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if is_still_at(self._lock, self._folder / LOCK):  # else it is another run's by now
            (self._folder / LOCK).unlink(missing_ok=True)
        self._lock.close()
        if self._made:
            with suppress(OSError):  # whatever stands in it keeps it
                self._folder.rmdir()

    def _refuse_link(self, path: Path) -> None:
        """LinkedError where what a run appends to is no file of its own, before anything is asked."""
        try:
            os.close(own_file(path, os.O_RDONLY))
        except LinkedError:
            self.__exit__(None, None, None)
            raise


def _refuse_others(folder: Path) -> None:
    """FolderError where something lies that no run of this suite has left."""
    if folder.exists() and not folder.is_dir():
        raise FolderError(f"{folder} is a file: name a folder with --out")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if names <= {LOCK} or (names <= UNBEGUN and is_unbegun(folder)):
        return
    if not any(is_run_log(folder / name) for name in (FILE, PACKED)):
        raise FolderError(f"{folder} is not empty, and holds no run of this suite: name another folder with --out")


def is_run_log(path: Path) -> bool:
    """Whether a file begins as the log of a run does, however torn its end is."""
    if not path.is_file():
        return False
    try:
        return isinstance(next(iter(read_rows(path)), None), RunRow)
    except LogError:  # of a later suite, or broken in its middle: it is a log of ours all the same
        with path.open("rb") as file:
            return file.read(13) == b'{"type":"run"'


def _owner(lock: IO[bytes]) -> str:
    lock.seek(0)
    number = lock.read(20).decode("ascii", "replace").strip()
    return f" (process {number})" if number.isdigit() else ""


def _lock(file: IO[bytes]) -> bool:
    """Whether nobody else holds the lock, which the system lets go of when the process ends, however it ends."""
    if os.name == "nt":
        import msvcrt

        try:
            file.seek(1000)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

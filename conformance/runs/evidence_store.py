"""The evidence of a run: one line per exchange, appended while it runs, packed at its end, read one at a time.

A folder holds `evidence.jsonl` while a run goes on or after it was killed, `evidence.jsonl.zst` once it has ended, both
while a resumed run goes on, or, from older suites, a folder `evidence` with a file per exchange. All of them are read.
"""

import shutil
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from conformance.doors import UNDECODABLE, has_more_values
from conformance.errors import UserError
from conformance.files import LineFile, cut_torn_tail, folder_below, read_within, refuse_to_leave, replacing
from conformance.runs.evidence import Evidence, check
from conformance.runs.frames import (
    LEVEL,
    LONGEST,
    MOST,
    MOST_LINES,
    FrameError,
    PackedLines,
    bounded_lines,
    pack,
)

PLAIN = "evidence.jsonl"
PACKED = "evidence.jsonl.zst"
FOLDER = "evidence"
MOST_VALUES = 500_000
"""Values in an exchange above which it is not read: an answer has 200,000 at most."""


class EvidenceError(UserError):
    """Evidence that cannot be read; the message says which, and what there is in its place."""


class _Name(Struct):
    id: str


def name_of(line: bytes) -> str:
    """The id of the exchange that a line holds; MsgspecError where it holds none."""
    return msgspec.json.decode(line, type=_Name).id


class EvidenceWriter:
    """Appends the exchanges of a run to `evidence.jsonl` in its folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: LineFile | None = None

    def write(self, evidence: Evidence) -> None:
        if self._file is None:
            self._file = LineFile(self._folder / PLAIN)
        self._file.write(msgspec.json.encode(evidence))  # which removes keys

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class _Source(Protocol):
    def __contains__(self, name: str) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...
    def read(self, name: str) -> bytes: ...


class _PlainLines:
    """Reads single lines of `evidence.jsonl`; one that a kill has torn is passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        offset = 0
        with path.open("rb") as file:
            for number, line in enumerate(bounded_lines(path, file, longest=LONGEST, most=MOST)):
                with suppress(*UNDECODABLE):
                    self._places[name_of(line)] = (offset, len(line))
                offset += len(line)
                if number > MOST_LINES:
                    raise FrameError(f"{path}: has more than {MOST_LINES} lines")

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def read(self, name: str) -> bytes:
        offset, length = self._places[name]
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(length).rstrip(b"\n")


class _Files:
    """Reads the folder of an older run: `evidence/ID.json`."""

    def __init__(self, folder: Path) -> None:
        self._paths = {path.stem: path for path in sorted(folder.glob("*.json")) if not path.is_symlink()}

    def __contains__(self, name: str) -> bool:
        return name in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def read(self, name: str) -> bytes:
        return read_within(self._paths[name], LONGEST)


class EvidenceStore:
    """Reads the exchanges of a run by their ids, whatever form its evidence has; nothing is unpacked before it is asked
    for, and at most one frame is held.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda _: None) -> None:
        """`say` is given a line where an index had to be made anew. EvidenceError where a file is no evidence."""
        self._folder = folder
        self._sources: list[_Source] = []
        for name in (PLAIN, PACKED, FOLDER):
            refuse_to_leave(folder / name)
        try:
            if (folder / PLAIN).is_file():
                self._sources.append(_PlainLines(folder / PLAIN))
            if (folder / PACKED).is_file():
                packed = PackedLines(folder / PACKED, name_of)
                self._sources.append(packed)
                if packed.rebuilt:
                    say(f"{folder / PACKED}: its index was missing or torn and has been made anew from its frames")
        except FrameError as problem:
            raise EvidenceError(str(problem)) from problem
        if (folder / FOLDER).is_dir():
            self._sources.append(_Files(folder / FOLDER))

    def __contains__(self, name: str) -> bool:
        return any(name in source for source in self._sources)

    def __iter__(self) -> Iterator[str]:
        """The ids of all exchanges, each once."""
        return iter(dict.fromkeys(name for source in self._sources for name in source))

    def line(self, name: str) -> bytes:
        """The line of an exchange as it was written; EvidenceError where there is none."""
        for source in self._sources:
            if name in source:
                try:
                    return source.read(name)
                except (FrameError, OSError) as problem:
                    raise EvidenceError(f"{name} cannot be read: {problem}") from problem
        near = get_close_matches(name, list(self), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise EvidenceError(f"{self._folder} holds no exchange {name}{hint}")

    def read(self, name: str) -> Evidence:
        """An exchange; EvidenceError where there is none, or where its line is none of ours."""
        line = self.line(name)
        if has_more_values(line, MOST_VALUES):
            raise EvidenceError(f"the evidence of {name} in {self._folder} has more than {MOST_VALUES} values")
        try:
            evidence = msgspec.json.decode(line, type=Evidence)
            check(evidence)
        except (*UNDECODABLE, ValueError) as problem:
            raise EvidenceError(f"the evidence of {name} in {self._folder} cannot be read: {problem}") from problem
        return evidence if evidence.id == name else replace(evidence, id=name)


def pack_evidence(folder: Path, level: int = LEVEL) -> None:
    """Packs all the evidence of a folder into `evidence.jsonl.zst`, in the order of the ids, and takes away the rest.

    Nothing is lost where this is interrupted: the packed file takes its name when it is complete.
    """
    if (folder / PLAIN).is_file():
        cut_torn_tail(folder / PLAIN)
    store = EvidenceStore(folder)
    names = sorted(store)
    if not names:
        return
    _pack_into(folder, ((name, _one_line(store, name)) for name in names), level)
    (folder / PLAIN).unlink(missing_ok=True)
    _remove_files(folder / FOLDER, names)


def join_evidence(parts: Mapping[str, EvidenceStore], folder: Path) -> None:
    """Packs exchanges of several runs, each id with the store that has it, into the folder of one."""
    _pack_into(folder, ((name, _one_line(parts[name], name)) for name in sorted(parts)), LEVEL)


def _pack_into(folder: Path, lines: Iterable[tuple[str, bytes]], level: int) -> None:
    with replacing(folder / PACKED) as file:
        pack(lines, file, level=level)


def copy_evidence(source: Path, folder: Path) -> None:
    """Copies the evidence of a run as it is, in whatever form, into the folder of another.

    OutsideError where it leads out of its folder: a stranger's would copy any file of this machine.
    """
    for name in (PLAIN, PACKED):
        if (source / name).is_file():
            refuse_to_leave(source / name)
            _copy(source / name, folder / name)
    for file in _files(source / FOLDER):
        _copy(file, folder_below(folder, FOLDER) / file.name)


def _copy(file: Path, to: Path) -> None:
    with file.open("rb") as content, replacing(to) as copy:
        shutil.copyfileobj(content, copy)


def remove_evidence(folder: Path) -> None:
    """Removes the evidence of a run from its folder."""
    for name in (PLAIN, PACKED, f"{PACKED}.part"):
        (folder / name).unlink(missing_ok=True)
    _remove_files(folder / FOLDER, [path.stem for path in _files(folder / FOLDER)])


def _one_line(store: EvidenceStore, name: str) -> bytes:
    line = store.line(name)
    return line if line.startswith(b'{"id":') else msgspec.json.encode(store.read(name))


def _files(folder: Path) -> list[Path]:
    """The files of exchanges in a folder; none where it, or one of them, is a link: it may lead to anybody's files."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    return [file for file in sorted(folder.glob("*.json")) if file.is_file() and not file.is_symlink()]


def _remove_files(folder: Path, names: Container[str]) -> None:
    """Removes the files of exchanges that are packed now, and their folder if nothing else lies there.

    An id is compared with what lies there and never becomes a path: one of a stranger's log led out of the folder.
    """
    for file in _files(folder):
        if file.stem in names:
            file.unlink()
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()

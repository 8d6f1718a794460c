"""A cache of decoded YAML folders in the user's cache folder, for the next process.

A file's name is the hash of all that its content was made of: every file of the folder, the modules that read them, the
interpreter's and the codec's version. So nothing kept is ever stale, and all of it can be deleted at any time.
"""

import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

import msgspec
import zstandard

from conformance import __version__

T = TypeVar("T", bound=msgspec.Struct)

ENDING = ".msgpack.zst"
KEPT = 8
"""Files that stay: those of other checkouts and versions, the newest first."""


def compiled(kind: type[T], folder: Path, read: Callable[[], T]) -> T:
    """The value that `read` makes of a folder, from the cache where nothing has changed since."""
    try:
        file = _cache_folder() / f"{_hash_of_all(folder)}{ENDING}"
    except (OSError, RuntimeError):  # a file that cannot be read, which `read` explains; a user without a home
        return read()
    with suppress(OSError, zstandard.ZstdError, msgspec.MsgspecError):
        content = zstandard.ZstdDecompressor().decompress(file.read_bytes())
        return msgspec.msgpack.decode(content, type=kind, dec_hook=_path_of)
    value = read()
    with suppress(OSError, OverflowError, UnicodeEncodeError):  # a catalog may hold numbers that no codec takes
        _keep(file, msgspec.msgpack.encode(value, enc_hook=str))
        _forget(file.parent)
    return value


def _cache_folder() -> Path:
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "messages-conformance" / "catalog"


def _hash_of_all(folder: Path) -> str:
    """Of the folder's place and its files, and of the program that reads them."""
    hashed = hashlib.sha256(f"{_program()}\n{folder}\n".encode())
    for path in _files(str(folder)):
        content = Path(path).read_bytes()
        hashed.update(f"{path}\n{len(content)}\n".encode("utf-8", "surrogateescape"))
        hashed.update(content)
    return hashed.hexdigest()[:32]


@cache
def _program() -> str:
    """What reads: this room and the vocabularies beside it, the interpreter, the codec."""
    room = Path(__file__).parent
    modules = [room.parent / "words.py", *sorted(room.glob("*.py"))]
    source = hashlib.sha256(b"".join(module.read_bytes() for module in modules)).hexdigest()
    return f"{__version__} {source} {sys.version} {msgspec.__version__}"


def _files(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.is_dir():
                yield from _files(entry.path)
            elif entry.is_file():
                yield entry.path


def _keep(file: Path, content: bytes) -> None:
    """Writes beside and renames, so that a process which reads meanwhile sees a whole file or none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=file.parent, delete=False) as beside:
        beside.write(zstandard.ZstdCompressor().compress(content))
    Path(beside.name).replace(file)


def _forget(place: Path) -> None:
    newest = sorted(place.glob(f"*{ENDING}"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in newest[KEPT:]:
        file.unlink(missing_ok=True)


def _path_of(kind: type[Any], text: Any) -> Any:
    return kind(text)

"""A cache of decoded YAML folders in the user's cache folder, for the next process.

A folder is kept by the hash of every file in it, of the modules that read them, of the interpreter's and the codec's
version.
"""

import functools
import hashlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import zstandard

from conformance import __version__
from conformance.cache import Cache
from conformance.doors import UNDECODABLE

T = TypeVar("T", bound=msgspec.Struct)

ENDING = ".msgpack.zst"


def compiled(kind: type[T], folder: Path, read: Callable[[], T]) -> T:
    """The value that `read` makes of a folder, from the cache where nothing has changed since."""
    try:
        name = f"{_hash_of_all(folder)}{ENDING}"
    except OSError:  # a file that cannot be read, which `read` explains
        return read()
    cache = Cache("catalog")
    if (kept := cache.read(name)) is not None:
        with suppress(zstandard.ZstdError, *UNDECODABLE):
            content = zstandard.ZstdDecompressor().decompress(kept)
            return msgspec.msgpack.decode(content, type=kind, dec_hook=_path_of)
    value = read()
    with suppress(OverflowError, UnicodeEncodeError):  # a catalog may hold numbers that no codec takes
        cache.keep(name, zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(value, enc_hook=str)))
    return value


def _hash_of_all(folder: Path) -> str:
    """Of the folder's place and its files, and of the program that reads them."""
    hashed = hashlib.sha256(f"{_program()}\n{folder}\n".encode())
    for path in _files(str(folder)):
        content = Path(path).read_bytes()
        hashed.update(f"{path}\n{len(content)}\n".encode("utf-8", "surrogateescape"))
        hashed.update(content)
    return hashed.hexdigest()[:32]


@functools.cache
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


def _path_of(kind: type[Any], text: Any) -> Any:
    return _path(text) if kind is Path else kind(text)


@functools.cache  # thousands of cases stand in fifty files
def _path(text: str) -> Path:
    return Path(text)

"""Files in the user's cache folder, for the next process: all of them can be deleted at any time.

A file's name is the hash of all that its content was made of, so nothing kept is ever stale; its first bytes are the
hash of the rest, so nothing damaged is ever used.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

KEPT = 8
"""Files of a kind that stay: those of other checkouts and versions, the newest first."""
_DIGEST = hashlib.sha256().digest_size


class Cache:
    """The kept files of one kind; where nothing can be read or kept, nothing is, and nobody is told."""

    def __init__(self, kind: str, most: int = KEPT) -> None:
        self._most = most
        try:
            self._folder: Path | None = _cache_folder() / kind
        except RuntimeError:  # a user without a home
            self._folder = None

    def read(self, name: str) -> bytes | None:
        """The content of a file; None where there is none, or a damaged one."""
        if self._folder is None:
            return None
        with suppress(OSError):
            kept = (self._folder / name).read_bytes()
            digest, content = kept[:_DIGEST], kept[_DIGEST:]
            return content if hashlib.sha256(content).digest() == digest else None
        return None

    def keep(self, name: str, content: bytes) -> None:
        """Writes beside and renames, so that a process which reads meanwhile sees a whole file or none."""
        if self._folder is None:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self._folder, delete=False) as beside:
                beside.write(hashlib.sha256(content).digest() + content)
            Path(beside.name).replace(self._folder / name)
            newest = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
            for file in newest[self._most :]:
                file.unlink(missing_ok=True)


def _cache_folder() -> Path:
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "messages-conformance"

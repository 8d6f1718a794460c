"""State that outlives a request: uploaded files and batches, kept in memory.

Sources: https://platform.claude.com/docs/en/build-with-claude/files, .../batch-processing
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from conformance.scripted.anthropic.blocks import Closed
from conformance.scripted.anthropic.errors import not_found
from conformance.scripted.anthropic.identity import fresh


class File(Struct, frozen=True):
    id: str
    filename: str
    mime_type: str
    content: bytes
    created: datetime
    expires: datetime | None = None

    def described(self) -> dict[str, Any]:
        """The file as the API shows it."""
        return {
            "id": self.id,
            "type": "file",
            "filename": self.filename,
            "mime_type": self.mime_type,
            "size_bytes": len(self.content),
            "created_at": timestamp(self.created),
            "downloadable": False,
            "expires_at": timestamp(self.expires) if self.expires else None,
        }


class FileStore:
    """The files, in the order of their upload."""

    def __init__(self) -> None:
        self._files: dict[str, File] = {}

    def add(self, filename: str, mime_type: str, content: bytes, expires_in_seconds: int | None) -> File:
        now = datetime.now(UTC)
        expires = now + timedelta(seconds=expires_in_seconds) if expires_in_seconds else None
        file = File(fresh("file"), filename, mime_type, content, now, expires)
        self._files[file.id] = file
        return file

    def get(self, name: str) -> File:
        """A file by its id, or a 404."""
        file = self._files.get(name)
        if file is None:
            raise not_found(f"file: {name}")
        return file

    def remove(self, name: str) -> None:
        self.get(name)
        del self._files[name]

    def newest_first(self) -> list[File]:
        return list(reversed(self._files.values()))

    def content_of(self, name: str) -> bytes | None:
        file = self._files.get(name)
        return file.content if file else None


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Result = dict[str, Any]


class Item(Closed, frozen=True, kw_only=True):
    custom_id: Annotated[str, Meta(pattern="^[a-zA-Z0-9_-]{1,64}$")]
    params: dict[str, Any]


class BatchRequest(Closed, frozen=True, kw_only=True):
    requests: Annotated[list[Item], Meta(min_length=1, max_length=100_000)]


class Batch(Struct, kw_only=True):
    """A batch and how far it is; the results are made when somebody first looks after its time."""

    id: str
    items: list[Item]
    version: str | None
    betas: frozenset[str]
    created: datetime
    due: float
    canceled: datetime | None = None
    ended: datetime | None = None
    results: list[Result] = []

    @property
    def status(self) -> Literal["in_progress", "canceling", "ended"]:
        if self.ended:
            return "ended"
        return "canceling" if self.canceled else "in_progress"

"""Uploaded files, kept in memory.

Source: https://platform.claude.com/docs/en/build-with-claude/files
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

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

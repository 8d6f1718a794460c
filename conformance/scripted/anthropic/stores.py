"""State that outlives a request: uploaded files and batches, kept in memory, and lists of them read page by page.

Sources: https://platform.claude.com/docs/en/build-with-claude/files, .../batch-processing
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from conformance.scripted.anthropic.blocks import Closed
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import invalid, not_found
from conformance.scripted.anthropic.identity import fresh

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 1000


def limit_of(call: Call) -> int:
    """The `limit` of a list request, 1 to 1000."""
    text = call.parameter("limit")
    if text is None:
        return DEFAULT_LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= LARGEST_LIMIT:
        raise invalid("limit", f"must be an integer from 1 to {LARGEST_LIMIT}")
    return int(text)


def page(items: Sequence[dict[str, Any]], call: Call) -> dict[str, Any]:
    """The page of a list, its items told apart by `id`, that `limit`, `after_id` and `before_id` ask for."""
    limit = limit_of(call)
    after, before = call.parameter("after_id"), call.parameter("before_id")
    if after is not None and before is not None:
        raise invalid("before_id", "cannot be combined with after_id")
    if before is not None:
        earlier = items[: _position(items, before, "before_id")]
        shown, more = earlier[-limit:], len(earlier) > limit
    else:
        later = items[_position(items, after, "after_id") + 1 :] if after is not None else items
        shown, more = later[:limit], len(later) > limit
    return {
        "data": list(shown),
        "has_more": more,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
    }


def _position(items: Sequence[dict[str, Any]], name: str, key: str) -> int:
    for index, item in enumerate(items):
        if item["id"] == name:
            return index
    raise invalid(key, f"there is no {name}")


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

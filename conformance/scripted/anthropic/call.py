"""A received request: the value that endpoints and faults work on."""

from functools import cached_property
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request

from conformance.scripted.anthropic.errors import too_large

LIMITS = {"/v1/messages": 32_000_000, "/v1/messages/batches": 256_000_000, "/v1/files": 500_000_000}
"""The most bytes of a body, by path; the first holds everywhere else too."""

_DRAINED = 64_000_000
"""How much of a body that is too large is still read, so that the client hears why."""


class Call(Struct, frozen=True, kw_only=True, dict=True):
    """Header names in lower case, the values of a repeated one joined by commas; `path` without any prefix."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: dict[str, str] = {}
    body: bytes = b""
    base_url: str = ""
    """Scheme, host and prefix, without a slash at the end: what absolute URLs in answers begin with."""
    client: tuple[str, int] | None = None
    names: dict[str, str] = {}
    """What stands in the path at the places that the route names."""

    @cached_property
    def document(self) -> Any:
        """The body's JSON, or None where it holds none."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    @property
    def streams(self) -> bool:
        """Whether the answer is asked for as a stream."""
        document = self.document
        return isinstance(document, dict) and document.get("stream") is True

    def parameter(self, name: str) -> str | None:
        """The last value of a query parameter."""
        return next((value for key, value in reversed(self.query) if key == name), None)

    @property
    def betas(self) -> frozenset[str]:
        """The flags of `anthropic-beta`; all are accepted, known or not."""
        flags = self.headers.get("anthropic-beta", "").split(",")
        return frozenset(flag.strip() for flag in flags if flag.strip())


def head_of(request: Request) -> Call:
    """The request as far as its head says, without a body."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return Call(
        method=request.method,
        path=path,
        query=tuple(request.query_params.multi_items()),
        headers=headers,
        base_url=str(request.base_url).rstrip("/"),
        client=(request.client.host, request.client.port) if request.client else None,
        names=dict(request.path_params),
    )


async def body_of(request: Request, path: str) -> bytes:
    """The body to its end, or the refusal of one above the limit of the path."""
    return await _body(request, LIMITS.get(path, LIMITS["/v1/messages"]))


async def _body(request: Request, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size <= limit:
            pieces.append(piece)
        elif size > limit + _DRAINED:
            break
    if size > limit:
        raise too_large(limit)
    return b"".join(pieces)

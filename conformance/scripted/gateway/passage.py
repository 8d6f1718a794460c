"""The values that pass between the gateway and its upstream, which its faults change."""

from typing import Any, Literal

from msgspec import Struct

from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.conversation import Reply

Mishap = Literal["status", "unreachable", "unreadable", "cut", "silence", "error"]


class Asking(Struct, frozen=True):
    """One request as it goes upstream."""

    path: str
    body: dict[str, Any]


class Trouble(Struct, frozen=True):
    """An upstream that did not answer as it should."""

    mishap: Mishap
    says: str
    status: int | None = None
    """Of an answer that is an error."""
    retry_after: str | None = None


class Heard(Struct, frozen=True):
    """The upstream's reply, or as much of it as came before it broke off."""

    reply: Reply
    trouble: Trouble | None = None
    finish: str | None = None
    """The upstream's own word for why it ended."""


_ANSWERED: dict[int, tuple[int, str]] = {
    400: (400, "invalid_request_error"),
    401: (401, "authentication_error"),
    403: (403, "permission_error"),
    404: (404, "not_found_error"),
    413: (413, "request_too_large"),
    422: (400, "invalid_request_error"),
    429: (429, "rate_limit_error"),
    503: (529, "overloaded_error"),
    529: (529, "overloaded_error"),
}
"""Status and type by the upstream's status. Source: https://platform.claude.com/docs/en/api/errors"""

STATUSES = tuple(_ANSWERED)


def refusal_of(trouble: Trouble) -> Refusal:
    """The trouble in the words of the Messages API; whatever is no status is the gateway's to answer for."""
    status = trouble.status or 500
    answered, kind = _ANSWERED.get(status, (500, "api_error") if status >= 500 else (400, "invalid_request_error"))
    again = () if trouble.retry_after is None else (("retry-after", trouble.retry_after),)
    return Refusal(answered, kind, f"upstream: {trouble.says}", again)

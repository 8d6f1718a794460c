"""Error answers of the endpoint: an HTTP status, an error type and a sentence.

Source: https://platform.claude.com/docs/en/api/errors
"""

from typing import Any


class Refusal(Exception):
    """A request that is answered with an error envelope."""

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        about: str = "",
        code: str | None = None,
    ) -> None:
        """`about` tells refusals apart for those who bend them: `json`, `route`; empty for all others.

        `code` is the machine-readable `details.error_code` that some errors have.
        """
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.headers = headers
        self.about = about
        self.code = code

    def envelope(self, request_id: str | None) -> dict[str, Any]:
        """The error body, with the id that the `request-id` header carries too."""
        error: dict[str, Any] = {"type": self.kind, "message": self.message}
        if self.code is not None:
            error["details"] = {"error_code": self.code}
        return {"type": "error", "error": error, "request_id": request_id}


class BrokenOff(Refusal):
    """A refusal after some of the answer has been said: `said` is the message as far as it came."""

    def __init__(self, refusal: Refusal, said: dict[str, Any]) -> None:
        super().__init__(refusal.status, refusal.kind, refusal.message, refusal.headers)
        self.said = said


def invalid(path: str, message: str) -> Refusal:
    """A 400 for the value at a dotted path; an empty path stands for the whole request."""
    return Refusal(400, "invalid_request_error", f"{path}: {message}" if path else message)


def not_found(message: str) -> Refusal:
    return Refusal(404, "not_found_error", message)


def unauthenticated(message: str) -> Refusal:
    return Refusal(401, "authentication_error", message)


def too_large(limit: int) -> Refusal:
    return Refusal(413, "request_too_large", f"Request exceeds the maximum size of {limit} bytes")


def wrong_method(method: str, allowed: str) -> Refusal:
    message = f"{method} is not allowed here; use {allowed}"
    return Refusal(405, "invalid_request_error", message, (("allow", allowed),), about="route")


def no_route(path: str) -> Refusal:
    return Refusal(404, "not_found_error", f"there is nothing at {path}", about="route")


def not_json(why: str) -> Refusal:
    return Refusal(400, "invalid_request_error", f"The request body is not valid JSON: {why}", about="json")

"""Errors in OpenAI's form. Source: https://platform.openai.com/docs/guides/error-codes."""

from typing import Any


class OpenAIRefusal(Exception):  # an answer of the protocol, not a failure of ours
    """A request that is declined, with the status and the body that say so."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = envelope(message, kind, param=param, code=code)


def envelope(message: str, kind: str, *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


_OF_STATUS = {
    400: ("The request was not accepted.", "invalid_request_error", None),
    401: ("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    403: ("This key may not do that.", "invalid_request_error", "permission_denied"),
    404: ("There is no such model.", "invalid_request_error", "model_not_found"),
    413: ("The request is too large.", "invalid_request_error", None),
    429: ("Rate limit reached.", "requests", "rate_limit_exceeded"),
    503: ("The engine is overloaded.", "server_error", "overloaded"),
}


def envelope_of(status: int) -> dict[str, Any]:
    """The error that goes with a status."""
    message, kind, code = _OF_STATUS.get(
        status, ("The server had an error.", "server_error" if status >= 500 else "invalid_request_error", None)
    )
    return envelope(message, kind, code=code)

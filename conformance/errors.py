"""Errors that a person sees, and the exit codes of the commands."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit code of a command; the README lists them, and other programs rely on them."""

    AS_EXPECTED = 0
    UNEXPECTED = 1
    OUR_FAULT = 2
    """A defect of the suite, or an endpoint that cannot be reached."""
    NOT_VERIFIED = 3
    BAD_USAGE = 4
    INTERRUPTED = 130


class UserError(Exception):
    """Something that a person can mend: the message says what is wrong and what to do."""

    exit_code = ExitCode.BAD_USAGE

    def __init__(self, message: str, exit_code: ExitCode | None = None) -> None:
        super().__init__(message)
        self.message = message
        if exit_code is not None:
            self.exit_code = exit_code

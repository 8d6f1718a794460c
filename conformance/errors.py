"""What can go wrong before a verdict, each with the exit code that says whose mistake it is."""

AS_EXPECTED = 0
UNEXPECTED = 1
OUR_FAULT = 2
NOT_VERIFIED = 3
BAD_USAGE = 4
INTERRUPTED = 130


class Mistake(Exception):
    """Something that a person can mend: one line that says what, and what to do; exit code 4 unless told otherwise."""

    def __init__(self, message: str, exit_code: int = BAD_USAGE) -> None:
        super().__init__(message)
        self.exit_code = exit_code

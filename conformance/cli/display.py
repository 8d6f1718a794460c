"""The output of a run on stdout and the screen: rows as JSON, one line, or the terminal summary."""

import os
import sys

from msgspec import Struct


class Display(Struct, frozen=True, kw_only=True):
    """The options of a run's output."""

    json: bool = False
    """The rows of the log on standard output, as they are written."""
    quiet: bool = False
    """One line at the end in place of progress and causes."""
    open: bool = False
    """Opens the page when the run is over."""


def echo_line(line: bytes) -> None:
    """A row of the log on standard output; where the program behind the pipe has ended, the run goes on without it."""
    try:
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # what is buffered cannot be written any more, and Python would complain of it at exit
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)

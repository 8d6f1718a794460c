"""The output of a run on stdout and the screen: rows as JSON, one line, or the terminal summary."""

from msgspec import Struct


class Display(Struct, frozen=True, kw_only=True):
    """The options of a run's output."""

    json: bool = False
    """The rows of the log on standard output, as they are written."""
    quiet: bool = False
    """One line at the end in place of progress and causes."""
    open: bool = False
    """Opens the page when the run is over."""

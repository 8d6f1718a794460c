"""What a person or a program sees of a run beside the files that it leaves."""

from msgspec import Struct


class Display(Struct, frozen=True, kw_only=True):
    """How a run speaks."""

    json: bool = False
    """The rows of the log on standard output, as they are written."""
    quiet: bool = False
    """One line at the end in place of progress and causes."""
    open: bool = False
    """Opens the page when the run is over."""

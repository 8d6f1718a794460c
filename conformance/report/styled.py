"""Lines in the styles of a terminal, where there is one.

Not rich's: to import it took a fifth of a short run, for lines in bold, dim and red.
"""

import os
import sys
from typing import Literal, TextIO

Style = Literal["", "bold", "dim", "bold red"]

_CODES: dict[Style, str] = {"": "", "bold": "\x1b[1m", "dim": "\x1b[2m", "bold red": "\x1b[1;31m"}
_RESET = "\x1b[0m"


def has_styles(stream: TextIO) -> bool:
    """Whether a stream shows styles: a terminal, unless NO_COLOR (https://no-color.org) or FORCE_COLOR says so."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb" and sys.platform != "win32"


def print_line(text: str, stream: TextIO, style: Style = "") -> None:
    """Prints a line; control characters are the caller's to remove."""
    code = _CODES[style] if has_styles(stream) else ""
    print(f"{code}{text}{_RESET}" if code and text else text, file=stream)

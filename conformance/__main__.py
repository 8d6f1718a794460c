"""`python -m conformance`, and the command `conformance`: what ends a process before the command line is there."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> int:
    """Runs the command line; a signal that comes while it is still being imported ends the process with a line."""
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    from conformance.cli.main import main as command_line

    return command_line()


def _leave(_number: int, _frame: FrameType | None) -> None:
    """Ends the process at once: nothing has begun, and an exception inside an import would be its failure."""
    os.write(2, b"conformance: interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())

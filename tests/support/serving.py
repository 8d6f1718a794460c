"""A face as a user has it: a process that listens on a socket."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def started(*arguments: str) -> Iterator[str]:
    """`python -m conformance.scripted serve ARGUMENTS`; the address it says it listens on."""
    command = [sys.executable, "-m", "conformance.scripted", "serve", *arguments, "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on http://127.0.0.1:"), line
            yield line.split()[-1]
        finally:
            process.stdin.close()
            assert process.wait(10) == 0

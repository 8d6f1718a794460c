"""Runs one program to its end and says what it cost."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from msgspec import Struct

COMPILED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""As after an installation: modules are compiled once, and not in every measured run."""


class Cost(Struct, frozen=True):
    """CPU and wall seconds of a process, and its largest memory in megabytes."""

    cpu: float
    wall: float
    megabytes: float
    written: float = 0.0
    """Bytes of what it leaves to be kept."""


class Failed(Exception):
    """A measured program did not end as it should."""


def measure(words: Sequence[str], **environment: str) -> Cost:
    """Runs a Python module with arguments, with further environment variables; Failed when it does not exit with 0."""
    begun = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=COMPILED | environment,
    )
    assert process.stdout
    with process.stdout as output:
        said = output.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"{' '.join(words)} ended with {process.returncode}:\n{said.decode(errors='replace')[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss: bytes there, kilobytes elsewhere
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - begun, used.ru_maxrss * unit / 2**20)


@contextmanager
def stub(latency: float, events: int = 200) -> Iterator[str]:
    """The address of a stub server for as long as it is needed."""
    words = [sys.executable, "-m", "bench.stub", str(latency), str(events)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)  # noqa: S603
    assert process.stdout
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()

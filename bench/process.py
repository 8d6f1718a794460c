"""Runs one program to its end and says what it cost."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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
    return measure_command([sys.executable, "-m", *words], Path(), **environment)


def measure_command(command: Sequence[str], folder: Path, **environment: str) -> Cost:
    """The same of any program, in any folder."""
    begun = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=COMPILED | environment,
    )
    assert process.stdout
    with process.stdout as output:
        said = output.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"{' '.join(command)} ended with {process.returncode}:\n{said.decode(errors='replace')[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss: bytes there, kilobytes elsewhere
    return Cost(used.ru_utime + used.ru_stime, time.perf_counter() - begun, used.ru_maxrss * unit / 2**20)


def installed(folder: Path, index: str, package: str, version: str, program: str, beside: Sequence[str] = ()) -> Path:
    """A program of this version of a package from PyPI or npm, installed into a folder of its own if it is not yet."""
    own = folder / f"{package}-{version}"
    path = own / ("node_modules/.bin" if index == "npm" else "bin") / program
    if path.exists():
        return path
    shutil.rmtree(own, ignore_errors=True)  # half of an installation is none
    if index == "npm":
        _done(["npm", "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(own), f"{package}@{version}"])
    else:
        _done([sys.executable, "-m", "venv", str(own)])
        _done([str(own / "bin" / "python"), "-m", "pip", "install", "-q", f"{package}=={version}", *beside])
    return path


def _done(command: Sequence[str]) -> None:
    """Runs a program that has to succeed."""
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode:
        raise Failed(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")


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

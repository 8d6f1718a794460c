"""The suite as a user calls it, and what fixtures of the `conftest.py` files give."""

import io
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess, Popen, run
from typing import TypeVar
from unittest.mock import patch

from conformance.cli.main import main
from conformance.keys import KNOWN

Name = TypeVar("Name")
Command = Callable[..., CompletedProcess[str]]
"""`command("run", ...)`: what it printed, and its exit code."""
Write = Callable[..., Path]
"""`write({"tools/choice.yaml": text})`: the folder of a small catalog, some files changed or added."""
Begun = Callable[..., "Popen[str]"]
"""`begun(code, "run", ...)`: a command that still runs, with the suite bent by the code."""
Serve = Callable[..., str]
"""`serve("--face", "openai")`: the address of a scripted model that was started with these words."""


FULL = os.environ.get("CONFORMANCE_HOSTILE") == "full"
"""Whether all of the hostile tests are run, as with `nox -s hostile -- --full`, or a sample of them."""


def extent(names: Iterable[Name], sample: Iterable[Name]) -> list[Name]:
    """All names, or the sample of them."""
    every, few = list(names), list(sample)
    assert set(few) <= set(every)
    return every if FULL else few


def called(
    words: Sequence[str], folder: Path, environment: Mapping[str, str] = {}, *, alone: bool = False
) -> "CompletedProcess[str]":
    """A command in a folder, called in this process: its output and its exit code as a process's.

    `environment`: variables beside those of this process, or with `alone` all but PATH that there are.
    """
    assert words[:1] != ("serve",), "it becomes another program: start it as a process"
    written = [io.BytesIO(), io.BytesIO()]
    out, err = (io.TextIOWrapper(one, encoding="utf-8", write_through=True) for one in written)
    with (
        chdir(folder),
        patch.dict(os.environ, {"PATH": os.environ["PATH"], **environment}, clear=alone),
        patch.object(sys, "argv", ["conformance", *words]),
        redirect_stdout(out),
        redirect_stderr(err),
        _own_signals(),
    ):
        KNOWN.forget()
        try:
            code: object = main()
        except SystemExit as ended:
            code = ended.code
        except Exception:  # noqa: BLE001 - a process would print it, and its tests look for it
            traceback.print_exc()
            code = 1
    printed = [one.getvalue().decode() for one in written]
    return CompletedProcess(list(words), code if isinstance(code, int) else int(code is not None), *printed)


_STARTS: list[tuple[float, float]] = []
"""When a start was measured, and how long it took."""
SOON = 20
"""Seconds for which a measured start is as good as another one."""


def seconds_to_start(folder: Path, *, anew: bool = False) -> float:
    """Seconds in which this machine, as busy as it is, starts the suite and does next to nothing."""
    began = time.monotonic()
    if anew or not _STARTS or began > _STARTS[-1][0] + SOON:
        run([sys.executable, "-m", "conformance", "explain", "messages.text"], cwd=folder, capture_output=True)
        _STARTS.append((time.monotonic(), time.monotonic() - began))
    return _STARTS[-1][1]


def ends_soon(folder: Path, attempt: Callable[[float], float], seconds: float, starts: float) -> None:
    """Asserts that an attempt takes at most so many seconds and starts of the suite: a failure has to show three times.

    `attempt` is given the seconds of a start and says how long it took. A busy machine stretches one, a fault all.
    """
    told = []
    for _ in range(3):
        unit = seconds_to_start(folder)
        took = attempt(unit)
        if took < seconds + starts * unit:
            return
        unit = max(unit, seconds_to_start(folder, anew=True))
        told.append(f"{took:.1f} s, and {seconds:g} s and {starts:g} starts of {unit:.1f} s were allowed")
        if took < seconds + starts * unit:
            return
    raise AssertionError(told)


@contextmanager
def _own_signals() -> Iterator[None]:
    """Puts back what the test process does when it is told to end."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

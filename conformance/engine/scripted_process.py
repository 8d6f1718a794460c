"""The scripted model as a process: started, waited for, stopped, and asked for its faults."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Sequence
from functools import cache
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from conformance.errors import ExitCode, UserError

READY = "listening on "
START_SECONDS = 120.0


class ScriptedProcess:
    """`python -m conformance.scripted serve ...` on a free port of 127.0.0.1, for as long as the `with` block lasts."""

    def __init__(self, face: str = "anthropic", arguments: Sequence[str] = ()) -> None:
        self._command = [
            *(sys.executable, "-P", "-m", "conformance.scripted", "serve", "--face", face, "--port", "0"),
            "--until-stdin-closes",
            *arguments,
        ]
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        watchdog = threading.Timer(START_SECONDS, self._process.kill)
        watchdog.start()
        try:
            self.url = self._announced()
        finally:
            watchdog.cancel()
        return self

    def _announced(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(READY):
                return line.removeprefix(READY).strip()
        self.__exit__(None, None, None)
        raise UserError("the scripted model did not start; `conformance serve` shows why", ExitCode.OUR_FAULT)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()
        process.kill()  # nothing of it is to be kept, and an orderly end takes a third of a second
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


class NamedFault(Struct, frozen=True):
    """One deliberate violation."""

    id: str
    says: str
    group: str = ""
    strength: str = "fault"
    needs: list[str] = []
    lacks: list[str] = []
    """Of an odd model: the capabilities that it does not have."""
    worsens: list[str] = []
    """Of a legal variant: the rows that honestly end worse, each as `GLOB VERDICT`."""


def named_faults() -> list[NamedFault]:
    """Every fault that `conformance faults` lists."""
    return _listed("faults")


def named_variants() -> list[NamedFault]:
    """Every legal variant in which the reference endpoint can answer."""
    return _listed("variants")


def named_models() -> list[NamedFault]:
    """Every odd model that can answer behind the reference endpoint."""
    return _listed("models")


def named_mutants() -> list[NamedFault]:
    """Every mutant of the gateway."""
    return _listed("mutants")


def _listed(what: str) -> list[NamedFault]:
    return list(_told(what))


@cache  # a process each: some commands ask several times
def _told(what: str) -> tuple[NamedFault, ...]:
    command = [sys.executable, "-P", "-m", "conformance.scripted", what, "--json"]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own module
    if done.returncode != 0:
        raise UserError(
            f"the scripted model does not list its {what}; `conformance faults` shows why", ExitCode.OUR_FAULT
        )
    return msgspec.json.decode(done.stdout, type=tuple[NamedFault, ...])

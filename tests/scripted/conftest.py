"""Faces as a user has them: processes that listen on a socket."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

import httpx2
import pytest


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


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., str]]:
    """Starts a face, once for each way of starting it, and stops it in the end; gives its address."""
    with ExitStack() as stack:
        yield cache(lambda *arguments: stack.enter_context(started(*arguments)))


@pytest.fixture(scope="session")
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(timeout=20) as client:
        yield client

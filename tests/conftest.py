"""What all tests share: a law is not broken because the machine was busy, and how a user calls the suite."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import httpx2
import pytest
from command_line import Command, Serve, called
from hypothesis import HealthCheck, settings
from servers import Stub, scripted

settings.register_profile("laws", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("laws"), max_examples=int(os.environ.get("EXAMPLES", "20000")))
settings.load_profile("long" if "EXAMPLES" in os.environ else "laws")


@pytest.fixture
def conformance(tmp_path: Path) -> Command:
    """`conformance("run", ...)` in an empty folder, in this process; what it printed and its exit code."""

    def run(*words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return called(words, tmp_path, environment)

    return run


@pytest.fixture
def conformance_process(tmp_path: Path) -> Command:
    """The same as a process of its own, which costs a second: where starting, environment or ending is the point."""

    def run(*words: str, timeout: float = 600, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "conformance", *words],
            cwd=tmp_path,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def client() -> Iterator[httpx2.Client]:
    """A client for what a scripted model says."""
    with httpx2.Client(timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def served() -> Iterator[Serve]:
    """`served("--face", "openai")`: the address of a scripted model; one process for all tests of a module."""
    with ExitStack() as processes:
        yield cache(lambda *words: processes.enter_context(scripted(*words)))


@pytest.fixture(scope="module")
def address(served: Serve) -> str:
    """The reference endpoint, of one module alone: what it keeps, its prompt cache and batches, no other test sees."""
    return str(served())


@pytest.fixture
def stub() -> Iterator[Callable[[], Stub]]:
    """`stub().says(...)`: a server that says what a test wants, over a real socket."""
    stubs: list[Stub] = []

    def make() -> Stub:
        stubs.append(Stub())
        return stubs[-1]

    yield make
    for made in stubs:
        made.close()


@pytest.fixture
def ollama(stub: Callable[[], Stub]) -> Stub:
    """An Ollama 0.33.0 with one model that can call tools."""
    return stub().says(
        GET_api_version={"version": "0.33.0"},
        GET_api_tags={
            "models": [{"name": "qwen3-coder:latest", "model": "qwen3-coder:latest", "size": 10, "digest": "d1"}]
        },
        POST_api_show={
            "capabilities": ["completion", "tools"],
            "model_info": {"general.architecture": "qwen3", "qwen3.context_length": 262144},
        },
    )

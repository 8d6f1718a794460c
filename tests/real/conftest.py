"""Third-party servers in front of the scripted model's `openai` face, each started once for all tests."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import servers
from third_party import SERVERS, Started


@pytest.fixture(scope="session")
def openai_face() -> Iterator[str]:
    """The scripted model as an OpenAI-compatible server; its address."""
    with servers.scripted("--face", "openai") as url:
        yield url


@pytest.fixture(scope="session")
def third_party(
    request: pytest.FixtureRequest, openai_face: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Started]]:
    """A server by the name of its target file, and how it is asked."""
    name: str = request.param
    with SERVERS[name](openai_face, tmp_path_factory.mktemp(name)) as started:
        yield name, started


@pytest.fixture(scope="session")
def conformance(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[int, str, Path]]:
    """Runs the command line: exit code, what it said, and the folder of the run."""

    def run(*words: str, **environment: str) -> tuple[int, str, Path]:
        out = tmp_path_factory.mktemp("run") / "out"
        command = [sys.executable, "-m", "conformance", "run", *words, "--out", str(out)]
        done = subprocess.run(
            command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=600, check=False
        )
        return done.returncode, done.stdout + done.stderr, out

    return run

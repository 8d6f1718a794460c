"""Real third-party servers in front of the scripted model's `openai` face, once for all tests."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import servers


@pytest.fixture(scope="session")
def openai_face() -> Iterator[str]:
    """The scripted model as an OpenAI-compatible server; its address."""
    with servers.scripted("--face", "openai") as url:
        yield url


@pytest.fixture(scope="session")
def litellm(openai_face: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """LiteLLM's proxy: its address and its key."""
    with servers.litellm(openai_face, tmp_path_factory.mktemp("litellm")) as started:
        yield started


@pytest.fixture(scope="session")
def router(openai_face: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """claude-code-router; its address."""
    with servers.claude_code_router(openai_face, tmp_path_factory.mktemp("router")) as url:
        yield url


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

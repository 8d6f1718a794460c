"""Real third-party servers, each started as its users start it, in front of the scripted model's `openai` face."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

START_SECONDS = 120


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], ready: str, folder: Path, **environment: str) -> Iterator[None]:
    """A server process, ready once an address answers at all; its output stays in the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC", "OPENAI"))}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**kept, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            for _ in range(START_SECONDS * 5):
                if _answers(ready):
                    break
                assert process.poll() is None, (folder / "server.log").read_text()[-3000:]
                time.sleep(0.2)
            else:
                raise AssertionError(f"{command[0]} did not start: {(folder / 'server.log').read_text()[-3000:]}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@pytest.fixture(scope="session")
def openai_face() -> Iterator[str]:
    """The scripted model as an OpenAI-compatible server; its address."""
    command = [sys.executable, "-m", "conformance.scripted", "serve", "--face", "openai", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().removeprefix("listening on ").strip()
    process.terminate()
    process.wait()
    process.stdout.close()


@pytest.fixture(scope="session")
def litellm(openai_face: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """LiteLLM's proxy: its address and its key."""
    program = os.environ.get("LITELLM") or shutil.which("litellm")
    assert program, "LiteLLM is not installed: `nox -s real` installs it, or put its program into the variable LITELLM"
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "litellm.yaml").write_text(LITELLM_CONFIGURATION.format(upstream=openai_face))
    port, key = free_port(), f"sk-{secrets.token_hex(24)}"
    command = [program, "--config", "litellm.yaml", "--host", "127.0.0.1", "--port", str(port)]
    environment = {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_DOCS": "True"}
    url = f"http://127.0.0.1:{port}"
    with running(command, f"{url}/health/liveliness", folder, **environment):
        yield url, key


LITELLM_CONFIGURATION = """\
model_list:
  - model_name: scripted
    litellm_params: {{model: openai/scripted, api_base: "{upstream}/v1", api_key: none}}
litellm_settings: {{use_chat_completions_url_for_anthropic_messages: true, num_retries: 0, telemetry: false}}
router_settings: {{disable_cooldowns: true, num_retries: 0}}
"""


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

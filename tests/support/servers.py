"""Real third-party servers and our own stand-ins, each started as its users start it; nothing outlives its `with`."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from conformance.targets.gateways import CLAUDE_CODE_ROUTER

START_SECONDS = 300


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


@contextmanager
def scripted(*words: str) -> Iterator[str]:
    """The scripted model, `scripted("--face", "openai")`; its address."""
    command = [sys.executable, "-m", "conformance.scripted", "serve", "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().removeprefix("listening on ").strip()
        finally:
            process.terminate()


LITELLM_CONFIGURATION = """\
model_list:
  - model_name: scripted
    litellm_params: {{model: openai/scripted, api_base: "{upstream}/v1", api_key: none}}
litellm_settings: {{use_chat_completions_url_for_anthropic_messages: true, num_retries: 0, telemetry: false}}
router_settings: {{disable_cooldowns: true, num_retries: 0}}
"""


@contextmanager
def litellm(upstream: str, folder: Path) -> Iterator[tuple[str, str]]:
    """LiteLLM's proxy in front of `upstream`: its address and its key."""
    program = os.environ.get("LITELLM") or shutil.which("litellm")
    assert program, "LiteLLM is not installed: `nox -s real` installs it, or put its program into the variable LITELLM"
    (folder / "litellm.yaml").write_text(LITELLM_CONFIGURATION.format(upstream=upstream))
    port, key = free_port(), f"sk-{secrets.token_hex(24)}"
    command = [program, "--config", "litellm.yaml", "--host", "127.0.0.1", "--port", str(port)]
    environment = {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_DOCS": "True"}
    url = f"http://127.0.0.1:{port}"
    with running(command, f"{url}/health/liveliness", folder, **environment):
        yield url, key


@contextmanager
def claude_code_router(upstream: str, folder: Path) -> Iterator[str]:
    """The router in front of `upstream`, with the configuration that `conformance env` prints; its address."""
    modules = Path(os.environ.get("CLAUDE_CODE_ROUTER") or folder / "node_modules")
    if not modules.is_dir():
        subprocess.run(["npm", "install", "--silent", CLAUDE_CODE_ROUTER], cwd=folder, check=True, timeout=120)
    words = ["env", "--target", "claude-code-router", "--model", "scripted", "--upstream", f"{upstream}/v1"]
    printed = subprocess.run([sys.executable, "-m", "conformance", *words], capture_output=True, text=True, check=True)
    configuration = {**json.loads(printed.stdout), "PORT": free_port()}
    (folder / ".claude-code-router").mkdir()
    (folder / ".claude-code-router" / "config.json").write_text(json.dumps(configuration))
    program = modules / "@musistudio" / "claude-code-router" / "dist" / "cli.js"
    url = f"http://127.0.0.1:{configuration['PORT']}"
    with running(["node", str(program), "start"], url, folder, HOME=str(folder), UPSTREAM_API_KEY="none"):
        yield url

"""Servers that others wrote, each started as its users start it, in front of the scripted model's `openai` face.

`nox` installs them from the locks and says in these variables where they are: `LITELLM` is a program, `GATEWAYS` the
folder of the programs of the other Python ones, `CLAUDE_CODE_ROUTER` and `AIMOCK` are folders `node_modules`.
"""

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from msgspec import Struct
from servers import free_port, running

MODEL = "scripted"


class Started(Struct, frozen=True):
    """A server that answers: the words of `conformance run` that ask it, and the environment that holds its key."""

    url: str
    model: str = MODEL
    key: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        key = ("--api-key-env", "GATEWAY_KEY") if self.key else ()
        return ("--base-url", self.url, "--model", self.model, *key)

    @property
    def environment(self) -> dict[str, str]:
        return {"GATEWAY_KEY": self.key} if self.key else {}


def _place(variable: str) -> Path:
    place = os.environ.get(variable)
    assert place, f"`nox -s real` installs this server and says in {variable} where it is"
    return Path(place)


LITELLM_CONFIGURATION = """\
model_list:
  - model_name: scripted
    litellm_params: {{model: openai/scripted, api_base: "{upstream}/v1", api_key: none}}
litellm_settings: {{use_chat_completions_url_for_anthropic_messages: true, num_retries: 0, telemetry: false}}
router_settings: {{disable_cooldowns: true, num_retries: 0}}
"""


@contextmanager
def litellm(upstream: str, folder: Path) -> Iterator[Started]:
    """LiteLLM's proxy, with the settings that `conformance env` prints and no retries."""
    (folder / "litellm.yaml").write_text(LITELLM_CONFIGURATION.format(upstream=upstream))
    port, key = free_port(), f"sk-{secrets.token_hex(24)}"
    command = [str(_place("LITELLM")), "--config", "litellm.yaml", "--host", "127.0.0.1", "--port", str(port)]
    environment = {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_DOCS": "True"}
    url = f"http://127.0.0.1:{port}"
    with running(command, f"{url}/health/liveliness", folder, **environment):
        urllib.request.urlopen(f"{url}/openapi.json", timeout=120).close()  # made when first asked for: half a minute
        yield Started(url, key=key)


@contextmanager
def claude_code_router(upstream: str, folder: Path) -> Iterator[Started]:
    """The router with the configuration that `conformance env` prints."""
    words = ["env", "--target", "claude-code-router", "--model", MODEL, "--upstream", f"{upstream}/v1"]
    printed = subprocess.run([sys.executable, "-m", "conformance", *words], capture_output=True, text=True, check=True)
    configuration = {**json.loads(printed.stdout), "PORT": free_port()}
    (folder / ".claude-code-router").mkdir()
    (folder / ".claude-code-router" / "config.json").write_text(json.dumps(configuration))
    program = _place("CLAUDE_CODE_ROUTER") / "@musistudio" / "claude-code-router" / "dist" / "cli.js"
    url = f"http://127.0.0.1:{configuration['PORT']}"
    with running(["node", str(program), "start"], url, folder, HOME=str(folder), UPSTREAM_API_KEY="none"):
        yield Started(url)


@contextmanager
def aimock(_: str, folder: Path) -> Iterator[Started]:
    """A mock of several APIs: one fixture fits every request, and nothing stands behind it."""
    (folder / "fixtures").mkdir()
    fixture = {"fixtures": [{"match": {}, "response": {"content": "hello from the fixture"}}]}
    (folder / "fixtures" / "all.json").write_text(json.dumps(fixture))
    program, port = _place("AIMOCK") / ".bin" / "llmock", free_port()
    command = ["node", str(program), "-p", str(port), "-h", "127.0.0.1", "-f", "fixtures/"]
    url = f"http://127.0.0.1:{port}"
    with running(command, url, folder):
        yield Started(url)


@contextmanager
def ant2oai(upstream: str, folder: Path) -> Iterator[Started]:
    port = free_port()
    words = ["--upstream", f"{upstream}/v1/chat/completions", "--model", MODEL, "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with running([str(_place("GATEWAYS") / "a2o"), *words], f"{url}/health", folder):
        yield Started(url)


AGENT_WIRE_PROXY_CONFIGURATION = """\
[proxy]
default_model = "scripted"

[[models]]
id = "scripted"
target = "{upstream}"
upstream_api = "chat_completions"
api_key_env = "UPSTREAM_API_KEY"
aliases = ["claude-scripted"]
"""


@contextmanager
def agent_wire_proxy(upstream: str, folder: Path) -> Iterator[Started]:
    (folder / "proxy.toml").write_text(AGENT_WIRE_PROXY_CONFIGURATION.format(upstream=upstream))
    address = f"127.0.0.1:{free_port()}"
    words = ["--listen", address, "--config", "proxy.toml", "--log", str(folder / "requests.jsonl")]
    program = str(_place("GATEWAYS") / "agent-wire-proxy")
    with running([program, *words], f"http://{address}/health", folder, UPSTREAM_API_KEY="none"):
        yield Started(f"http://{address}")


@contextmanager
def claude_proxy(upstream: str, folder: Path) -> Iterator[Started]:
    """claude-proxy, which maps the names of Claude's models to those of the upstream."""
    port = free_port()
    environment = {
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": f"{upstream}/v1",
        "CLAUDE_PROXY_HOST": "127.0.0.1",
        "CLAUDE_PROXY_PORT": str(port),
        "CLAUDE_PROXY_BIG_MODEL": MODEL,
        "CLAUDE_PROXY_SMALL_MODEL": MODEL,
    }
    url = f"http://127.0.0.1:{port}"
    with running([str(_place("GATEWAYS") / "claude-proxy")], f"{url}/health", folder, **environment):
        yield Started(url, model="claude-sonnet-4")


SERVERS: dict[str, Callable[[str, Path], AbstractContextManager[Started]]] = {
    "claude-code-router": claude_code_router,
    "aimock": aimock,
    "ant2oai": ant2oai,
    "agent-wire-proxy": agent_wire_proxy,
    "claude-proxy": claude_proxy,
    "litellm": litellm,
}
"""By the name of its target file; the quick ones first."""

VERSIONS = {
    "claude-code-router": "2.0.0",
    "aimock": "1.43.0",
    "ant2oai": "0.1.6",
    "agent-wire-proxy": "0.2.0",
    "claude-proxy": "0.8.0",
    "litellm": "1.106.2",
}
"""The versions of their packages, as the locks pin them."""

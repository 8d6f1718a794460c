"""Configurations of gateways that put the Messages API in front of an OpenAI-compatible server.

Their settings were found by running them: LiteLLM (https://docs.litellm.ai/docs/proxy/configs) and
claude-code-router (https://github.com/musistudio/claude-code-router).
"""

import json

from msgspec import Struct

LITELLM = "litellm[proxy]==1.106.2"
CLAUDE_CODE_ROUTER = "@musistudio/claude-code-router@2.0.0"
"""The versions that were run; `.ci/locks` pins the same."""


class GatewayConfiguration(Struct, frozen=True):
    """A gateway's configuration file, and how to start it with that file."""

    text: str
    file: str
    """Where the gateway looks for it, or what to call it."""
    start: tuple[str, ...]
    """Commands for a shell, in order."""
    base_url: str


def litellm(upstream: str, model: str, *, port: int = 4000) -> GatewayConfiguration:
    """LiteLLM in front of an OpenAI-compatible server at `upstream` (with its `/v1`)."""
    text = f"""\
model_list:
  - model_name: {json.dumps(model)}
    litellm_params:
      model: {json.dumps("openai/" + model)}
      api_base: {json.dumps(upstream)}
      api_key: os.environ/UPSTREAM_API_KEY
litellm_settings:
  # without it, /v1/messages asks the upstream's /v1/responses, which most servers do not have
  use_chat_completions_url_for_anthropic_messages: true
router_settings:
  # without it, one failure of the upstream answers 429 for five seconds
  disable_cooldowns: true
"""
    return GatewayConfiguration(
        text,
        "litellm.yaml",
        (
            f"pip install '{LITELLM}'",
            'export UPSTREAM_API_KEY="${UPSTREAM_API_KEY:-none}"',
            "export LITELLM_MASTER_KEY=\"sk-$(python3 -c 'import secrets; print(secrets.token_hex(24))')\"",
            "export LITELLM_LOCAL_MODEL_COST_MAP=True NO_DOCS=True",
            f"litellm --config litellm.yaml --host 127.0.0.1 --port {port}",
        ),
        f"http://127.0.0.1:{port}",
    )


def claude_code_router(upstream: str, model: str, *, port: int = 3456) -> GatewayConfiguration:
    """claude-code-router in front of an OpenAI-compatible server at `upstream` (with its `/v1`)."""
    route = f"upstream,{model}"
    configuration = {
        "PORT": port,
        "HOST": "127.0.0.1",
        "LOG": False,
        "NON_INTERACTIVE_MODE": True,
        "Providers": [
            {
                "name": "upstream",
                "api_base_url": upstream.rstrip("/") + "/chat/completions",
                "api_key": "$UPSTREAM_API_KEY",
                "models": [model],
            }
        ],
        "Router": dict.fromkeys(("default", "background", "think", "longContext"), route),
    }
    return GatewayConfiguration(
        json.dumps(configuration, indent=2) + "\n",
        "~/.claude-code-router/config.json",
        (
            f"npm install -g {CLAUDE_CODE_ROUTER}",
            'export UPSTREAM_API_KEY="${UPSTREAM_API_KEY:-none}"',
            "ccr start",
        ),
        f"http://127.0.0.1:{port}",
    )

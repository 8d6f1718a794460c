"""`conformance env`: prints what Claude Code and the SDKs need in order to reach a target."""

import argparse
import os
import sys
from typing import TYPE_CHECKING

from conformance.errors import UserError

if TYPE_CHECKING:
    from conformance.targets.environment import Environment

TARGETS = ("ollama", "ollama-cloud", "anthropic", "litellm", "claude-code-router")


def declare(parser: argparse.ArgumentParser) -> None:
    from conformance.targets.environment import SHELLS

    parser.add_argument("--target", choices=TARGETS, default="ollama", help="default: ollama; anthropic goes back")
    parser.add_argument(
        "--base-url", metavar="URL", help="where it listens; default: OLLAMA_URL, OLLAMA_HOST, port 11434"
    )
    parser.add_argument("--model", metavar="M", help="the model that Claude Code asks for everything")
    parser.add_argument(
        "--alias", metavar="NAME", help="the name to ask it by, as made by `conformance prepare --alias`"
    )
    parser.add_argument(
        "--shell", choices=SHELLS, default="bash", help="json is for a settings.json, inline for one command"
    )
    parser.add_argument(
        "--upstream", metavar="URL", help="of a gateway: the OpenAI-compatible server behind it (default: Ollama's /v1)"
    )


def run(arguments: argparse.Namespace) -> int:
    from conformance.targets.environment import back_to_anthropic, written

    if arguments.target == "anthropic":
        print(written(back_to_anthropic(), arguments.shell))
        return 0
    model = arguments.alias or arguments.model
    if model is None:
        raise UserError(f"which model? conformance env --target {arguments.target} --model MODEL")
    if arguments.target in ("litellm", "claude-code-router"):
        return _gateway(arguments, model)
    environment = _environment(arguments, model)
    print(written(environment, arguments.shell))
    if arguments.target == "ollama-cloud" and arguments.shell == "json":
        print("add ANTHROPIC_AUTH_TOKEN with your ollama.com key: settings.json reads no variables", file=sys.stderr)
    return 0


def _environment(arguments: argparse.Namespace, model: str) -> "Environment":
    from conformance.targets.address import base_url
    from conformance.targets.environment import FromVariable, claude_code_environment
    from conformance.targets.ollama.client import CLOUD, LOCAL, PORT

    if arguments.target == "ollama-cloud":
        return claude_code_environment(CLOUD, model, token=FromVariable("OLLAMA_API_KEY"), context=_context(model))
    named = (os.environ.get(name, "").strip() for name in ("OLLAMA_URL", "OLLAMA_HOST"))
    url = base_url(arguments.base_url or next((url for url in named if url), LOCAL), default_port=PORT)
    return claude_code_environment(url, model, context=_context(model))


def _context(model: str) -> int | None:
    """The context of a recommended cloud model, which `ollama launch claude` gives to the client too."""
    from conformance.targets.ollama.models import recommended

    return next((entry.context for entry in recommended() if entry.name == model), None)


def _gateway(arguments: argparse.Namespace, model: str) -> int:
    from conformance.targets.gateways import claude_code_router, litellm

    upstream = arguments.upstream or "http://127.0.0.1:11434/v1"
    configuration = (litellm if arguments.target == "litellm" else claude_code_router)(upstream, model)
    print(configuration.text, end="")
    print(f"save it as {configuration.file}, then:", *configuration.start, sep="\n  ", file=sys.stderr)
    print(f"and ask {configuration.base_url}", file=sys.stderr)
    return 0

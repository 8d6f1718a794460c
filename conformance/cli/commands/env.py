"""`conformance env`: prints what Claude Code and the SDKs need in order to reach a target."""

import argparse
import os
import sys
from typing import TYPE_CHECKING

from conformance.cli.parser import from_one
from conformance.errors import UserError

if TYPE_CHECKING:
    from conformance.targets.environment import Environment, FromVariable

GATEWAYS = ("litellm", "claude-code-router")
TARGETS = ("ollama", "ollama-cloud", "server", *GATEWAYS, "anthropic")


def declare(parser: argparse.ArgumentParser) -> None:
    from conformance.targets.environment import SHELLS

    parser.add_argument(
        "--target",
        choices=TARGETS,
        default="ollama",
        help="default: ollama; server is any endpoint, by --base-url; anthropic goes back; "
        "a gateway without --base-url prints the gateway's own configuration",
    )
    parser.add_argument(
        "--base-url", metavar="URL", help="where it listens; default of ollama: OLLAMA_URL, OLLAMA_HOST, port 11434"
    )
    parser.add_argument("--model", metavar="M", help="the model that Claude Code asks for everything")
    parser.add_argument(
        "--alias", metavar="NAME", help="the name to ask it by, as made by `conformance prepare --alias`"
    )
    parser.add_argument(
        "--api-key-env", metavar="VAR", help="the NAME of the variable that holds the key, read by the shell"
    )
    parser.add_argument(
        "--context", metavar="N", type=from_one, help="tokens that the model takes; default: what the endpoint says"
    )
    parser.add_argument(
        "--no-tool-search", action="store_true", help="list all tools from the start: for servers that drop references"
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
    if not model:
        raise UserError(f"which model? conformance env --target {arguments.target} --model MODEL")
    if arguments.context is not None and arguments.context < 1:
        raise UserError("--context is a number of tokens, such as 65536")
    if arguments.target in GATEWAYS and arguments.base_url is None:
        return _gateway(arguments, model)
    print(written(_environment(arguments, model), arguments.shell))
    if arguments.shell == "json" and (variable := _variable(arguments)):
        print(f"add ANTHROPIC_AUTH_TOKEN with the key in {variable}: settings.json reads no variables", file=sys.stderr)
    return 0


def _environment(arguments: argparse.Namespace, model: str) -> "Environment":
    from conformance.targets.environment import claude_code_environment

    url = _url(arguments)
    return claude_code_environment(
        url,
        model,
        token=_token(arguments),
        context=arguments.context or _context(arguments, url, model),
        tool_search=not (arguments.no_tool_search or _drops_references(arguments.target)),
    )


def _url(arguments: argparse.Namespace) -> str:
    from conformance.targets.address import base_url
    from conformance.targets.ollama.client import CLOUD, LOCAL, PORT

    if arguments.target == "ollama-cloud":
        return CLOUD
    if arguments.target == "server" and arguments.base_url is None:
        raise UserError("where does it listen? conformance env --target server --base-url URL --model MODEL")
    named = (os.environ.get(name, "").strip() for name in ("OLLAMA_URL", "OLLAMA_HOST"))
    default_port = PORT if arguments.target == "ollama" else None
    return base_url(arguments.base_url or next((url for url in named if url), LOCAL), default_port=default_port)


def _variable(arguments: argparse.Namespace) -> str | None:
    """The variable that holds the key, where there is one."""
    given: str | None = arguments.api_key_env
    if given is not None and not given.isidentifier():
        raise UserError("--api-key-env takes the NAME of a variable, such as GATEWAY_KEY; what was given is none")
    return given or {"ollama-cloud": "OLLAMA_API_KEY", "litellm": "LITELLM_MASTER_KEY"}.get(arguments.target)


def _token(arguments: argparse.Namespace) -> "str | FromVariable":
    from conformance.targets.environment import FromVariable

    variable = _variable(arguments)
    return FromVariable(variable) if variable else "ollama" if arguments.target == "ollama" else "none"


def _drops_references(target: str) -> bool:
    from conformance.targets.load import load_target_file

    return target != "server" and load_target_file(target).drops_tool_references


def _context(arguments: argparse.Namespace, url: str, model: str) -> int | None:
    """What the endpoint says that the model takes in: a recommended cloud model's, or what the server lists."""
    from conformance.targets.ollama.models import recommended

    known = next((entry.context for entry in recommended() if entry.name == model), None)
    return known or (None if arguments.target == "ollama-cloud" else _reported_context(url, model))


def _reported_context(url: str, model: str) -> int | None:
    """The context in Ollama's words or in the list of models; None where nobody answers, and then a word about it."""
    from conformance.targets.discover import listed_models, ollama_abilities
    from conformance.targets.wire import ServerConnection, Unreachable

    try:
        with ServerConnection(url) as wire:
            shown = ollama_abilities(wire, model)
            listed = (listed_models(wire, {}) or {}).get(model)
    except Unreachable as problem:
        print(f"the context is not known, since {problem}; give it with --context N", file=sys.stderr)
        return None
    return shown.context_loaded or shown.context_set or (listed.context if listed else None)


def _gateway(arguments: argparse.Namespace, model: str) -> int:
    from conformance.targets.gateways import claude_code_router, litellm

    upstream = arguments.upstream or "http://127.0.0.1:11434/v1"
    configuration = (litellm if arguments.target == "litellm" else claude_code_router)(upstream, model)
    print(configuration.text, end="")
    print(f"save it as {configuration.file}, then:", *configuration.start, sep="\n  ", file=sys.stderr)
    client = f"conformance env --target {arguments.target} --base-url {configuration.base_url} --model {model}"
    print(f"and ask {configuration.base_url}; for Claude Code: {client}", file=sys.stderr)
    return 0

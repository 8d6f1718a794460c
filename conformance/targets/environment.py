"""The environment variables that Claude Code needs for a server, as a mapping and as text for each shell.

The names and values are those that `ollama launch claude` sets
(https://github.com/ollama/ollama/blob/fb3076099/cmd/launch/claude.go), so that both ways lead to the same client.
"""

import json
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Literal, get_args

from msgspec import Struct

Shell = Literal["bash", "zsh", "fish", "powershell", "json", "inline"]
SHELLS: tuple[Shell, ...] = get_args(Shell)

BEGIN = "# >>> conformance env >>>"
END = "# <<< conformance env <<<"


class FromVariable(Struct, frozen=True):
    """A value that stays in another variable, such as a key: it is read when the shell reads the block."""

    name: str


Environment = Mapping[str, str | FromVariable | None]
"""Variable to value; None takes the variable away."""

MODEL_VARIABLES = (
    "ANTHROPIC_MODEL",
    "ANTHROPIC_DEFAULT_OPUS_MODEL",
    "ANTHROPIC_DEFAULT_SONNET_MODEL",
    "ANTHROPIC_DEFAULT_HAIKU_MODEL",
    "CLAUDE_CODE_SUBAGENT_MODEL",
)

QUIET = {
    "CLAUDE_CODE_ATTRIBUTION_HEADER": "0",  # its first system block changes with every session: no prefix is cached
    "CLAUDE_CODE_TOTAL_TOKENS_REMINDER": "off",  # the same, with every turn
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_FEEDBACK_COMMAND": "1",
    "CLAUDE_CODE_DISABLE_FEEDBACK_SURVEY": "1",
}

CONTEXT = "CLAUDE_CODE_MAX_CONTEXT_TOKENS"
"""Tells the client the window: `/context` of 2.1.332 shows "/ 64k" for 64000. CLAUDE_CODE_AUTO_COMPACT_WINDOW does not:
it is raised to 100000 at least. Without either, the client believes in a million tokens.
"""
TOOL_SEARCH = "ENABLE_TOOL_SEARCH"


def claude_code_environment(
    base_url: str,
    model: str,
    *,
    token: str | FromVariable = "ollama",  # noqa: S107 - any word will do for a local server
    context: int | None = None,
    tool_search: bool = True,
) -> dict[str, str | FromVariable | None]:
    """The variables with which Claude Code asks one model of one server for everything.

    `token` goes out as Bearer; ANTHROPIC_API_KEY is set to nothing, so that no real key is sent to another server.
    `context` is the model's context in tokens, where the client should compact before it overflows. Without
    `tool_search` the client lists all its tools from the start: for servers that drop what the search found.
    """
    environment: dict[str, str | FromVariable | None] = {
        "ANTHROPIC_BASE_URL": base_url.rstrip("/").removesuffix("/v1"),
        "ANTHROPIC_AUTH_TOKEN": token,
        "ANTHROPIC_API_KEY": "",
        **dict.fromkeys(MODEL_VARIABLES, model),
        **QUIET,
    }
    if context is not None:
        environment[CONTEXT] = str(context)
    if not tool_search:
        environment[TOOL_SEARCH] = "false"
    return environment


def back_to_anthropic() -> dict[str, str | FromVariable | None]:
    """Takes away all that `claude_code_environment` may have set."""
    return dict.fromkeys((*claude_code_environment("", ""), CONTEXT, TOOL_SEARCH, "CLAUDE_CODE_AUTO_COMPACT_WINDOW"))


def written(environment: Environment, shell: Shell) -> str:
    """The environment as text for a shell's profile, a `settings.json` of Claude Code, or in front of one command.

    A block may stand twice in a profile, and after another one: the last one counts, and it sets or takes away all.
    """
    if shell == "json":
        return _json(environment)
    if shell == "inline":
        return _inline(environment)
    assign, remove = _LANGUAGES[shell]
    lines = [remove(name) if value is None else assign(name, value) for name, value in environment.items()]
    return "\n".join([BEGIN, *lines, END])


def _posix(name: str, value: str | FromVariable) -> str:
    return f"export {name}={_posix_value(value)}"


def _posix_value(value: str | FromVariable) -> str:
    return f'"${{{value.name}-}}"' if isinstance(value, FromVariable) else shlex.quote(value)


def _fish(name: str, value: str | FromVariable) -> str:
    if isinstance(value, FromVariable):
        return f'set -gx {name} "${value.name}"'
    return f"set -gx {name} '" + re.sub(r"(['\\])", r"\\\1", value) + "'"


def _powershell(name: str, value: str | FromVariable) -> str:
    if isinstance(value, FromVariable):
        return f"$env:{name} = $env:{value.name}"
    if not value:  # PowerShell takes a variable away when it is given an empty string
        return f"[Environment]::SetEnvironmentVariable('{name}', $null)"
    return f"$env:{name} = '" + value.replace("'", "''") + "'"


_Assign = Callable[[str, str | FromVariable], str]
_LANGUAGES: dict[str, tuple[_Assign, Callable[[str], str]]] = {
    "bash": (_posix, lambda name: f"unset {name}"),
    "zsh": (_posix, lambda name: f"unset {name}"),
    "fish": (_fish, lambda name: f"set -e {name}"),
    "powershell": (_powershell, lambda name: f"Remove-Item Env:{name} -ErrorAction SilentlyContinue"),
}


def _json(environment: Environment) -> str:
    """Claude Code's settings take plain values only: what stays in a variable is left to the shell."""
    plain = {name: value for name, value in environment.items() if isinstance(value, str)}
    return json.dumps({"env": plain}, indent=2)


def _inline(environment: Environment) -> str:
    gone = [f"-u {name}" for name, value in environment.items() if value is None]
    given = [f"{name}={_posix_value(value)}" for name, value in environment.items() if value is not None]
    return " ".join(["env", *gone, *given, "claude"])

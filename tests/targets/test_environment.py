"""What `conformance env` prints, read by real shells, and by the official SDK through them."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import called
from hypothesis import given
from hypothesis import strategies as st
from servers import Stub

from conformance.targets.environment import FromVariable, back_to_anthropic, claude_code_environment, written

SHELLS = [shell for shell in ("bash", "zsh", "fish") if shutil.which(shell)]


def printed(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return called(("env", *arguments), Path.cwd(), environ, alone=True)


def sourced(shell: str, script: str, **environ: str) -> dict[str, str]:
    """The variables that a program sees which is started after the script."""
    show = f"{script}\n{shlex.quote(sys.executable)} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    done = subprocess.run(
        [shell, "-c", show], env={"PATH": os.environ["PATH"], **environ}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_reads_what_claude_code_needs(shell: str) -> None:
    block = printed("--model", "it's a $model", "--base-url", "http://localhost:1/v1", "--shell", shell).stdout
    seen = sourced(shell, block)
    assert seen["ANTHROPIC_BASE_URL"] == "http://localhost:1"
    assert seen["ANTHROPIC_AUTH_TOKEN"] == "ollama"
    assert seen["ANTHROPIC_API_KEY"] == ""
    for name in (
        "ANTHROPIC_MODEL",
        "ANTHROPIC_DEFAULT_OPUS_MODEL",
        "ANTHROPIC_DEFAULT_SONNET_MODEL",
        "ANTHROPIC_DEFAULT_HAIKU_MODEL",
        "CLAUDE_CODE_SUBAGENT_MODEL",
    ):
        assert seen[name] == "it's a $model"
    assert seen["CLAUDE_CODE_ATTRIBUTION_HEADER"] == "0"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_block_may_stand_twice_in_a_profile_and_the_last_one_counts(shell: str) -> None:
    one = printed("--model", "one", "--shell", shell).stdout
    two = printed("--model", "two", "--shell", shell).stdout
    back = printed("--target", "anthropic", "--shell", shell).stdout
    assert sourced(shell, one) == sourced(shell, one + one)
    assert sourced(shell, one + two)["ANTHROPIC_MODEL"] == "two"
    assert not [name for name in sourced(shell, one + back + back) if name.startswith(("ANTHROPIC", "CLAUDE"))]


def test_going_back_takes_away_all_that_was_set() -> None:
    everything = set(claude_code_environment("http://h", "m", context=1, tool_search=False))
    assert everything | {"CLAUDE_CODE_AUTO_COMPACT_WINDOW"} == set(back_to_anthropic())  # of earlier versions of ours


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
def test_what_stands_in_front_of_one_command_is_what_it_sees(model: str) -> None:
    words = shlex.split(written({"A": model, "B": None, "C": ""}, "inline"))
    assert words == ["env", "-u", "B", f"A={model}", "C=", "claude"]


def test_in_front_of_one_command_keys_stay_in_their_variable() -> None:
    line = printed("--target", "ollama-cloud", "--model", "glm-5.1", "--shell", "inline", OLLAMA_API_KEY="hush").stdout
    assert "hush" not in line
    assert 'ANTHROPIC_AUTH_TOKEN="${OLLAMA_API_KEY-}"' in line


@pytest.mark.parametrize("shell", SHELLS)
def test_the_clouds_key_is_read_when_the_shell_reads_the_block(shell: str) -> None:
    block = printed("--target", "ollama-cloud", "--model", "glm-5.1:cloud", "--shell", shell, OLLAMA_API_KEY="hush")
    assert "hush" not in block.stdout + block.stderr
    seen = sourced(shell, block.stdout, OLLAMA_API_KEY="hush")
    assert (seen["ANTHROPIC_BASE_URL"], seen["ANTHROPIC_AUTH_TOKEN"]) == ("https://ollama.com", "hush")
    assert seen["CLAUDE_CODE_MAX_CONTEXT_TOKENS"] == "202752"


def test_json_is_for_the_settings_of_claude_code() -> None:
    done = printed("--model", "qwen3-coder", "--shell", "json", OLLAMA_HOST="0.0.0.0:8080")
    assert json.loads(done.stdout)["env"]["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:8080"
    cloud = printed("--target", "ollama-cloud", "--model", "m", "--shell", "json", OLLAMA_API_KEY="hush")
    assert "ANTHROPIC_AUTH_TOKEN" not in json.loads(cloud.stdout)["env"]
    assert "ANTHROPIC_AUTH_TOKEN" in cloud.stderr


def test_powershell_and_fish_quote_in_their_own_way() -> None:
    environment: dict[str, str | FromVariable | None] = {"A": "it's", "B": FromVariable("KEY"), "C": None, "D": ""}
    assert written(environment, "powershell").splitlines()[1:-1] == [
        "$env:A = 'it''s'",
        "$env:B = $env:KEY",
        "Remove-Item Env:C -ErrorAction SilentlyContinue",
        "[Environment]::SetEnvironmentVariable('D', $null)",
    ]
    assert written(environment, "fish").splitlines()[1:-1] == [
        "set -gx A 'it\\'s'",
        'set -gx B "$KEY"',
        "set -e C",
        "set -gx D ''",
    ]


def test_an_alias_is_asked_in_place_of_the_model() -> None:
    assert "ANTHROPIC_MODEL=claude-3-5-sonnet" in printed("--model", "m", "--alias", "claude-3-5-sonnet").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--target", "litellm"],
        ["--target", "server", "--model", "m"],
        ["--model", "m", "--context", "0"],
        ["--target", "server", "--base-url", "http://127.0.0.1:1", "--model", "m", "--api-key-env", "sk-not-a-name"],
        ["--target", "ollama", "--base-url", "ftp://x", "--model", "m"],
    ],
)
def test_a_mistake_is_one_line(arguments: list[str]) -> None:
    done = printed(*arguments)
    assert done.returncode == 4
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


def test_any_endpoint_tells_its_context_and_takes_its_key_from_a_variable(stub: Callable[[], Stub]) -> None:
    server = stub()
    server.says(GET_v1_models={"data": [{"id": "m", "max_input_tokens": 64000}]})
    arguments = ["--target", "server", "--base-url", server.url, "--model", "m", "--api-key-env", "MY_KEY"]
    done = printed(*arguments, "--shell", "bash", MY_KEY="hush")
    assert "hush" not in done.stdout + done.stderr
    seen = sourced("bash", done.stdout, MY_KEY="hush")
    assert (seen["ANTHROPIC_AUTH_TOKEN"], seen["CLAUDE_CODE_MAX_CONTEXT_TOKENS"]) == ("hush", "64000")
    assert "ENABLE_TOOL_SEARCH" not in seen
    assert "CLAUDE_CODE_MAX_CONTEXT_TOKENS=32000" in printed(*arguments, "--context", "32000").stdout


@pytest.mark.parametrize(("loaded", "context"), [([], "8192"), ([{"name": "m", "context_length": 4096}], "4096")])
def test_ollama_tells_the_context_that_is_set_or_loaded_and_its_tools_are_not_searched(
    stub: Callable[[], Stub], loaded: list[dict[str, object]], context: str
) -> None:
    server = stub()
    server.says(GET_api_version={"version": "0.33.0"}, GET_api_ps={"models": loaded})
    server.says(POST_api_show={"capabilities": ["completion"], "parameters": "num_ctx 8192", "model_info": {}})
    done = printed("--target", "ollama", "--base-url", server.url, "--model", "m")
    seen = sourced("bash", done.stdout)
    assert (seen["CLAUDE_CODE_MAX_CONTEXT_TOKENS"], seen["ENABLE_TOOL_SEARCH"]) == (context, "false")


def test_a_gateway_is_a_server_to_the_client_too() -> None:
    address = ["--base-url", "http://127.0.0.1:4000", "--model", "m", "--context", "64000"]
    lite = printed("--target", "litellm", *address).stdout
    assert 'ANTHROPIC_AUTH_TOKEN="${LITELLM_MASTER_KEY-}"' in lite
    assert "ENABLE_TOOL_SEARCH=false" in lite
    router = printed("--target", "claude-code-router", *address).stdout
    assert "ANTHROPIC_AUTH_TOKEN=none" in router
    assert "ENABLE_TOOL_SEARCH" not in router


def test_an_endpoint_that_is_not_there_costs_only_the_context() -> None:
    done = printed("--model", "m", "--base-url", "http://127.0.0.1:9")
    assert done.returncode == 0
    assert "MAX_CONTEXT" not in done.stdout
    assert "--context N" in done.stderr


def test_the_official_sdk_reaches_the_endpoint_through_the_exports(stub: Callable[[], Stub], tmp_path: Path) -> None:
    server = stub()
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "qwen3-coder",
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
        "content": [{"type": "text", "text": "hello"}],
    }
    server.says(POST_v1_messages=message)
    block = printed("--model", "qwen3-coder", "--base-url", server.url).stdout
    program = tmp_path / "ask.py"
    program.write_text(
        "import os, anthropic\n"
        "client = anthropic.Anthropic(max_retries=0)\n"
        "ask = {'model': os.environ['ANTHROPIC_MODEL'], 'max_tokens': 9}\n"
        "print(client.messages.create(**ask, messages=[{'role': 'user', 'content': 'hi'}]).content[0].text)\n"
    )
    script = f"{block}\n{shlex.quote(sys.executable)} {shlex.quote(str(program))}"
    environ = {"PATH": os.environ["PATH"], "ANTHROPIC_API_KEY": "sk-ant-real", "ANTHROPIC_AUTH_TOKEN": "real"}
    done = subprocess.run(["bash", "-c", script], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout == "hello\n", done.stderr
    *_, (_, headers, body) = server.asked  # what came before asks the endpoint for its context
    assert headers["authorization"] == "Bearer ollama"
    assert body["model"] == "qwen3-coder"
    assert "real" not in str(headers)


def test_a_gateways_configuration_comes_apart_from_how_to_start_it() -> None:
    from msgspec import yaml

    done = printed("--target", "litellm", "--model", "m", "--upstream", "http://127.0.0.1:8000/v1")
    entry = yaml.decode(done.stdout)["model_list"][0]
    assert entry["model_name"] == "m"
    assert entry["litellm_params"]["api_base"] == "http://127.0.0.1:8000/v1"
    assert "litellm --config litellm.yaml" in done.stderr
    router = printed("--target", "claude-code-router", "--model", "m", "--upstream", "http://127.0.0.1:8000/v1/")
    provider = json.loads(router.stdout)["Providers"][0]
    assert provider["api_base_url"] == "http://127.0.0.1:8000/v1/chat/completions"
    assert "ccr start" in router.stderr

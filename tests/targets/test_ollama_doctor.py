"""The doctor: each thing that keeps Claude Code from working on Ollama, with the command that mends it."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from command_line import called
from servers import Stub

from conformance.targets.ollama.client import Ollama
from conformance.targets.ollama.doctor import Diagnosis, Hardware, examine, longer_context
from conformance.targets.ollama.models import recommended

GIGABYTE = 10**9


def machine(**changes: Any) -> Hardware:
    facts = {"system": "Linux", "programs": frozenset({"ollama", "claude"}), "memory": 64 * GIGABYTE, "environ": {}}
    return Hardware(**{**facts, **changes})


def obeys(body: Any) -> tuple[int, dict[str, str], Any]:
    prompt = body["messages"][0]["content"]
    return 200, {}, {"content": [{"type": "text", "text": prompt.removeprefix("Reply with exactly: ")}]}


@pytest.fixture
def healthy(ollama: Stub) -> Stub:
    """An Ollama with one model that is loaded whole, with a long context, and answers."""
    ollama.says(
        POST_api_generate={"done": True},
        GET_api_ps={
            "models": [{"name": "qwen3-coder:latest", "size": 10, "size_vram": 10, "context_length": 65536}],
        },
        POST_api_me={"name": "me"},
        POST_v1_messages=obeys,
    )
    return ollama


def examined(server: Stub, model: str | None = None, url: str | None = None, **changes: Any) -> dict[str, Diagnosis]:
    async def within() -> list[Diagnosis]:
        async with Ollama(url or server.url) as ollama:
            return await examine(ollama, model, machine(**changes))

    return {diagnosis.id: diagnosis for diagnosis in asyncio.run(within())}


def test_a_healthy_machine_ends_with_a_prompt_and_its_time(healthy: Stub) -> None:
    found = examined(healthy)
    assert {diagnosis.severity for diagnosis in found.values()} == {"good"}
    assert list(found)[-1] == "probe"
    assert "came back as asked in 0." in found["probe"].says


@pytest.mark.parametrize(
    ("system", "programs", "id_", "mend"),
    [
        ("Linux", {"ollama"}, "not-running", "ollama serve"),
        ("Linux", set(), "not-installed", "curl -fsSL https://ollama.com/install.sh | sh"),
        ("Darwin", set(), "not-installed", "brew install ollama"),
        ("Windows", set(), "not-installed", "winget install Ollama.Ollama"),
        ("Plan9", set(), "not-installed", "open https://ollama.com/download"),
    ],
)
def test_nobody_answers(stub: Callable[[], Stub], system: str, programs: set[str], id_: str, mend: str) -> None:
    server = stub()
    server.close()
    found = examined(server, system=system, programs=frozenset(programs))
    assert (found[id_].severity, found[id_].mend) == ("problem", mend)


def test_an_old_ollama(healthy: Stub) -> None:
    healthy.says(GET_api_version={"version": "0.13.5"})
    found = examined(healthy)
    assert "0.14.0" in found["version"].says
    assert "install.sh" in found["version"].mend
    assert "probe" not in found


def test_no_model(healthy: Stub) -> None:
    healthy.says(GET_api_tags={"models": []})
    assert examined(healthy)["model-missing"].mend == "conformance prepare --target ollama --model gemma4"


def test_several_models(healthy: Stub) -> None:
    healthy.says(GET_api_tags={"models": [{"name": "a:latest"}, {"name": "b:latest"}]})
    assert "a:latest, b:latest" in examined(healthy)["model-missing"].says


def test_another_model_than_the_installed_ones(healthy: Stub) -> None:
    found = examined(healthy, "qwen3-codr")
    assert "qwen3-coder:latest is" in found["model-missing"].says
    assert "qwen3-coder:latest" in found["model-missing"].mend


def test_a_model_that_cannot_call_tools(healthy: Stub) -> None:
    healthy.says(POST_api_show={"capabilities": ["completion"]})
    found = examined(healthy)
    assert found["tools"].severity == "problem"
    assert "qwen3-coder" in found["tools"].says
    assert found["tools"].mend == "conformance prepare --target ollama --model gemma4"


def test_a_short_context_as_loaded(healthy: Stub) -> None:
    loaded = {"name": "qwen3-coder:latest", "size": 10, "size_vram": 10, "context_length": 4096}
    healthy.says(GET_api_ps={"models": [loaded]})
    found = examined(healthy)
    assert "4096 tokens" in found["context"].says
    assert found["context"].mend == "conformance prepare --target ollama --model qwen3-coder:latest --context 65536"


@pytest.mark.parametrize(("vram", "part"), [(4, "only 40 %"), (0, "CPU alone")])
def test_a_model_that_is_not_all_in_graphics_memory(healthy: Stub, vram: int, part: str) -> None:
    loaded = {"name": "qwen3-coder:latest", "size": 10, "size_vram": vram, "context_length": 65536}
    healthy.says(GET_api_ps={"models": [loaded]})
    found = examined(healthy)
    assert found["split"].severity == "warning"
    assert part in found["split"].says


def test_a_model_larger_than_the_memory_is_not_loaded(healthy: Stub) -> None:
    healthy.says(GET_api_tags={"models": [{"name": "huge:latest", "size": 90 * GIGABYTE}]})
    found = examined(healthy)
    assert "90.0 GB" in found["memory"].says
    assert "64.0 GB" in found["memory"].says
    assert not any(key == "POST /api/generate" for key, _, _ in healthy.asked)


def test_a_cloud_model_that_nobody_signed_in_for(healthy: Stub) -> None:
    healthy.routes["POST /api/me"] = (401, {}, {"error": "unauthorized", "signin_url": "https://ollama.com/connect?k"})
    found = examined(healthy, "glm-5.1:cloud")
    assert "leave this machine" in found["remote"].says
    assert "https://ollama.com/connect?k" in found["not-signed-in"].says
    assert found["not-signed-in"].mend == "ollama signin"
    assert "probe" not in found


def test_a_model_that_runs_on_another_machine(healthy: Stub) -> None:
    healthy.says(POST_api_show={"capabilities": ["tools"], "remote_host": "http://box:1"})
    found = examined(healthy)
    assert "http://box:1" in found["remote"].says
    assert found["probe"].severity == "good"


def test_claude_code_is_missing(healthy: Stub) -> None:
    found = examined(healthy, programs=frozenset({"ollama"}))
    assert found["claude"].mend == "npm install -g @anthropic-ai/claude-code"


@pytest.mark.parametrize(
    ("environ", "id_", "mend"),
    [
        (
            {"ANTHROPIC_BASE_URL": "http://localhost:1/v1/"},
            "base-url-v1",
            "export ANTHROPIC_BASE_URL=http://localhost:1",
        ),
        (
            {"ANTHROPIC_BASE_URL": "http://localhost:1", "ANTHROPIC_API_KEY": "sk-ant-x"},
            "foreign-key",
            "export ANTHROPIC_API_KEY=",
        ),
        (
            {"ANTHROPIC_BASE_URL": "http://localhost:1", "ANTHROPIC_AUTH_TOKEN": "sk-ant-x"},
            "foreign-key",
            "export ANTHROPIC_AUTH_TOKEN=ollama",
        ),
        ({"ANTHROPIC_BASE_URL": "ftp://x"}, "base-url", "unset ANTHROPIC_BASE_URL"),
        ({"ANTHROPIC_BASE_URL": "http://localhost:1"}, "base-url-elsewhere", None),
    ],
)
def test_the_shells_own_variables(healthy: Stub, environ: dict[str, str], id_: str, mend: str | None) -> None:
    found = examined(healthy, environ=environ)
    assert mend is None or found[id_].mend == mend
    assert not any("sk-ant" in diagnosis.says + diagnosis.mend for diagnosis in found.values())
    assert found[id_].severity in ("problem", "warning")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"ANTHROPIC_API_KEY": "sk-ant-x"},
        {"ANTHROPIC_BASE_URL": "https://api.anthropic.com", "ANTHROPIC_API_KEY": "sk-ant-x"},
    ],
)
def test_a_key_on_its_way_to_its_owner_is_no_finding(healthy: Stub, environ: dict[str, str]) -> None:
    assert {diagnosis.severity for diagnosis in examined(healthy, environ=environ).values()} <= {"good", "warning"}
    assert "foreign-key" not in examined(healthy, environ=environ)


def test_a_model_that_says_something_else(healthy: Stub) -> None:
    healthy.says(POST_v1_messages={"content": [{"type": "text", "text": "I am\nhelpful"}]})
    found = examined(healthy)
    assert found["probe"].severity == "warning"
    assert "I am helpful" in found["probe"].says


def test_a_model_that_says_nothing(healthy: Stub) -> None:
    healthy.says(POST_v1_messages={"content": None})
    assert examined(healthy)["probe"].severity == "problem"


def test_a_prompt_that_is_refused(healthy: Stub) -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": "llama runner process has terminated"}}
    healthy.routes["POST /v1/messages"] = (500, {}, error)
    assert "llama runner process has terminated" in examined(healthy)["probe"].says


@pytest.mark.parametrize("answer", [(500, {}, {"error": "boom"}), (200, {}, "<html>"), (200, {}, {"version": None})])
def test_a_server_that_is_no_ollama(healthy: Stub, answer: Any) -> None:
    healthy.routes["GET /api/version"] = answer
    assert examined(healthy)["refused"].severity == "problem"


def command(*arguments: str, **environ: str) -> CompletedProcess[str]:
    return called(arguments, Path.cwd(), environ, alone=True)


def test_the_command_tells_each_finding_and_what_mends_it(healthy: Stub) -> None:
    healthy.says(POST_api_show={"capabilities": ["completion"]})
    done = command("doctor", "--base-url", healthy.url)
    assert done.returncode == 1
    assert "BAD   qwen3-coder:latest cannot call tools" in done.stdout
    assert "      mend: conformance prepare --target ollama --model gemma4" in done.stdout
    assert done.stderr == ""


def test_the_command_has_json_for_programs(healthy: Stub) -> None:
    done = command("doctor", "--json", OLLAMA_HOST=healthy.url)
    assert {finding["id"] for finding in json.loads(done.stdout)} >= {"version", "tools", "probe"}


def test_the_command_says_which_key_the_cloud_needs() -> None:
    done = command("doctor", "--target", "ollama-cloud")
    assert done.returncode == 4
    assert "OLLAMA_API_KEY" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_a_server_says_does_not_steer_the_terminal(healthy: Stub) -> None:
    healthy.says(POST_v1_messages={"content": [{"type": "text", "text": "\x1b[2J\x07gone"}]})
    assert "\x1b" not in command("doctor", "--base-url", healthy.url).stdout


@pytest.mark.parametrize(
    ("trained", "mend"),
    [
        (None, "--model m --context 65536"),
        (131072, "--model m --context 65536"),
        (65536, "--model m --context 65536"),
        (32768, f"--model {recommended()[0].name}"),
    ],
)
def test_a_mend_never_asks_for_more_context_than_the_model_was_trained_on(trained: int | None, mend: str) -> None:
    assert mend in longer_context("m", trained)


def slow(seconds: float, content: Any) -> Callable[[Any], tuple[int, dict[str, str], Any]]:
    def answer(_: Any) -> tuple[int, dict[str, str], Any]:
        time.sleep(seconds)
        return 200, {}, content

    return answer


def test_what_a_busy_server_is_waited_for_is_told(healthy: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conformance.targets.ollama.client.SAID_AFTER", 0.05)
    healthy.routes["GET /api/version"] = slow(0.5, {"version": "0.33.0"})
    told: list[str] = []

    async def within() -> list[Diagnosis]:
        async with Ollama(healthy.url) as ollama:
            ollama.on_wait = told.append
            return await examine(ollama, None, machine())

    assert "probe" in {diagnosis.id for diagnosis in asyncio.run(within())}
    assert f"{healthy.url} has not answered GET /api/version yet: waiting, for at most 300 s" in told


def test_a_server_that_is_busy_for_too_long_is_no_server_that_does_not_run(
    healthy: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("conformance.targets.ollama.client.PATIENCE", 0.2)
    healthy.routes["GET /api/version"] = slow(3, {"version": "0.33.0"})
    found = examined(healthy)
    assert found["busy"].says == f"{healthy.url} has not answered GET /api/version within 0.2 s: it is busy"
    assert found["busy"].mend == "ollama ps"
    assert "not-running" not in found

"""Servers that others wrote, before the scripted model: all that each does otherwise is known, and a new fault is not.

Likenesses of Ollama are asked too: each gap of a version is documented or known, and none is claimed in vain.

The quick ones are asked everything. LiteLLM takes a quarter of a second for each question, so it is asked the questions
that bring its gaps; the published run holds its answers to all of them.
"""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import servers
from bending_proxy import spoiling
from third_party import VERSIONS, Started

from conformance.runs.log import CaseRow, RuleRow, read_log

Run = Callable[..., tuple[int, str, Path]]
Server = tuple[str, Started]
QUICK = ("claude-code-router", "aimock", "ant2oai", "agent-wire-proxy", "claude-proxy")
ITS_GAPS = "auth.*, errors.*, messages.*, models.*, stop.*, tools.*, upstream.*, validation.*, streaming.thinking-delta"
SHORT = ("--select", "messages.text*, messages.shape, messages.content-array", "--allow-improvements")


@pytest.mark.parametrize("third_party", QUICK, indirect=True)
class TestQuickServer:
    def test_all_of_it_is_known(self, third_party: Server, conformance: Run) -> None:
        name, server = third_party
        code, said, out = conformance("--target", f"{name}@{VERSIONS[name]}", *server.words)
        log = read_log(out)
        rows: list[CaseRow | RuleRow] = [*log.cases, *log.rules]
        assert [row for row in rows if row.status in ("new", "regression", "improvement")] == [], said[-2000:]
        assert code == 0, said[-2000:]
        assert {row.status for row in rows} >= {"known-gap"}
        assert log.run.target.behind == (None if name == "aimock" else "scripted model")

    def test_a_fault_in_front_of_it_is_new(self, third_party: Server, conformance: Run) -> None:
        name, server = third_party
        words = ("--target", f"{name}@{VERSIONS[name]}", "--model", server.model, *SHORT)
        code, said, _ = conformance(*words, "--base-url", server.url)
        assert code == 0, said[-2000:]
        with spoiling(server.url, b'"role":"assistant"', b'"role":"user"') as url:
            code, said, _ = conformance(*words, "--base-url", url)
        assert code == 1, said[-2000:]
        assert "role" in said


@pytest.mark.parametrize("third_party", ["litellm"], indirect=True)
def test_litellm_does_what_is_known_of_it(third_party: Server, conformance: Run) -> None:
    _, server = third_party
    code, said, out = conformance("--target", "litellm", *server.words, "--select", ITS_GAPS, **server.environment)
    log = read_log(out)
    rows: list[CaseRow | RuleRow] = [*log.cases, *log.rules]
    assert [row for row in rows if row.status in ("new", "regression", "improvement")] == [], said[-2000:]
    assert code == 0, said[-2000:]
    assert log.run.target.version == VERSIONS["litellm"]
    assert server.key
    assert server.key not in said


@pytest.mark.parametrize(
    ("third_party", "says"),
    [
        ("claude-code-router", "claude-code-router 2.0.0 (it calls itself 1.0.51)"),
        ("agent-wire-proxy", "agent-wire-proxy 0.2.0 (it calls itself AgentWireProxy/0.2"),
        ("claude-proxy", "claude-proxy 0.8.0 (it calls itself 0.1.0)"),
        ("aimock", "aimock: its target file"),
    ],
    indirect=["third_party"],
)
def test_it_is_recognised_with_the_version_of_its_package(third_party: Server, says: str, conformance: Run) -> None:
    _, said, _ = conformance(*third_party[1].words, *SHORT)
    assert says in said


ROOT = Path(__file__).parents[2]


def test_it_works_from_a_wheel_in_another_folder(tmp_path: Path) -> None:
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    subprocess.run([str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", str(ROOT)], check=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    words = ["run", "--select", "messages.*, documents.*", "--out", "out"]
    command = [str(home / "bin" / "conformance"), *words]
    done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (elsewhere / "out").iterdir()} >= {"run.jsonl", "index.html", "evidence.jsonl.zst"}
    listed = subprocess.run([str(home / "bin" / "conformance"), "lint"], capture_output=True, text=True, check=False)
    assert listed.returncode == 0, listed.stdout


@pytest.fixture(params=["0.33.0", "0.14.0"])
def likeness(request: pytest.FixtureRequest) -> Iterator[str]:
    """The reference endpoint as an Ollama of one version; its address."""
    with servers.scripted("--like", f"ollama@{request.param}") as url:
        yield url


def test_all_of_a_likeness_is_known(likeness: str, conformance: Run) -> None:
    code, said, out = conformance("--base-url", likeness)
    log = read_log(out)
    rows: list[CaseRow | RuleRow] = [*log.cases, *log.rules]
    assert [row for row in rows if row.status in ("new", "regression", "improvement")] == [], said[-2000:]
    assert code == 0, said[-2000:]
    (ended,) = [line for line in said.splitlines() if line.startswith("As expected: 0 worse, 0 better, ")]
    assert ended.endswith("documented gaps. Exit 0.")
    assert log.run.target.name == "ollama"
    assert log.run.target.simulated

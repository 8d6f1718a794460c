"""The probe model that ships: the file is what its card says, servers can be given it, and its limits are known."""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from conformance.catalog.load import load_catalog
from conformance.engine.question import WINDOW_ROW, obstacle_to
from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import read_log
from conformance.targets.probe_model import FILE, WINDOW, card, is_probe_model

REPOSITORY = Path(__file__).parent.parent.parent
NAMES = ("tokenizer.ggml.tokens", "tokenizer.chat_template", "qwen3.context_length")


@pytest.fixture
def ollama() -> Iterator[str]:
    """The address of the scripted model's own Ollama."""
    face = [sys.executable, "-m", "conformance.scripted", "serve", "--face", "ollama", "--until-stdin-closes"]
    with subprocess.Popen(face, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout.readline().removeprefix("listening on ").strip()
        process.stdin.close()


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "conformance", *words], capture_output=True, text=True, check=False)


def test_the_shipped_file_is_what_its_card_says() -> None:
    content = FILE.read_bytes()
    assert hashlib.sha256(content).hexdigest() == card().sha256
    assert len(content) == card().bytes < 8_000_000
    assert content[:4] == b"GGUF"
    assert all(name.encode() in content[:60_000] for name in NAMES)


def test_the_card_for_people_tells_the_same_figures() -> None:
    told = (REPOSITORY / "probe-model" / "README.md").read_text()
    assert card().sha256 in told
    assert f"{card().parameters:,} parameters" in told
    assert card().obeys in told


def test_both_templates_speak_of_the_same_things() -> None:
    jinja = (REPOSITORY / "probe-model" / f"{card().name}.jinja").read_bytes()
    assert jinja.strip() in FILE.read_bytes()[:60_000]
    marks = re.findall(r"</?(?:tools|think|tool_call|tool_response)>|<\|\w+\|>", jinja.decode())
    assert set(re.findall(r"</?(?:tools|think|tool_call|tool_response)>|<\|\w+\|>", card().ollama_template)) == set(
        marks
    )


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("conformance-probe", True),
        ("conformance-probe:latest", True),
        ("conformance-probe:native", True),
        ("/models/conformance-probe.gguf", True),
        ("my-conformance-probe", False),
        ("conformance-probes", False),
    ],
)
def test_it_is_known_by_its_name(name: str, ours: bool) -> None:
    assert is_probe_model(name) is ours


def test_an_ollama_is_given_both_of_its_forms_and_the_run_says_who_was_asked(ollama: str, tmp_path: Path) -> None:
    for _ in range(2):  # the second time the file is there already
        made = command("prepare", "--target", "ollama", "--base-url", ollama, "--probe-model")
        assert made.returncode == 0, made.stderr
        assert "made conformance-probe:" in made.stdout
        assert "made conformance-probe:native" in made.stdout
    with urlopen(f"{ollama}/api/tags") as answer:
        assert answer.read().count(b"conformance-probe") >= 2
    few = ["--select", "stop.sequence*", "--no-witness", "--allow-improvements"]
    asked = command("run", ollama, "--model", "conformance-probe", *few, "--out", str(tmp_path / "run"))
    assert "the model is the suite's own probe model" in asked.stdout + asked.stderr
    log = (tmp_path / "run" / "run.jsonl").read_text()
    assert '"vision":false' in log
    assert '"behind":"probe model"' in log
    assert "conformance-probe, the suite's own probe model" in (tmp_path / "run" / "summary.md").read_text()
    evidence = EvidenceStore(tmp_path / "run")
    name = next(name for name in evidence if name.startswith("stop.sequence"))
    sent = json.loads(evidence.read(name).request.body.text or "")
    assert sent["max_tokens"] > card().headroom  # its tokens are bytes


def test_what_it_cannot_do_is_not_asked(ollama: str, tmp_path: Path) -> None:
    """Ollama cuts a prompt that does not fit in silence, and what is left of it asks for something else."""
    assert command("prepare", "--target", "ollama", "--base-url", ollama, "--probe-model").returncode == 0
    few = ["--select", "streaming.eight-thousand, content.long.4k-start, messages.text", "--no-witness"]
    command("run", ollama, "--model", "conformance-probe", *few, "--out", str(tmp_path / "run"))
    told = {(row.case, row.mode): f"{row.verdict}: {row.reason}" for row in read_log(tmp_path / "run").cases}
    assert told["streaming.eight-thousand", "stream"] == "not-applicable: needs long-answers"
    assert told["content.long.4k-start", "json"] == "not-run: the prompt does not fit into the probe model's window"
    assert told["messages.text", "json"] == "supported: "


def test_the_window_itself_is_asked_about_and_of_other_models_all() -> None:
    cases = load_catalog().cases.values()
    unfit = [case for case in cases if obstacle_to(case, WINDOW, 8)]
    assert {case.id for case in unfit} >= {
        "content.long.4k-start",
        "claude-code.turn.main",
        "claude-code.turn.system-last",
    }
    assert "tools.history.hundred-results" not in {case.id for case in unfit}
    assert [case.id for case in unfit if case.surface == WINDOW_ROW] == []
    assert [case.id for case in cases if obstacle_to(case, None, 8)] == []


def test_llama_server_is_told_by_a_line_to_type() -> None:
    told = command("prepare", "--target", "llama.cpp", "--probe-model")
    assert told.returncode == 0
    line = told.stdout.splitlines()[0]
    assert line.startswith(f"llama-server -m {FILE} ")
    assert "--host 127.0.0.1" in line


@pytest.mark.parametrize(
    "words", [["--target", "llama.cpp"], ["--probe-model", "--model", "x"], ["--probe-model", "--clean"]]
)
def test_what_does_not_go_together_is_one_line(words: list[str]) -> None:
    refused = command("prepare", *words)
    assert refused.returncode == 4
    assert len(refused.stderr.splitlines()) == 1

"""The check that users pay for, against a simulated Ollama: every gap known, a mended one told, a new fault told."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Command, Serve

from conformance.runs.log import CaseRow, RuleRow, RunLog, read_log

Asked = Callable[..., tuple[int, RunLog]]


@pytest.fixture
def asked(served: Serve, conformance: Command, tmp_path: Path) -> Asked:
    def ask(like: str, select: str, *served_with: str, target: str = "ollama") -> tuple[int, RunLog]:
        out = tmp_path / "run"
        url = served("--like", like, *served_with)
        words = ("run", "--target", target, "--base-url", url, "--select", select, "--out", str(out))
        done = conformance(*words, "--no-witness", "--no-evidence")
        assert "Traceback" not in done.stderr
        return done.returncode, read_log(out)

    return ask


def standing(log: RunLog, status: str) -> set[str]:
    rows: list[CaseRow | RuleRow] = [*log.cases, *log.rules]
    return {row.surface for row in rows if row.status == status}


def test_every_gap_of_an_ollama_is_documented_or_known(asked: Asked) -> None:
    code, log = asked("ollama@0.33", "tools.choice.any or models.* or count-tokens.basic or thinking.request.enabled")
    assert standing(log, "new") | standing(log, "regression") | standing(log, "improvement") == set()
    assert code == 0
    assert log.run.target.simulated
    assert log.run.target.version == "0.33.0"
    assert standing(log, "documented-gap") >= {"request.tool_choice.any", "endpoint.count_tokens"}
    assert standing(log, "known-gap") >= {"response.stop_sequence", "response.thinking.signature", "models.info.shape"}


@pytest.mark.parametrize(
    ("gap", "select", "row"),
    [
        ("tool_choice", "tools.choice.any", "request.tool_choice.any"),
        ("signature", "thinking.request.enabled", "response.thinking.signature"),
        ("is_error", "tools.loop.is-error", "content.tool_result.is_error"),
    ],
)
def test_a_mended_gap_is_an_improvement_that_names_its_row(asked: Asked, gap: str, select: str, row: str) -> None:
    code, log = asked(f"ollama@0.33 - {gap}", select)
    assert code == 1
    assert row in standing(log, "improvement")
    assert standing(log, "new") | standing(log, "regression") == set()


@pytest.mark.parametrize(
    ("fault", "select", "row"),
    [
        ("ST12", "tools.parallel.two-tools", "stream.content_block_stop"),
        ("US07", "messages.text", "response.usage.output_tokens"),
    ],
)
def test_another_fault_is_told_with_its_row(asked: Asked, fault: str, select: str, row: str) -> None:
    code, log = asked("ollama@0.33", select, "--fault", fault)
    assert code == 1
    assert row in standing(log, "new") | standing(log, "regression")


def test_what_an_earlier_version_did_is_expected_of_it_and_of_no_later_one(asked: Asked) -> None:
    code, log = asked("ollama@0.23.3", "thinking.request.disabled")
    assert code == 0
    assert "response.thinking.off" in standing(log, "known-gap")
    code, log = asked("ollama@0.23.3", "thinking.request.disabled", target="ollama@0.23.4")
    assert code == 1
    assert "response.thinking.off" in standing(log, "new") | standing(log, "regression")


@pytest.mark.parametrize(
    ("like", "part"),
    [
        ("olama@0.33", "only of ollama"),
        ("ollama@new", "no version"),
        ("ollama@0.33 - pings", "no gap 'pings'"),
    ],
)
def test_a_likeness_that_there_is_not_is_one_line(like: str, part: str) -> None:
    command = [sys.executable, "-m", "conformance.scripted", "serve", "--like", like]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert part in done.stderr
    assert "Traceback" not in done.stderr

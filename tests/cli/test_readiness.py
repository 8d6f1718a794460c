"""The answer about Claude Code at the door: what a run of the profile says, and the evidence behind it."""

import subprocess
import sys
from pathlib import Path

import pytest

from conformance.engine.scripted_process import ScriptedProcess
from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import RunLog, read_log


def run(tmp_path: Path, *served: str, path: str = "") -> tuple[RunLog, str, int]:
    """The log of a profile's run against our own endpoint, what was said, and the exit code."""
    with ScriptedProcess("anthropic", list(served)) as process:
        words = [
            "run",
            "--profile",
            "claude-code",
            "--target",
            "none",
            "--model",
            "scripted",
            "--base-url",
            process.url + path,
        ]
        command = [sys.executable, "-m", "conformance", *words, "--out", str(tmp_path / "out"), "--no-witness"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return read_log(tmp_path / "out"), done.stdout + done.stderr, done.returncode


@pytest.mark.parametrize(
    ("served", "verdict", "needs"),
    [
        (
            ("--like", "ollama@0.14"),
            "ready with limits",
            ["count-tokens", "usage", "titles"],
        ),
        (("--fault", "RQ04"), "not ready", ["system-role"]),
        (("--fault", "X-input-html"), "not ready", ["tool-input"]),
    ],
)
def test_each_sentence_is_true_of_the_evidence_that_it_links(
    served: tuple[str, ...], verdict: str, needs: list[str], tmp_path: Path
) -> None:
    log, said, code = run(tmp_path, *served)
    (answer,) = log.readiness
    missing = [need for need in answer.needs if need.found == "missing"]
    assert answer.verdict == verdict
    assert answer.client == "Claude Code 2.1.332"
    assert f"Claude Code 2.1.332: {verdict}. {missing[0].meets}" in said, "the end of the run names the same reason"
    assert [need.id for need in missing][: len(needs)] == needs
    assert code == 1 if verdict == "not ready" else code in (0, 1)
    rows = {f"{row.case}[{row.mode}]": row for row in log.cases}
    evidence = EvidenceStore(tmp_path / "out")
    for need in missing:
        recorded = evidence.read(need.exchange)
        if need.question not in rows:  # a rule
            continue
        row = rows[need.question]
        assert need.exchange in row.exchanges
        if need.verdict == "refused":
            assert recorded.answer.status in range(400, 500)
            assert str(recorded.answer.status) in need.meets
        else:
            assert recorded.answer.status == 200
        assert need.meets in said or need.id not in needs[:1]


@pytest.mark.parametrize("model", ["never-calls", "small-names"])
def test_what_the_model_does_is_told_of_the_model_and_not_of_the_wire(model: str, tmp_path: Path) -> None:
    """The client cannot work with a model that makes no call of its tools, and nothing is said against the server."""
    log, said, code = run(tmp_path, path=f"/model/{model}")
    (answer,) = log.readiness
    (first, *_) = [need for need in answer.needs if need.found == "missing"]
    assert (answer.verdict, first.id, code) == ("not ready", "calls", 1)
    assert "in a plain request neither, so that it may be this model and not the server" in first.meets
    assert first.meets in said
    assert answer.calls is not None
    assert answer.calls[0] == 0
    assert [row.case for row in log.cases if row.verdict in ("ignored", "broken", "refused")] == []

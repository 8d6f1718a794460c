"""The published page: what is committed is what the committed runs give, and it claims nothing that was not asked."""

import subprocess
from pathlib import Path

import pytest

from conformance.report.content import content_of
from conformance.report.write import render
from conformance.runs.log import RunLog, read_log

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "reports"


@pytest.fixture(scope="module")
def runs() -> list[RunLog]:
    """The committed runs, in the order of their names."""
    listed = subprocess.run(
        ["git", "ls-files", "reports/runs/*/run.jsonl"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [read_log((ROOT / line).parent) for line in sorted(listed.stdout.splitlines())]


def test_the_committed_page_is_what_the_committed_runs_give(runs: list[RunLog], tmp_path: Path) -> None:
    page = render(runs, tmp_path, detection=REPORTS / "detection.json")
    assert content_of(page.read_text()) == content_of((REPORTS / "index.html").read_text())


def test_reference_gateways_and_simulated_servers_are_there(runs: list[RunLog]) -> None:
    assert {run.run.target.name for run in runs} >= {"reference", "litellm", "claude-code-router", "ollama"}
    assert all(run.complete for run in runs)


def test_a_simulated_server_says_so_wherever_it_is_named(runs: list[RunLog]) -> None:
    assert {run.run.target.name for run in runs if run.run.target.simulated} == {"ollama"}
    assert all("simulated" in run.folder.name for run in runs if run.run.target.simulated)
    for run in runs:
        if run.run.target.simulated:
            for name in ("summary.md", "junit.xml", "badge.json", "matrix.json"):
                assert "simulated" in (run.folder / name).read_text(), name


def test_each_run_found_what_was_expected_of_it(runs: list[RunLog]) -> None:
    assert {run.end.exit for run in runs if run.end is not None} == {0}

"""What is published: runs and figures are committed, the page is rendered from them and claims nothing more."""

import re
import subprocess
import zlib
from pathlib import Path

import pytest
from third_party import VERSIONS

from conformance.cli import published
from conformance.report.matrix import matrix_of
from conformance.report.page_data import page_data
from conformance.runs.evidence_store import PACKED as EVIDENCE
from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import PACKED, RunLog, read_log

ROOT = Path(__file__).parents[2]
REPORTS = ROOT / "reports"
MEGABYTE = 1_000_000


def committed(where: str) -> list[Path]:
    """The files that git knows."""
    listed = subprocess.run(["git", "ls-files", where], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / line for line in listed.stdout.splitlines()]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page and the summaries of the committed runs, as `nox -s report` writes them."""
    reports = tmp_path_factory.mktemp("reports")
    (reports / "runs").symlink_to(REPORTS / "runs")
    (reports / "detection.json").symlink_to(REPORTS / "detection.json")
    assert published.main(["--reports", str(reports), "page"]) == 0
    return reports


@pytest.fixture(scope="module")
def runs() -> list[RunLog]:
    """The committed runs, in the order of their names."""
    return [read_log(path.parent) for path in sorted(committed(f"reports/runs/*/{PACKED}"))]


def test_the_page_shows_the_committed_runs(runs: list[RunLog], rendered: Path) -> None:
    page = (rendered / "index.html").read_text()
    for column in page_data(matrix_of(runs))["columns"]:
        assert f'"{column["id"]}"' in page
        assert f'"verdicts":"{column["verdicts"]}"' in page


def test_the_committed_figures_are_those_of_the_committed_runs(rendered: Path) -> None:
    for name in ("summary.md", "badge.json"):
        assert (REPORTS / name).read_text() == (rendered / name).read_text(), "run `nox -s report`"


def test_real_servers_are_there_and_nothing_simulated(runs: list[RunLog]) -> None:
    names = {run.run.target.name for run in runs}
    assert names >= {"ollama", "llama.cpp", "vllm", *VERSIONS}
    assert len([run for run in runs if run.run.target.name == "ollama"]) == 5
    assert not [run.folder.name for run in runs if run.run.target.simulated and run.run.target.name != "reference"]


def test_every_run_says_what_stood_behind_its_server(runs: list[RunLog]) -> None:
    assert {run.run.target.behind for run in runs} == {"scripted model", "probe model", "canned answers"}
    assert [run.run.target.name for run in runs if run.run.target.behind == "canned answers"] == ["aimock"]


@pytest.mark.parametrize("name", ["reference", "ollama-0.24.0", "ollama-0.30.0", "ollama-0.33.0-rc2"])
def test_each_of_these_did_what_is_expected_of_it(runs: list[RunLog], name: str) -> None:
    (run,) = (run for run in runs if run.folder.name == name)
    rows = [(row.case, row.status) for row in run.cases] + [(row.rule, row.status) for row in run.rules]
    assert [row for row in rows if row[1] in ("new", "regression", "improvement")] == []
    assert run.end is not None
    assert run.end.exit == 0


def test_the_evidence_of_every_row_is_there(runs: list[RunLog]) -> None:
    for run in runs:
        store = EvidenceStore(run.folder)
        assert not [name for row in run.cases for name in row.exchanges if name not in store]


def test_what_is_published_stays_small() -> None:
    files = [path for path in committed(".") if path.is_file()]
    evidence = [path for path in files if {REPORTS, ROOT / "tests" / "recorded"} & {*path.parents}]
    assert len(evidence) < 100, "evidence is packed, two files a run"
    assert len(files) < 1000
    assert sum(path.stat().st_size for path in files) < 30 * MEGABYTE
    assert sum(path.stat().st_size for path in files if REPORTS in path.parents) < 15 * MEGABYTE
    page = REPORTS / "index.html"
    assert page not in files, "the page is rendered by `nox -s report` and by the workflow that publishes it"
    beside = [path for path in files if path.parent in (REPORTS, REPORTS / "snapshots")]
    added = sum(len(zlib.compress(path.read_bytes())) for path in beside)
    assert added < MEGABYTE, "a publish adds figures and changed runs only, as the history packs them"
    for folder in (path.parent for path in committed(f"reports/runs/*/{PACKED}")):
        assert {path.name for path in folder.iterdir()} >= {PACKED, EVIDENCE}
        assert sum((folder / name).stat().st_size for name in (PACKED, EVIDENCE)) < 1.5 * MEGABYTE


def _findings() -> list[tuple[str, str]]:
    """What the README leads with: the run, and the rule or case that shows it."""
    return re.findall(r"\| `([\w.-]+)` in \[[^]]+\]\(reports/runs/([^)]+)\) \|", (ROOT / "README.md").read_text())


def test_the_readme_leads_with_what_was_found() -> None:
    assert len(_findings()) >= 9


@pytest.mark.parametrize(("shown_by", "run"), _findings())
def test_what_the_readme_says_was_found_stands_in_the_run(shown_by: str, run: str) -> None:
    log = read_log(ROOT / "reports" / "runs" / run)
    found = {row.verdict for row in log.cases if row.case == shown_by}
    found |= {row.verdict for row in log.rules if row.rule == shown_by}
    assert found & {"broken", "ignored"}

"""The check of what moved since a release, tried with a made-up one: its runs, its tag, its changelog."""

import shutil
import subprocess
from contextlib import chdir
from pathlib import Path

import pytest
from command_line import Serve, called
from msgspec.json import encode
from msgspec.structs import replace

from conformance.cli import published, release
from conformance.runs.log import PACKED, pack_log, read_log

ROW = "request.tool_choice.tool"
CHANGELOG = (
    "# Changelog\n\n## Unreleased\n\n{}\n\n## 0.1.0 - 2026-11-01\n\n- The first, with request.tool_choice.tool.\n"
)


@pytest.fixture(scope="module")
def released(served: Serve, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one release, whose rules let an endpoint pass that ignores a forced tool."""
    folder = tmp_path_factory.mktemp("released")
    url = served() + "/fault/TO14"
    few = ("--select", "messages.text, tools.choice.tool", "--no-witness")
    called(("run", "--target", "reference", "--base-url", url, "--model", "scripted", *few, "--out", "run"), folder)
    with chdir(folder):
        assert published.main(["add", "run"]) == 0
    _as_supported(next((folder / "reports" / "runs").iterdir()))
    targets = folder / "conformance" / "targets"
    targets.mkdir(parents=True)
    (targets / "reference.yaml").write_text("name: reference\n")
    (folder / "CHANGELOG.md").write_text(CHANGELOG.format(""))
    for words in (("init", "-q"), ("add", "reports", "conformance"), ("commit", "-qm", "release"), ("tag", "v0.1.0")):
        name = ("-c", "user.name=A", "-c", "user.email=a@b.invalid", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *name, *words], cwd=folder, check=True)
    return folder


@pytest.fixture
def repository(released: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that repository, in which the test works."""
    copy = shutil.copytree(released, tmp_path / "repository")
    monkeypatch.chdir(copy)
    return copy


def _as_supported(folder: Path) -> None:
    """Writes into a published log what rules would say that do not look at the choice."""
    log = read_log(folder)
    plain = [
        replace(row, verdict="supported", status="as-expected") if row.surface == ROW else row for row in log.cases
    ]
    (folder / PACKED).unlink()
    lines = [log.run, log.catalog, *plain, *log.rules, *([log.end] if log.end else [])]
    (folder / "run.jsonl").write_bytes(b"".join(encode(line) + b"\n" for line in lines))
    pack_log(folder)


def test_a_cell_that_moved_needs_its_line(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(["--version", "0.2.0"]) == 1
    told = capsys.readouterr().out
    assert f"no line in CHANGELOG.md names it: reference: {ROW} supported -> ignored, unexpected now" in told
    (repository / "CHANGELOG.md").write_text(CHANGELOG.format(f"- `{ROW}` looks at the choice again."))
    assert release.main(["--version", "0.2.0"]) == 0
    assert "1 cells of the recorded runs moved since v0.1.0; 0 problems" in capsys.readouterr().out


def test_a_patch_release_makes_no_verdict_worse(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "CHANGELOG.md").write_text(CHANGELOG.format(f"- `{ROW}` looks at the choice again."))
    assert release.main(["--version", "0.1.1"]) == 1
    assert f"a patch release makes no verdict worse: reference: {ROW}" in capsys.readouterr().out


def test_the_releases_own_expectations_count(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The target file of today, which excuses the row, does not."""
    file = repository / "conformance" / "targets" / "reference.yaml"
    file.write_text("name: reference\nknown: [{surface: request.tool_choice.tool, verdict: [ignored], why: Seen.}]\n")
    (repository / "CHANGELOG.md").write_text(CHANGELOG.format(""))
    assert release.main(["--version", "0.2.0"]) == 1
    assert "unexpected now" in capsys.readouterr().out


def test_before_the_first_release_nothing_has_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    assert release.main([]) == 0
    assert "there is no release yet" in capsys.readouterr().out


def test_a_changelog_without_the_release_is_told(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "CHANGELOG.md").write_text("# Changelog\n")
    assert release.main([]) == 4
    assert "write `## 0.1.0 - DATE`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("version", "patch"), [("0.1.1", True), ("0.2.0", False), ("1.0.0", False), ("0.1.0", False), ("0+checkout", False)]
)
def test_a_patch_differs_in_the_third_number_only(version: str, patch: bool) -> None:
    assert release.is_patch("v0.1.0", version) is patch


@pytest.mark.parametrize(
    ("quoted", "renamed"),
    [
        (b"at /home/me/suite/x.js:1", b"at /srv/suitexxxx/x.js:1"),
        ("at /home/m… (700 characters)".encode(), "at /srv/su… (700 characters)".encode()),
        ("at /ho… (700 characters)".encode(), "at /ho… (700 characters)".encode()),
        (b"at /home/you/x.js", b"at /home/you/x.js"),
    ],
)
def test_the_folder_of_a_machine_is_renamed_where_it_is_quoted(quoted: bytes, renamed: bytes) -> None:
    assert published.renamed(quoted, b"/home/me/suite", b"/srv/suitexxxx") == renamed

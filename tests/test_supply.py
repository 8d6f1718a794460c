"""What the project is built and checked with is pinned, and what a new release of the official SDK names is listed."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from command_line import Command
from packaging.requirements import Requirement
from packaging.version import Version
from third_party import VERSIONS

from conformance.cli.commands import surface
from conformance.targets import gateways

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / ".ci" / "locks"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = [line for extra in PYPROJECT["project"]["optional-dependencies"].values() for line in extra]
GROUPS = PYPROJECT["dependency-groups"]
SERVERS = ("litellm", "gateways")
"""Groups of what is asked, with locks of their own."""
OWN = [line for name, group in GROUPS.items() if name not in SERVERS for line in group]
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+)", re.MULTILINE)


def test_an_older_python_is_named_in_a_sentence() -> None:
    for file in ("noxfile.py", "conformance/__init__.py"):
        code = "import nox, runpy, sys; sys.version_info = (3, 10, 4); sys.version = '3.10.4 (main)'; "
        done = subprocess.run(
            [sys.executable, "-c", f"{code}runpy.run_path({file!r})"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("messages-conformance needs Python 3.11 or later; ")
        assert done.stderr.rstrip().endswith("3.10.4")


def test_what_the_index_shows_is_there() -> None:
    project = PYPROJECT["project"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"version: {project['version']}\n" in citation
    assert project["urls"]["Repository"] in citation
    versions = {line.split(" :: ")[-1] for line in project["classifiers"] if "Python :: 3." in line}
    assert versions == {"3.11", "3.12", "3.13", "3.14"}


def locked(name: str) -> dict[str, list[Version]]:
    """The versions of each package of a lock; one may be there twice, for different Pythons."""
    versions: dict[str, list[Version]] = {}
    for package, version in PINNED.findall((LOCKS / name).read_text()):
        versions.setdefault(package.lower().replace("_", "-"), []).append(Version(version))
    return versions


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("run.txt", [*PYPROJECT["project"]["dependencies"], *EXTRAS, *GROUPS["build"]]),
        (
            "all.txt",
            [
                *PYPROJECT["project"]["dependencies"],
                *EXTRAS,
                *OWN,
            ],
        ),
        ("litellm.txt", GROUPS["litellm"]),
        ("gateways.txt", GROUPS["gateways"]),
    ],
)
def test_a_lock_holds_what_is_asked_for(lock: str, wanted: list[str]) -> None:
    versions = locked(lock)
    for requirement in map(Requirement, wanted):
        found = versions.get(requirement.name.lower().replace("_", "-"), [])
        assert found, f"{requirement} is not in {lock}: run `nox -s lock`"
        assert all(requirement.specifier.contains(version) for version in found), f"{requirement}: run `nox -s lock`"


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.name)
def test_every_package_of_a_lock_has_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "index-url" not in text
    blocks = text.replace("\\\n", "").strip().splitlines()
    assert blocks
    assert [block[:60] for block in blocks if "--hash=sha256:" not in block] == []


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("npm/*/package-lock.json")), ids=lambda path: path.parent.name)
def test_every_npm_package_has_a_hash_and_no_address(lock: Path) -> None:
    packages = {name: entry for name, entry in json.loads(lock.read_text())["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "integrity" not in entry or "resolved" in entry] == []


def test_every_action_is_pinned_by_commit() -> None:
    files = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), ROOT / "action.yml"]
    uses = [word for file in files for word in re.findall(r"uses: (\S+)", file.read_text()) if word != "./"]
    assert len(uses) > 10
    assert [word for word in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", word)] == []


def node_gateways() -> dict[str, str]:
    """The versions of the gateways that are written for Node."""
    package: dict[str, dict[str, str]] = json.loads((LOCKS / "npm" / "gateways" / "package.json").read_text())
    return package["dependencies"]


def test_the_gateways_that_are_recommended_are_those_that_are_asked() -> None:
    assert GROUPS["litellm"] == [gateways.LITELLM]
    assert gateways.CLAUDE_CODE_ROUTER in {f"{name}@{version}" for name, version in node_gateways().items()}


def test_the_servers_that_are_asked_are_asked_in_the_versions_of_the_locks() -> None:
    python = [line.split("==") for name in SERVERS for line in GROUPS[name]]
    locked = {name.partition("[")[0]: version for name, version in python}
    locked |= {name.rpartition("/")[2]: version for name, version in node_gateways().items()}
    assert locked == VERSIONS


def test_every_dependency_has_its_reason() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text().partition("## Dependencies")[2]
    named = {
        word for line in table.splitlines() if line.startswith("| ") for word in re.split(r"[ ,]+", line.split("|")[1])
    }
    wanted = [
        *PYPROJECT["project"]["dependencies"],
        *EXTRAS,
        *OWN,
    ]
    assert {Requirement(line).name for line in wanted} - named == set()


def test_nothing_that_the_sdk_names_is_left_out(conformance: Command) -> None:
    done = conformance("surface", "--against", "anthropic")
    assert done.returncode == 0, done.stdout
    assert ", 0 unlisted, " in done.stdout


def test_what_has_neither_row_nor_reason_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reasons.yaml").write_text("A reason.: [betas, no-such-thing]\n")
    monkeypatch.setattr(surface, "REASONS", tmp_path / "reasons.yaml")
    assert surface.run(None) == 1  # type: ignore[arg-type]  # it takes no options but the name of the SDK
    told = capsys.readouterr().out
    assert "request field workspace_id: no row and no case names it" in told
    assert "request field betas" not in told
    assert "no-such-thing: reasons.yaml gives a reason, but this SDK does not name it" in told


def test_all_kinds_of_things_are_read() -> None:
    import anthropic

    named = set(surface.named_by(anthropic))
    assert {
        ("request field", "max_tokens"),
        ("block of a request", "tool_result"),
        ("block of an answer", "tool_use"),
        ("tool", "web_search_20250305"),
        ("event", "content_block_delta"),
        ("delta", "input_json_delta"),
        ("beta flag", "context-1m-2025-08-07"),
    } <= named

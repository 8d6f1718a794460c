"""The likeness of Ollama beside the recorded run of the same version: what differs is listed with its reason."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from msgspec import Struct

from conformance.catalog.case import modes_of
from conformance.catalog.load import Catalog, load_catalog
from conformance.detection.sweep import judged, rows_of
from conformance.engine.fixture_server import FixtureServer
from conformance.engine.options import RunOptions
from conformance.engine.plan import with_dependencies
from conformance.engine.question import Question
from conformance.engine.rejudge import rejudge
from conformance.engine.scripted_process import ScriptedProcess
from conformance.engine.target_selection import who_is_asked
from conformance.probe.asking import Fixtures
from conformance.runs.log import CaseRow, RuleRow, RunLog, read_log
from conformance.targets.address import url_below
from conformance.words import OBSERVED

RUNS = Path(__file__).parents[2] / "reports" / "runs"
LISTED = Path(__file__).parent / "likeness" / "differing.yaml"
RECORDED = {
    "0.14.0": "ollama-0.14.0",
    "0.18.0": "ollama-0.18.0",
    "0.24.0": "ollama-0.24.0",
    "0.30.0": "ollama-0.30.0",
    "0.33.0": "ollama-0.33.0-rc2",
}
"""Version of the likeness to the run of the real one."""
FEWER_THAN = 10
"""Rows that may differ in one version."""
NOT_ASKED = ("not-applicable", "not-run")
COMPARED = 900
"""Questions and rules that both answered, at least."""


class Differing(Struct, frozen=True):
    """Rows that differ, for one reason."""

    why: str
    rows: list[str]
    versions: list[str] = []


Row = CaseRow | RuleRow
Rows = Mapping[tuple[str, str], Row]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedProcess]:
    with ScriptedProcess("anthropic") as process:
        yield process


@pytest.fixture(scope="module", params=RECORDED)
def version(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def real(version: str, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """What today's rules and cases say of the recorded run."""
    out = tmp_path_factory.mktemp("again")
    rejudge(read_log(RUNS / RECORDED[version]), catalog, out)
    return _by_place(read_log(out))


@pytest.fixture(scope="module")
def likeness(version: str, real: Rows, catalog: Catalog, server: ScriptedProcess) -> Rows:
    """What is found of the likeness, which is asked what the recorded run answers."""
    with ExitStack() as stack:
        like = url_below(server.url, f"/like/{quote(f'ollama@{version}', safe='')}")
        target = who_is_asked(RunOptions(target="ollama", base_url=like), stack, lambda _: None)
    asked = [
        Question(case, mode)
        for case in catalog.cases.values()
        for mode in modes_of(case)
        if (case.id, mode) in real and real[case.id, mode].verdict not in NOT_ASKED and case.size != "large"
    ]
    with FixtureServer(catalog.fixtures) as served:
        _, records = asyncio.run(rows_of(catalog, target, asked, Fixtures(catalog.fixtures, served.url), 60.0))
    found = judged(catalog, list(with_dependencies(catalog, asked)), records)
    return {_place(row): row for row in found.final}


def _by_place(log: RunLog) -> Rows:
    return {_place(row): row for row in (*log.cases, *log.rules)}


def _place(row: Row) -> tuple[str, str]:
    return (row.case, row.mode) if isinstance(row, CaseRow) else (row.rule, "")


def _listed(version: str) -> set[str]:
    entries = msgspec.yaml.decode(LISTED.read_bytes(), type=list[Differing])
    return {row for entry in entries if not entry.versions or version in entry.versions for row in entry.rows}


def test_what_differs_is_listed_and_little(version: str, real: Rows, likeness: Rows) -> None:
    both = [
        place
        for place in real.keys() & likeness.keys()
        if real[place].verdict in OBSERVED and likeness[place].verdict in OBSERVED
    ]
    assert len(both) >= COMPARED
    differing = {real[place].surface: place for place in both if real[place].verdict != likeness[place].verdict}
    assert {row: place for row, place in differing.items() if row not in _listed(version)} == {}
    assert _listed(version) - differing.keys() == set()
    assert len(differing) < FEWER_THAN

"""The likeness of Ollama beside the recorded run of the same version: what differs is listed with its reason."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest

from conformance.catalog.case import modes_of
from conformance.catalog.load import Catalog, load_catalog
from conformance.detection.sweep import judged, rows_of
from conformance.engine.fixture_server import FixtureServer
from conformance.engine.plan import with_dependencies
from conformance.engine.question import Question
from conformance.engine.scripted_process import ScriptedProcess
from conformance.engine.target_selection import who_is_asked
from conformance.probe.asking import ServedFixtures
from conformance.runs.log import CaseRow, RuleRow, RunLog, read_log
from conformance.runs.options import RunOptions
from conformance.scripted.likeness.ollama_versions import Version, last_change
from conformance.targets.address import url_below
from conformance.words import OBSERVED

RUNS = Path(__file__).parents[2] / "reports" / "runs"
RECORDED = {
    "0.14.0": "ollama-0.14.0",
    "0.18.0": "ollama-0.18.0",
    "0.24.0": "ollama-0.24.0",
    "0.30.0": "ollama-0.30.0",
    "0.33.0": "ollama-0.33.0-rc2",
}
"""Version of the likeness to the run of the real one."""
DIFFERING = {
    "validation.context_window": "the recorded model was remote, and asked the whole prompt; a local one is not",
}
"""Row in which every version differs, and why."""
EMPTY = {"response.content": "shown by an empty answer of the upstream; behind the likeness there is none"}
"""Not before v0.23.4: there a thought stands in each answer of a model that can think."""
DIFFERING_IN: Mapping[str, Mapping[str, str]] = {"0.24.0": EMPTY, "0.30.0": EMPTY, "0.33.0": EMPTY}
"""Row in which one version differs as well, and why."""
FEWER_THAN = 10
"""Rows that may differ in one version."""
NOT_ASKED = ("not-applicable", "not-run")
COMPARED = 900
"""Questions and rules that both answered, at least."""


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
def real(version: str) -> Rows:
    """What is said of the recorded run; `nox -s recorded` holds its log to today's rules and cases."""
    return _by_place(read_log(RUNS / RECORDED[version]))


@pytest.fixture(scope="module")
def asked_once(catalog: Catalog, server: ScriptedProcess) -> Callable[[Version], Rows]:
    """What is found of a likeness, which is asked what any recorded run answers; versions that are alike share it."""
    answered = {place for run in RECORDED.values() for place in _answered(run)}
    asked = [
        Question(case, mode)
        for case in catalog.cases.values()
        for mode in modes_of(case)
        if (case.id, mode) in answered and case.size != "large"
    ]

    @cache
    def found(version: Version) -> Rows:
        name = f"ollama@{'.'.join(map(str, version))}"
        like = url_below(server.url, f"/like/{quote(name, safe='')}")
        with ExitStack() as stack:
            target = who_is_asked(RunOptions(target="ollama", base_url=like), stack, lambda _: None)
        with FixtureServer(catalog.fixtures) as served:
            _, records = asyncio.run(
                rows_of(catalog, target, asked, ServedFixtures(catalog.fixtures, served.url), 60.0)
            )
        return {_place(row): row for row in judged(catalog, list(with_dependencies(catalog, asked)), records).final}

    return found


@pytest.fixture(scope="module")
def likeness(version: str, asked_once: Callable[[Version], Rows]) -> Rows:
    major, minor, patch = map(int, version.split("."))
    return asked_once(last_change((major, minor, patch)))


def _answered(run: str) -> set[tuple[str, str]]:
    return {place for place, row in _by_place(read_log(RUNS / run)).items() if row.verdict not in NOT_ASKED}


def _by_place(log: RunLog) -> Rows:
    rows: list[Row] = [*log.cases, *log.rules]
    return {_place(row): row for row in rows}


def _place(row: Row) -> tuple[str, str]:
    return (row.case, row.mode) if isinstance(row, CaseRow) else (row.rule, "")


def _is_an_upstreams_doing(row: Row) -> bool:
    """Whether a rule was broken by odd answers and failures of the upstream alone: the likeness has no upstream."""
    broken = isinstance(row, RuleRow) and row.verdict != "supported" and bool(row.findings)
    return broken and all(finding.exchange.startswith("upstream.") for finding in row.findings)


def _listed(version: str) -> set[str]:
    return {*DIFFERING, *DIFFERING_IN.get(version, {})}


def test_what_differs_is_listed_and_little(version: str, real: Rows, likeness: Rows) -> None:
    both = [
        place
        for place in real.keys() & likeness.keys()
        if real[place].verdict in OBSERVED
        and likeness[place].verdict in OBSERVED
        and not _is_an_upstreams_doing(real[place])
    ]
    assert len(both) >= COMPARED
    differing = {real[place].surface: place for place in both if real[place].verdict != likeness[place].verdict}
    unlisted = {row: place for row, place in differing.items() if row not in _listed(version)}
    assert (unlisted, _listed(version) - differing.keys()) == ({}, set())
    assert len(differing) < FEWER_THAN

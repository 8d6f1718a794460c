"""Recorded runs of real servers, judged again: what a person found wrong stays red, what is right does not turn red.

The runs are those under `reports/runs`; CONFORMANCE_RECORDED_RUNS names another folder that holds them.
"""

import os
from collections import defaultdict
from pathlib import Path

import pytest
from judged_by_hand import JudgedRun, judged_again, judged_runs, rows_of

from conformance.catalog.load import load_catalog
from conformance.report.closing import Closing, closing_of
from conformance.report.matrix import matrix_of
from conformance.runs.log import RunLog, read_log

RUNS = Path(os.environ.get("CONFORMANCE_RECORDED_RUNS", Path(__file__).parents[2] / "reports" / "runs"))


def test_thirteen_runs_of_real_servers_were_judged() -> None:
    runs = judged_runs()
    assert len(runs) >= 13
    assert len({run.run for run in runs}) == len(runs)
    assert sum(len(rows_of(run.red)) for run in runs) >= 430


@pytest.mark.skipif("CONFORMANCE_RECORDED_RUNS" in os.environ, reason="another folder may hold some of them only")
def test_every_run_that_was_judged_is_there() -> None:
    assert [judged.run for judged in judged_runs() if not (RUNS / judged.run).is_dir()] == []


@pytest.mark.parametrize("judged", judged_runs(), ids=lambda judged: judged.run)
def test_each_row_is_judged_once_and_is_one_of_the_matrix(judged: JudgedRun) -> None:
    known = {name for row in load_catalog().rows.values() for name in (row.id, *row.renamed_from)}
    rows = rows_of([*judged.red, *judged.not_red, *judged.not_judged])
    assert len(set(rows)) == len(rows)
    assert {*rows, *rows_of(judged.not_supported)} <= known


RED = ("broken", "ignored", "refused")
STILL_JUDGED = 0.8
"""The share of the rows judged by hand that today's questions and rules still find."""

Verdicts = dict[str, dict[str, str]]
"""For each row of the matrix, what each of its questions and rules says."""
Logs = tuple[Verdicts, Verdicts, Closing, int | None]
"""What was said when the run was recorded, what today's rules and cases say, and how a run ends that says it."""


def verdicts(log: RunLog) -> Verdicts:
    found: Verdicts = defaultdict(dict)
    for case in log.cases:
        only_accepted = case.accepted and case.verdict == "supported"
        found[case.surface][f"{case.case}[{case.mode}]"] = "accepted" if only_accepted else case.verdict
    for rule in log.rules:
        found[rule.surface][rule.rule] = rule.verdict
    return found


def red(verdicts_of_row: dict[str, str]) -> list[str]:
    return [name for name, verdict in verdicts_of_row.items() if verdict in RED]


@pytest.fixture(
    scope="module",
    params=[judged for judged in judged_runs() if (RUNS / judged.run).is_dir()],
    ids=lambda judged: judged.run,
)
def judged(request: pytest.FixtureRequest) -> JudgedRun:
    run: JudgedRun = request.param
    return run


@pytest.fixture(scope="module")
def logs(judged: JudgedRun) -> Logs:
    recorded, again = read_log(RUNS / judged.run), judged_again(RUNS / judged.run)
    (column,) = matrix_of([again]).columns
    return verdicts(recorded), verdicts(again), closing_of(column), again.end.exit if again.end else None


def test_what_is_wrong_stays_red(judged: JudgedRun, logs: Logs) -> None:
    _, again, *_ = logs
    found = [row for row in rows_of(judged.red) if red(again[row]) or "blocked" in again[row].values()]
    missed = set(rows_of(judged.red)) - set(found)
    assert missed == set(rows_of(judged.lost)), {row: again[row] for row in missed}


def test_what_is_right_is_not_red(judged: JudgedRun, logs: Logs) -> None:
    _, again, *_ = logs
    accused = {row: red(again[row]) for row in rows_of(judged.not_red) if red(again[row])}
    assert not accused


def test_what_the_answers_do_not_show_is_not_supported(judged: JudgedRun, logs: Logs) -> None:
    _, again, *_ = logs
    assert not [row for row in rows_of(judged.not_supported) if "supported" in again[row].values()]


def test_most_of_it_can_still_be_judged(judged: JudgedRun) -> None:
    rows, lost = rows_of(judged.red), rows_of(judged.lost)
    assert len(rows) - len(lost) >= STILL_JUDGED * len(rows), f"no longer found: {', '.join(lost)}"


def test_an_ollama_that_does_what_it_says_is_as_expected(judged: JudgedRun, logs: Logs) -> None:
    *_, told, code = logs
    if judged.run.startswith("ollama-"):
        assert code == 0, told.causes
        assert told.change.startswith("As expected: 0 worse, 0 better, ")
        assert bool(told.causes) == bool(told.heading), "no cause is red"

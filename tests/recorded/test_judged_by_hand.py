"""The list itself: it loads, and it says of each row one thing."""

import pytest
from judged_by_hand import JudgedRun, judged_runs, rows_of

from conformance.catalog.load import load_catalog


def test_thirteen_runs_of_real_servers_were_judged() -> None:
    runs = judged_runs()
    assert len(runs) >= 13
    assert len({run.run for run in runs}) == len(runs)
    assert sum(len(rows_of(run.red)) for run in runs) >= 430


@pytest.mark.parametrize("judged", judged_runs(), ids=lambda judged: judged.run)
def test_each_row_is_judged_once_and_is_one_of_the_matrix(judged: JudgedRun) -> None:
    known = {name for row in load_catalog().rows.values() for name in (row.id, *row.renamed_from)}
    rows = rows_of([*judged.red, *judged.not_red, *judged.not_judged])
    assert len(set(rows)) == len(rows)
    assert {*rows, *rows_of(judged.not_supported)} <= known

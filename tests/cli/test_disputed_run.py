"""Runs of the real catalog in which the makers of a server challenge what it found."""

from pathlib import Path
from typing import Any

import pytest
from command_line import Command, Serve

from conformance.report.closing import closing_of
from conformance.report.junit import junit_xml
from conformance.report.matrix import Column, Matrix, matrix_of
from conformance.report.page_data import page_data
from conformance.report.query import parse, select
from conformance.report.summary import summary_md
from conformance.runs.log import RunLog, read_log

TARGET = """\
name: mine
extends: reference
disputed:
  - rule: stream.start-stop
    verdict: [broken, partial]
    evidence: 3f2a-17
    says: Our clients take no key for null.
    answer: The API sends both keys, as null.
"""
BOTH = "The makers: Our clients take no key for null. (exchange 3f2a-17). The suite: The API sends both keys, as null."
ROW = "stream.message_start.stop_null"


@pytest.fixture
def log(conformance: Command, served: Serve, tmp_path: Path) -> RunLog:
    """A run against an endpoint whose first event lacks two keys, with a target file that disputes it."""
    (tmp_path / "mine.yaml").write_text(TARGET)
    url = served() + "/fault/SR12"
    words = ("--target", "./mine.yaml", "--base-url", url, "--model", "scripted", "--no-witness", "--out", "out")
    done = conformance("run", *words, "--select", "messages.* or streaming.* or stop.*")
    assert done.returncode == 0, done.stderr
    return read_log(tmp_path / "out")


def test_a_disputed_cell_says_so_with_both_texts_and_counts_nowhere(
    log: RunLog, conformance: Command, tmp_path: Path
) -> None:
    row = next(row for row in log.rules if row.rule == "stream.start-stop")
    assert (row.status, row.expected_by) == ("disputed", BOTH)
    matrix = matrix_of([log])
    column = matrix.columns[0]
    counts_nowhere(column)
    says_both(matrix)
    assert [row.id for row in select(parse("status:disputed"), matrix)[0]] == [ROW]

    again = conformance("rejudge", "out", "-o", "again")
    assert again.returncode == 0, again.stderr
    again_rows = {one.rule: one.status for one in read_log(tmp_path / "again").rules}
    assert again_rows == {one.rule: one.status for one in log.rules}


def counts_nowhere(column: Column) -> None:
    """The exit code, the level, the counts, the causes and the breaches know nothing of it."""
    assert column.log.end is not None
    assert column.log.end.exit == 0
    assert column.conformance != "not conformant"
    assert (column.breaches, column.level.broken) == ((), ())
    assert ROW not in (*column.level.unproven, *column.level.unasked)
    assert "broken" not in column.counts
    cell = column.cells[ROW]
    assert (cell.verdict, cell.status) == (None, "disputed")
    told = closing_of(column)
    assert told.causes == []
    assert told.change.startswith("As expected: 0 worse, 0 better, 0 known and 0 documented gaps, 1 disputed")


def says_both(matrix: Matrix) -> None:
    """Every reader of the log shows the word and both texts."""
    data: dict[str, Any] = page_data(matrix)
    position = [row["id"] for row in data["rows"]].index(ROW)
    column = data["columns"][0]
    assert data["statuses"][int(column["statuses"][position])]["id"] == "disputed"
    assert column["verdicts"][position] == "-"
    assert column["reasons"][position] == BOTH
    summary = summary_md(matrix)
    assert "### Disputed" in summary
    assert "Our clients take no key" in summary
    assert "The API sends both keys" in summary
    assert BOTH in junit_xml(matrix).decode()


def test_a_disputed_question_leaves_its_row_to_the_others(conformance: Command, served: Serve, tmp_path: Path) -> None:
    entry = "{case: tools.loop.is-error-array, verdict: [ignored, broken], evidence: a1, says: A., answer: B.}"
    (tmp_path / "mine.yaml").write_text(f"name: mine\nextends: reference\ndisputed: [{entry}]\n")
    url = served() + "/fault/X-result-error-array"
    few = ("--select", "tools.loop.*", "--no-witness", "--base-url", url, "--model", "scripted")
    done = conformance("run", "--target", "./mine.yaml", *few, "--out", "out")
    assert done.returncode == 0, done.stderr
    assert conformance("run", "--target", "reference", *few, "--out", "undisputed").returncode == 1
    log = read_log(tmp_path / "out")
    assert {row.status for row in log.cases if row.case == "tools.loop.is-error-array"} == {"disputed"}
    cell = matrix_of([log]).columns[0].cells["content.tool_result.is_error"]
    assert (cell.verdict, cell.status, cell.disputed) == (
        "supported",
        "disputed",
        "The makers: A. (exchange a1). The suite: B.",
    )
    assert log.run.expectations_sha256 != read_log(tmp_path / "undisputed").run.expectations_sha256

    good = conformance("run", "--select", "tools.loop.*", "--no-witness", "--out", "good")
    assert good.returncode == 0
    assert conformance("diff", "good", "undisputed").returncode == 1
    compared = conformance("diff", "good", "out")
    assert compared.returncode == 0
    assert "disputed          tools.loop.is-error-array (json): supported -> " in compared.stdout

"""The query language; `queries.yaml` is asked of the page too, in tests/browser/test_queries.py."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import synthetic_runs

from conformance.report.matrix import Matrix, matrix_of
from conformance.report.query import QueryError, hints, parse, select
from conformance.runs.log import read_log

QUERIES: list[dict[str, Any]] = msgspec.yaml.decode((Path(__file__).parent / "queries.yaml").read_bytes())


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    folders = synthetic_runs.a_few_runs(tmp_path_factory.mktemp("few"), with_evidence=False)
    return matrix_of([read_log(folder) for folder in folders])


@pytest.mark.parametrize("asked", [one for one in QUERIES if "mistake" not in one], ids=lambda one: one["query"])
def test_a_query_finds_its_rows(matrix: Matrix, asked: dict[str, Any]) -> None:
    rows, columns = select(parse(asked["query"]), matrix)
    found = {row.id for row in rows}
    assert len(found) == asked.get("count", len(found))
    assert set(asked.get("rows", ())) <= found
    assert not found & set(asked.get("none", ()))
    assert len(columns) == asked.get("columns", len(columns))
    assert found or asked.get("count") == 0, "a query of the table that finds nothing says so"


@pytest.mark.parametrize("asked", [one for one in QUERIES if "mistake" in one], ids=lambda one: one["query"])
def test_a_mistake_names_what_there_is(matrix: Matrix, asked: dict[str, Any]) -> None:
    with pytest.raises(QueryError, match=asked["mistake"]):
        select(parse(asked["query"]), matrix)


def test_a_mistake_names_the_nearest() -> None:
    with pytest.raises(QueryError, match=r"did you mean broken\?"):
        parse("verdict:brokn")


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("ollama", ["target:ollama"]),
        ("ignored", ["verdict:ignored"]),
        ("tools ollama", ["area:tools", "target:ollama"]),
    ],
)
def test_words_that_find_nothing_are_told_their_filter(matrix: Matrix, query: str, meant: list[str]) -> None:
    assert hints(parse(query), matrix) == meant

"""The page understands queries as `conformance report --query` does: the table of tests/report is asked of both."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page

TABLE = Path(__file__).parent.parent / "report" / "queries.yaml"
EXPRESSIONS: list[dict[str, Any]] = msgspec.yaml.decode(
    (Path(__file__).parent.parent / "expressions.yaml").read_bytes()
)
SPELLED = """(text) => {
  const values = (term) => term.values.map((value) => (term.quoted ? `"${value}"` : value)).join(",");
  const spelled = (read) =>
    read.not ? `not ${spelled(read.not)}`
    : read.all ? `(${read.all.map(spelled).join(" and ")})`
    : read.any ? `(${read.any.map(spelled).join(" or ")})`
    : `${read.key ? `${read.key}:` : ""}${values(read)}`;
  try { return spelled(parseExpression(text)); } catch (problem) { return problem.message; }
}"""
"""What the page reads in a text, spelled out as Python spells it."""
QUERIES: list[dict[str, Any]] = msgspec.yaml.decode(TABLE.read_bytes())


def test_the_page_reads_a_text_as_python_does(page: Page, few: str) -> None:
    page.goto(few)
    for entry in EXPRESSIONS:
        read = page.evaluate(SPELLED, entry["text"])
        assert read == entry["says"] if "says" in entry else entry["mistake"] in read, entry


def test_the_page_finds_what_python_finds(page: Page, few: str) -> None:
    page.goto(few)
    for asked in QUERIES:
        if "mistake" in asked:
            continue
        found = page.evaluate(
            "(query) => { const { rows, columns } = select(parseQuery(query), COLUMNS);"
            " return { rows: rows.map((row) => row.id), columns: columns.length }; }",
            asked["query"],
        )
        assert len(found["rows"]) == asked.get("count", len(found["rows"])), asked
        assert set(asked.get("rows", ())) <= set(found["rows"]), asked
        assert not set(asked.get("none", ())) & set(found["rows"]), asked
        assert found["columns"] == asked.get("columns", found["columns"]), asked


@pytest.mark.parametrize("asked", [one for one in QUERIES if "mistake" in one], ids=lambda one: one["query"])
def test_the_page_explains_a_mistake(page: Page, few: str, asked: dict[str, Any]) -> None:
    page.goto(few)
    page.locator("#query").fill(asked["query"])
    assert asked["mistake"] in page.locator("#mistake").inner_text()

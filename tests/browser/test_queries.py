"""The page understands queries as `conformance report --query` does: the table of tests/report is asked of both."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page

TABLE = Path(__file__).parent.parent / "report" / "queries.yaml"
QUERIES: list[dict[str, Any]] = msgspec.yaml.decode(TABLE.read_bytes())


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

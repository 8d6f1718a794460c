"""Whatever an endpoint said, the page runs none of it and stays in one piece."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

ODD = re.compile("[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def test_nothing_runs_and_nothing_breaks(page: Page, hostile: str) -> None:
    page.goto(hostile)
    expect(page.locator("#found")).to_have_text("63 rows")
    names = page.evaluate("COLUMNS.map((column) => column.id)")
    for number in range(40):
        page.evaluate("([row, col]) => show({ row: ROWS[row].id, col })", [number, names[0]])
        expect(page.locator("#cell h2")).to_have_text(page.evaluate(f"ROWS[{number}].title"))
        page.locator("#cell .item .body").first.wait_for()
        page.evaluate("document.querySelectorAll('#cell details').forEach((details) => { details.open = true; })")
    assert page.evaluate("Object.keys(window).filter((key) => key.startsWith('hacked'))") == []
    assert page.locator("img, iframe, object, embed, main script, #cell script, #cell svg[onload]").count() == 0
    assert page.evaluate("[...document.links].map((a) => a.protocol).filter((p) => !/^(https?|file):$/.test(p))") == []


def test_what_nobody_sees_is_named(page: Page, hostile: str) -> None:
    page.goto(hostile)
    page.evaluate("show({ row: ROWS[7].id, col: COLUMNS[0].id })")
    expect(page.locator("#cell .odd").first).to_be_visible()
    assert "U+202E" in page.locator("#cell").inner_text()
    assert not ODD.search(page.locator("#cell").inner_text())
    assert not ODD.search(page.locator("main").inner_text())
    assert not ODD.search(page.title())


def test_five_megabytes_are_cut_and_said(page: Page, hostile: str) -> None:
    page.goto(hostile)
    page.evaluate("show({ row: ROWS[0].id, col: COLUMNS[0].id })")
    expect(page.locator("#cell")).to_contain_text("more bytes are in the evidence file")
    assert len(page.locator("#cell").inner_text()) < 100_000


def test_broken_utf8_is_shown_and_said(page: Page, hostile: str) -> None:
    page.goto(hostile)
    page.evaluate("show({ row: ROWS[2].id, col: COLUMNS[0].id })")
    expect(page.locator("#cell")).to_contain_text("Some bytes are not UTF-8")


@pytest.mark.parametrize(
    "address", ["#q=<img src=x onerror=window.hacked=9>", "#row=__proto__&col=constructor", "#%", "#cols=%00"]
)
def test_an_address_from_a_stranger_does_no_harm(page: Page, few: str, address: str) -> None:
    page.goto(few + address)
    expect(page.locator("#grid thead th")).to_have_count(9)
    assert page.evaluate("typeof window.hacked") == "undefined"


def test_the_policy_forbids_what_would_slip_through(page: Page, tmp_path: Path, few: str) -> None:
    """The second line of defence: a script that somebody did get into the page is not run by the browser."""
    source = Path(few.removeprefix("file://")).read_text(encoding="utf-8")
    spoiled = tmp_path / "spoiled.html"
    spoiled.write_text(source.replace("<main>", "<main><script>window.hacked = 1</script>", 1), encoding="utf-8")
    told: list[str] = []
    other = page.context.new_page()
    other.on("console", lambda message: told.append(message.text))
    other.goto(spoiled.as_uri())
    assert other.evaluate("typeof window.hacked") == "undefined"
    assert any("Content Security Policy" in text for text in told)

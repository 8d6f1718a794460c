"""The page in a real browser: what a reader does with it, by mouse, keyboard, address and query."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page, expect

OLLAMA = "ollama@0.33.0~simulated"
WIDTHS = {"desk": (1440, 900), "tablet": (820, 1100), "phone": (390, 844)}


def cell(page: Page, row: str, column: str = OLLAMA) -> None:
    """Opens a cell by its address."""
    page.evaluate("([row, col]) => show({ row, col })", [row, column])
    expect(page.locator("#cell")).to_be_visible()


def rows(page: Page) -> list[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('tr.hit:not([hidden])')].map((line) => ROWS[line.dataset.row].id)"
    )
    return found


def test_the_whole_matrix_stands_there(page: Page, few: str) -> None:
    page.goto(few)
    expect(page.locator("#found")).to_have_text("63 rows")
    assert len(rows(page)) == 63
    assert page.locator("#grid thead th").count() == 9
    assert page.locator("tr.hit td").count() == 63 * 8


def test_who_has_never_seen_it_finds_tool_choice(page: Page, few: str) -> None:
    """Does Ollama 0.33 honour tool_choice, what proves it, and since when?"""
    page.goto(few)
    page.keyboard.press("/")
    page.keyboard.type("tool_choice")
    expect(page.locator("#found")).to_have_text("5 of 63 rows")
    box = page.locator("tr.hit", has_text="forces that tool").locator("td").nth(6)
    expect(box.locator(".word")).to_have_text("ignored")
    box.click()
    panel = page.locator("#cell")
    expect(panel).to_contain_text("The server answered 200 and did nothing with it")
    expect(panel).to_contain_text("The vendor documents this gap.")
    expect(panel).to_contain_text("ignored since 0.18.0, the first version that was asked.")
    expect(panel.locator(".expected").first).to_have_text("echo")
    expect(panel.locator(".observed").first).to_have_text("null")
    expect(panel.locator(".tree .here").first).to_contain_text('"type": "text"')


def test_since_when_it_works(page: Page, few: str) -> None:
    page.goto(few)
    cell(page, "request.thinking.disabled")
    expect(page.locator("#cell")).to_contain_text("supported since 0.23.4; 0.18.0 was ignored.")
    page.get_by_role("button", name="0.18.0: ignored").click()
    expect(page.locator("#cell .head")).to_contain_text("ollama 0.18.0 (simulated)")


def test_an_event_of_a_stream_is_shown_where_the_finding_is(page: Page, few: str) -> None:
    page.goto(few)
    cell(page, "stream.block_index", "ollama@0.30.0~simulated")
    lit = page.locator("#cell .event.here")
    expect(lit).to_have_count(1)
    expect(lit.locator(".no")).to_have_text("5")
    expect(lit).to_contain_text("content_block_delta")
    assert page.locator("#cell .scale .tick.here").count() == 1
    assert page.locator("#cell .event").count() == 9


def test_an_absent_key_is_shown_where_it_should_be(page: Page, few: str) -> None:
    page.goto(few)
    cell(page, "response.stop_sequence.present")
    expect(page.locator("#cell .tree .gone")).to_have_text('"stop_sequence": absent')


def test_the_keyboard_alone_is_enough(page: Page, few: str) -> None:
    page.goto(few)
    page.keyboard.press("/")
    page.keyboard.type("verdict:broken area:streaming")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#cell h2")).to_be_focused()
    expect(page.locator("#cell .head")).to_contain_text("stream.block_index · litellm 1.106.2")
    page.keyboard.press("Escape")
    expect(page.locator("#cell")).to_be_hidden()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#cell .head")).to_contain_text("ollama 0.18.0")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "gridcell"


def test_arrows_move_on_while_a_cell_is_open(page: Page, few: str) -> None:
    page.goto(few)
    page.locator("tr.hit td").first.click()
    page.locator("tr.hit td").first.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#cell .head")).to_contain_text("request.messages.multi_turn")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#cell .head")).to_contain_text("litellm")


def test_the_back_button_goes_back(page: Page, few: str) -> None:
    page.goto(few)
    page.get_by_role("button", name="ignored").first.click()
    filtered = rows(page)
    assert 0 < len(filtered) < 63
    page.locator("tr.hit:visible td.v-ignored").first.click()
    expect(page.locator("#cell")).to_be_visible()
    page.go_back()
    expect(page.locator("#cell")).to_be_hidden()
    assert rows(page) == filtered
    page.go_back()
    expect(page.locator("#query")).to_have_value("")
    assert len(rows(page)) == 63


def test_an_address_shows_the_same_again(page: Page, few: str) -> None:
    page.goto(few)
    page.locator("#query").fill("area:tools verdict:ignored target:ollama")
    page.locator("tr.hit:visible td.v-ignored").first.click()
    shown, title = rows(page), page.locator("#cell h2").inner_text()
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(page.locator("#cell h2")).to_have_text(title)
    assert rows(page) == shown
    assert page.locator("#grid thead th").count() == 7


def test_a_mistake_in_a_query_is_explained(page: Page, few: str) -> None:
    page.goto(few)
    page.locator("#query").fill("verdict:brokn")
    expect(page.locator("#mistake")).to_contain_text("no verdict is called brokn; there are broken, ignored")


def test_columns_are_picked_and_ordered(page: Page, few: str) -> None:
    page.goto(few)
    page.get_by_text("Columns", exact=True).click()
    for name in ("litellm 1.106.2", "ollama 0.18.0 (simulated)"):
        page.locator("#pick").get_by_label(name, exact=True).uncheck()
    page.get_by_role("button", name="Move ollama 0.23.4 (simulated) to the left").click()
    heads = [text.split("\n")[:2] for text in page.locator("#grid thead th button").all_inner_texts()]
    assert heads[:2] == [["ollama", "0.23.4"], ["reference", "0.1.0"]]
    assert len(heads) == 6


def test_an_area_folds_and_stays_folded(page: Page, few: str) -> None:
    page.goto(few)
    page.get_by_role("button", name="Tools 11").click()
    assert len(rows(page)) == 52
    page.reload()
    assert len(rows(page)) == 52
    page.locator("#query").fill("area:tools")
    assert len(rows(page)) == 11


def test_what_changed_between_two_versions(page: Page, few: str) -> None:
    page.goto(few)
    page.locator("#before").select_option(label="ollama 0.33.0 (simulated)")
    page.locator("#after").select_option(label="ollama 0.40.12 (simulated)")
    changes = page.locator("#changes")
    expect(changes).to_contain_text("Worse (1)")
    expect(changes).to_contain_text("Several tools in one turn")
    expect(changes).to_contain_text("Better (1)")
    changes.get_by_role("button", name="Several tools in one turn").click()
    expect(page.locator("#cell .head")).to_contain_text("request.tools.parallel · ollama 0.40.12")


def test_a_simulated_server_never_goes_by_its_name_alone(page: Page, few: str) -> None:
    page.goto(few)
    heads = page.locator("#grid thead th button").all_inner_texts()
    assert sum("ollama" in head for head in heads) == 6
    assert all("simulated" in head for head in heads if "ollama" in head)
    options = page.locator("#before option").all_inner_texts()
    assert all("(simulated)" in option for option in options if "ollama" in option)


def test_a_theme_is_chosen(page: Page, few: str) -> None:
    page.goto(few)
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.locator("#theme").click()
    page.locator("#theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_hangs_out_of_the_window(page: Page, few: str, width: str) -> None:
    page.set_viewport_size({"width": WIDTHS[width][0], "height": WIDTHS[width][1]})
    page.goto(few)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    cell(page, "stream.block_index", "ollama@0.30.0~simulated")
    assert page.evaluate(
        "document.getElementById('cell').scrollWidth <= document.getElementById('cell').clientWidth + 1"
    )


def test_heads_and_features_stay_in_sight(page: Page, few: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(few)
    page.evaluate("document.querySelector('#matrix').scrollIntoView()")
    page.locator("#grid").evaluate("(port) => { port.scrollTop = 600; port.scrollLeft = 300; }")
    port = page.locator("#grid").bounding_box()
    head = page.locator("#grid thead").bounding_box()
    feature = page.locator("tr.hit .feature").nth(25).bounding_box()
    assert port is not None
    assert head is not None
    assert feature is not None
    assert abs(head["y"] - port["y"]) < 3
    assert abs(feature["x"] - port["x"]) < 3


def test_a_disputed_cell_says_so_and_shows_both_texts(page: Page, few: str) -> None:
    page.goto(few)
    page.locator("#query").fill("status:disputed")
    expect(page.locator("#found")).to_have_text("1 of 63 rows")
    box = page.locator("tr.hit td", has_text="disputed").first
    assert "v-ignored" not in (box.get_attribute("class") or "")
    cell(page, "validation.tool_result.orphan")
    panel = page.locator("#cell")
    expect(panel).to_contain_text("The makers of the server challenge it")
    expect(panel).to_contain_text("The makers: The result is kept. (exchange 7). The suite: The API refuses it.")
    expect(panel).not_to_contain_text("Expected, because")


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

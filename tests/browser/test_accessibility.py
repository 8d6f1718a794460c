"""axe-core finds nothing to complain about, in both colours, at both ends of the widths, with a cell open or not."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.mark.parametrize(
    ("which", "width", "scheme"),
    [("few", 1440, "light"), ("few", 390, "dark"), ("one", 1440, "dark"), ("one", 390, "light")],
)
def test_axe_finds_no_violation(
    browser: Browser, axe: str, which: str, width: int, scheme: Any, request: pytest.FixtureRequest
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(request.getfixturevalue(which))
    page.add_script_tag(content=axe)
    closed = _violations(page)
    page.evaluate("show({ row: 'request.tool_choice.tool', col: 'ollama@0.33.0~simulated' })")
    expect(page.locator("#cell .tree").first).to_be_visible()
    opened = _violations(page)
    context.close()
    assert (closed, opened) == ([], [])


def _violations(page: Any) -> list[str]:
    found = page.evaluate(
        "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] })", RULES
    )
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]

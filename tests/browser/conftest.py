"""A real browser in front of pages made from synthetic runs; `nox -s browser` runs these tests, `tests` does not."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import synthetic_hostile
import synthetic_runs
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from conformance.report.write import render
from conformance.runs.log import read_log

CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.fail(
            f"these tests drive Chromium, and there is none at {CHROMIUM}: apt-get install chromium", pytrace=False
        )
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, "--no-first-run"])
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    yield context
    context.close()


class Watched:
    """What a page must never do: ask for anything, complain, or fail."""

    def __init__(self, page: Page) -> None:
        self.troubles: list[str] = []
        page.on("console", lambda message: self._tell(message.type, message.text))
        page.on("pageerror", lambda error: self._tell("error", str(error)))
        page.on("request", lambda request: self._ask(request.url))
        page.on("dialog", lambda dialog: self._tell("error", f"a dialog: {dialog.message}"))

    def _tell(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.troubles.append(f"{kind}: {text}")

    def _ask(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            self.troubles.append(f"a request to {url}")


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that loads nothing, says nothing in the console and raises nothing, or the test fails."""
    page = context.new_page()
    watched = Watched(page)
    yield page
    page.close()
    assert watched.troubles == []


def _page_of(folders: list[Path], out: Path) -> str:
    return render([read_log(folder) for folder in folders], out).as_uri()


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page of eight runs."""
    folder = tmp_path_factory.mktemp("few")
    return _page_of(synthetic_runs.a_few_runs(folder), folder / "page")


@pytest.fixture(scope="session")
def one(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the page of one run."""
    folder = tmp_path_factory.mktemp("one")
    run = synthetic_runs.make_run(folder / "run", name="ollama", version="0.33.0", simulated=True)
    return _page_of([run], folder / "page")


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page of 30 runs of 400 rows."""
    folder = tmp_path_factory.mktemp("many")
    return _page_of(synthetic_runs.many_runs(folder), folder / "page")


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a page of a run whose endpoint wrote dangerous text wherever it could."""
    folder = tmp_path_factory.mktemp("hostile")
    return _page_of(
        [synthetic_hostile.hostile_run(folder / "run"), synthetic_runs.make_run(folder / "good")], folder / "page"
    )


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    places = [Path(os.environ["AXE"])] if "AXE" in os.environ else []
    places += [folder / "node_modules/axe-core/axe.min.js" for folder in (Path.cwd(), *Path.cwd().parents)]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        pytest.fail("axe-core is missing: npm install axe-core, or name axe.min.js in AXE", pytrace=False)
    return found.read_text(encoding="utf-8")

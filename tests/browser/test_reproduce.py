"""The lines that reproduce a cell are copied by one click, and work: they are run against the reference endpoint."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import synthetic_runs
from playwright.sync_api import BrowserContext, Page, expect

from conformance.engine.scripted_process import ScriptedProcess
from conformance.report.write import render
from conformance.runs.log import read_log

KEY = "a-key-for-this-test"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with ScriptedProcess(arguments=["--api-key", KEY]) as process:
        yield process.url


@pytest.fixture(scope="module")
def address(endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("reproduce")
    run = synthetic_runs.make_run(folder / "run", base_url=endpoint)
    return render([read_log(run)], folder).as_uri()


def copied(page: Page, row: str, which: int) -> str:
    page.evaluate("(row) => show({ row, col: COLUMNS[0].id })", row)
    page.locator("#cell .item > summary").nth(which).click()
    item = page.locator("#cell .item").nth(which)
    button = item.locator(".copy").first
    button.click()
    expect(button).to_have_text("Copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def run_line(line: str, key: str = KEY) -> str:
    return subprocess.run(
        ["bash", "-c", line], env={**os.environ, "KEY": key}, capture_output=True, text=True, timeout=30, check=True
    ).stdout


@pytest.fixture
def trusted(context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])


@pytest.mark.usefixtures("trusted")
def test_the_curl_line_works(page: Page, address: str) -> None:
    page.goto(address)
    line = copied(page, "request.messages.text", 0)
    assert line.startswith("curl ")
    assert "$KEY" in line
    answer = json.loads(run_line(line))
    assert answer["type"] == "message"
    assert answer["content"][0]["text"] in line


@pytest.mark.usefixtures("trusted")
def test_the_curl_line_of_a_stream_works(page: Page, address: str) -> None:
    page.goto(address)
    answer = run_line(copied(page, "request.messages.text", 1))
    assert answer.startswith("event: message_start\n")
    assert "event: message_stop" in answer


@pytest.mark.usefixtures("trusted")
def test_the_curl_line_takes_the_key_from_the_environment(page: Page, address: str) -> None:
    page.goto(address)
    line = copied(page, "request.messages.text", 0)
    assert json.loads(run_line(line, key="another"))["error"]["type"] == "authentication_error"


@pytest.mark.parametrize(
    "body",
    [
        """{"text": "it's \\"quoted\\", costs $5, `runs` nothing, 100 %, \\\\ back"}""",
        '{"text": "über 🦊 日本"}',
        "not json\n  at all\t!",
        '{"hidden": "\u202e\u200b\x01"}',
    ],
)
def test_any_body_survives_the_shell(page: Page, address: str, body: str, tmp_path: Path) -> None:
    page.goto(address)
    line = page.evaluate(
        "(body) => curl({ method: 'POST', url: 'http://x/', headers: [['x-a', `it's`]], body, base64: null, cut: 0 })",
        body,
    )
    shim = tmp_path / "curl"
    shim.write_text('#!/bin/bash\nfor last; do :; done\nif [ "$last" = @- ]; then cat; else printf %s "$last"; fi\n')
    shim.chmod(0o755)
    assert run_line(f'PATH="{tmp_path}:$PATH"; {line}') == body


def test_asking_again_names_the_case(page: Page, few: str) -> None:
    page.goto(few)
    page.evaluate("show({ row: 'request.tool_choice.tool', col: 'ollama@0.33.0~simulated' })")
    expect(page.locator("#cell .command").last).to_contain_text("conformance run --select tool-choice.tool")

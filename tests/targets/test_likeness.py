"""The check that users pay for, against a simulated Ollama: every gap known, a mended one told, a new fault told.

At the end each gap alone, taken away: whatever the target's file has of it is told as an improvement.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

import pytest
from command_line import Command, Serve

from conformance.catalog.load import Catalog, load_catalog
from conformance.detection.sweep import judged, rows_of
from conformance.engine.fixture_server import FixtureServer
from conformance.engine.plan import every_question, with_dependencies
from conformance.engine.question import Question
from conformance.engine.scripted_process import ScriptedProcess
from conformance.engine.target_selection import REFERENCE_MODEL, who_is_asked
from conformance.probe.asking import ServedFixtures
from conformance.runs.expectations import Expectations
from conformance.runs.log import CaseRow, RuleRow, RunLog, read_log
from conformance.runs.options import RunOptions
from conformance.scripted.likeness.ollama import GAPS
from conformance.targets.address import url_below
from conformance.targets.resolve import gaps_of

VERSION = "0.33.0"
SHOWN = {
    "tool_choice": ("tools.choice.any", "request.tool_choice.any"),
    "output_format": ("structured.schema.enum", "request.output_config.format.enum"),
    "documents": ("documents.sources.text", "content.document.text"),
    "is_error": ("tools.loop.is-error", "content.tool_result.is_error"),
    "leniency": ("server-tools.not-taken-for-custom", "tools.server.unknown"),
    "image_url": ("images.sources.url", "content.image.url"),
    "tool_types": ("server-tools.not-taken-for-custom", "tools.server.unknown"),
    "empty": ("errors.invalid-request", "error.invalid_request_error"),
    "signature": ("thinking.request.enabled", "response.thinking.signature"),
    "stop_reason": ("stop.sequence-reported", "stop_reason.stop_sequence"),
    "stop_sequence": ("messages.text", "response.stop_sequence"),
    "stop_nulls": ("messages.text", "stream.message_start.stop_null"),
    "ping": ("messages.text", "stream.ping"),
    "plain_errors": ("errors.unknown-path", "error.envelope"),
    "count_tokens": ("count-tokens.basic", "endpoint.count_tokens"),
    "batches": ("batches.life.created", "endpoint.batches"),
    "models": ("models.get", "endpoint.models.get"),
    "cache_control": ("caching.counters.creation", "caching.creation"),
    "separator": ("content.place.array-separated", "request.messages.content.array.separated"),
    "null_content": ("stop.max-tokens-in-call-unthought", "response.content"),
    "thinks_by_default": ("thinking.request.omitted", "request.thinking.omitted"),
    "large_numbers": ("tools.definition.large-number", "tools.input.exact"),
    "request_id": ("messages.text", "header.request_id"),
    "web_search": ("server-tools.web-search.accepted", "header.content_type.stream"),
    "truncation": ("gaps.window.not-cut", "validation.context_window"),
    "preflight": ("errors.preflight", "endpoint.cors_preflight"),
}
"""Gap to a case that shows it, and the row of the target's file that is no longer true without it."""
SHOWN_BESIDE = {
    "separator": "stop.max-tokens-in-call-unthought",
    "thinks_by_default": "thinking.request.disabled-with-effort",
    "truncation": "gaps.window.says-so",
}
"""Gap to the case without which its entry is never stale: that the model is the scripted one, that it can think, that a
refusal names the length."""
NOT_EXPECTED = {
    "adaptive": "a model that thinks by default does so where thinking is adaptive, too",
    "metadata": "no client sees whether it has an effect, so its entry is never stale",
    "estimate": "message_start may estimate the input, so no row speaks of it",
}
"""Gap to the reason why its loss is no improvement of any entry."""
Asked = Callable[..., tuple[int, RunLog]]


@pytest.fixture
def asked(served: Serve, conformance: Command, tmp_path: Path) -> Asked:
    def ask(like: str, select: str, *served_with: str, target: str = "ollama") -> tuple[int, RunLog]:
        out = tmp_path / "run"
        url = served("--like", like, *served_with)
        words = ("run", "--target", target, "--base-url", url, "--select", select, "--out", str(out))
        done = conformance(*words, "--no-witness", "--no-evidence")
        assert "Traceback" not in done.stderr
        return done.returncode, read_log(out)

    return ask


def standing(log: RunLog, status: str) -> set[str]:
    rows: list[CaseRow | RuleRow] = [*log.cases, *log.rules]
    return {row.surface for row in rows if row.status == status}


def test_every_gap_of_an_ollama_is_documented_or_known(asked: Asked) -> None:
    code, log = asked("ollama@0.33", "tools.choice.any or models.* or count-tokens.basic or thinking.request.enabled")
    assert standing(log, "new") | standing(log, "regression") | standing(log, "improvement") == set()
    assert code == 0
    assert log.run.target.simulated
    assert log.run.target.version == "0.33.0"
    assert standing(log, "documented-gap") >= {"request.tool_choice.any", "endpoint.count_tokens"}
    assert standing(log, "known-gap") >= {"response.stop_sequence", "response.thinking.signature", "models.info.shape"}


@pytest.mark.parametrize(
    ("gap", "select", "row"),
    [
        ("tool_choice", "surface:request.tool_choice.any", "request.tool_choice.any"),
        ("signature", "thinking.request.enabled", "response.thinking.signature"),
        ("is_error", "surface:content.tool_result.is_error", "content.tool_result.is_error"),
    ],
)
def test_a_mended_gap_is_an_improvement_that_names_its_row(asked: Asked, gap: str, select: str, row: str) -> None:
    code, log = asked(f"ollama@0.33 - {gap}", select)
    assert code == 1
    assert row in standing(log, "improvement")
    assert standing(log, "new") | standing(log, "regression") == set()


def test_a_part_of_a_row_does_not_say_that_its_gap_is_mended(asked: Asked) -> None:
    code, log = asked("ollama@0.33 - is_error", "tools.loop.is-error")
    assert (code, standing(log, "improvement")) == (0, set())


@pytest.mark.parametrize(
    ("fault", "select", "row"),
    [
        ("ST12", "tools.parallel.two-tools", "stream.content_block_stop"),
        ("US07", "messages.text", "response.usage.output_tokens"),
    ],
)
def test_another_fault_is_told_with_its_row(asked: Asked, fault: str, select: str, row: str) -> None:
    code, log = asked("ollama@0.33", select, "--fault", fault)
    assert code == 1
    assert row in standing(log, "new") | standing(log, "regression")


def test_what_an_earlier_version_did_is_expected_of_it_and_of_no_later_one(asked: Asked) -> None:
    code, log = asked("ollama@0.23.3", "thinking.request.disabled")
    assert code == 0
    assert "response.thinking.off" in standing(log, "known-gap")
    code, log = asked("ollama@0.23.3", "thinking.request.disabled", target="ollama@0.23.4")
    assert code == 1
    assert "response.thinking.off" in standing(log, "new") | standing(log, "regression")


@pytest.mark.parametrize(
    ("like", "part"),
    [
        ("olama@0.33", "only of ollama"),
        ("ollama@new", "no version"),
        ("ollama@0.33 - pings", "no gap 'pings'"),
    ],
)
def test_a_likeness_that_there_is_not_is_one_line(like: str, part: str) -> None:
    command = [sys.executable, "-m", "conformance.scripted", "serve", "--like", like]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert part in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedProcess]:
    with ScriptedProcess("anthropic") as process:
        yield process


def rows_without(gap: str, cases: set[str], catalog: Catalog, url: str) -> list[CaseRow | RuleRow]:
    """What is found of an Ollama that lacks a gap, against the target's file."""
    like = f"ollama@{VERSION} - {gap}" if gap else f"ollama@{VERSION}"
    with ExitStack() as stack:
        where = url_below(url, f"/like/{quote(like, safe='')}")
        options = RunOptions(target="ollama", base_url=where, model=REFERENCE_MODEL)
        target = who_is_asked(options, stack, lambda _: None)
    asked = [question for question in every_question(catalog) if question.case.id in cases]
    every: list[Question] = list(with_dependencies(catalog, asked))
    with FixtureServer(catalog.fixtures) as served:
        fixtures = ServedFixtures(catalog.fixtures, served.url)
        _, records = asyncio.run(rows_of(catalog, target, asked, fixtures, 60.0))
    documented, known = gaps_of("ollama", VERSION)
    return list(judged(catalog, every, records, Expectations(documented=documented, known=known)).rows)


def test_every_gap_is_shown_or_says_why_not() -> None:
    assert set(SHOWN) | set(NOT_EXPECTED) == set(GAPS)
    assert not set(SHOWN) & set(NOT_EXPECTED)


def test_with_all_its_gaps_it_does_what_is_expected(catalog: Catalog, server: ScriptedProcess) -> None:
    rows = rows_without("", {*(case for case, _ in SHOWN.values()), *SHOWN_BESIDE.values()}, catalog, server.url)
    assert [row for row in rows if row.status in ("new", "regression", "improvement")] == []


@pytest.mark.parametrize("gap", sorted(SHOWN))
def test_a_gap_that_is_mended_is_an_improvement(gap: str, catalog: Catalog, server: ScriptedProcess) -> None:
    case, row = SHOWN[gap]
    asked = {case, SHOWN_BESIDE[gap]} if gap in SHOWN_BESIDE else {case}
    rows = rows_without(gap, asked, catalog, server.url)
    better = {found.surface for found in rows if found.status == "improvement"}
    assert row in better
    assert [found for found in rows if found.status in ("new", "regression")] == []

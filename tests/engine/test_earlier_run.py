"""What can be judged again: answers to requests that today's cases would still send; the same rows come of them."""

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import Command, called
from msgspec.structs import replace

from conformance.catalog.load import Catalog, load_catalog
from conformance.engine.records import earlier_of, target_of
from conformance.engine.rejudge import Rejudged, as_asked, left_out, rejudge
from conformance.runs.evidence_store import EvidenceStore, EvidenceWriter, remove_evidence
from conformance.runs.log import RunLog, read_log

CASES = Path(__file__).parents[2] / "cases"
AREAS = ("messages.*", "files.*", "batches.life.*", "examples.sdk.*", "images.*", "auth.*", "streaming.two-at-once")
SELECTION = " or ".join(AREAS)
"""Steps, copies in flight, multipart bodies, the SDK, raw bodies, addresses of fixtures, keys, versions."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> RunLog:
    """A run of some hundred questions."""
    folder = tmp_path_factory.mktemp("asked")
    called(("run", "--select", SELECTION, "--out", "one", "--no-witness"), folder).check_returncode()
    return read_log(folder / "one")


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    """A copy of the cases that a test may change."""
    return Path(shutil.copytree(CASES, tmp_path / "cases"))


def with_change(cases: Path, old: str, new: str) -> Catalog:
    file = cases / "messages" / "text.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    return load_catalog(cases)


def again(log: RunLog, catalog: Catalog, folder: Path) -> tuple[Rejudged, RunLog]:
    return rejudge(log, catalog, folder), read_log(folder)


def test_a_case_that_only_judges_otherwise_is_judged_by_what_it_says_today(
    log: RunLog, tmp_path: Path, cases: Path
) -> None:
    catalog = with_change(cases, "{at: message.role, equals: assistant}", "{at: message.role, equals: clown}")
    rejudged, new = again(log, catalog, tmp_path / "two")
    assert rejudged.left_out() == ""
    assert {row.case for row in new.cases if row.verdict == "broken"} == {"messages.shape"}
    hashes = [{row.case: row.case_sha256 for row in one.cases} for one in (log, new)]
    assert {name for name in hashes[0] if hashes[0][name] != hashes[1][name]} == {"messages.shape"}


def test_a_case_that_asks_otherwise_is_left_out_and_counted(log: RunLog, tmp_path: Path, cases: Path) -> None:
    catalog = with_change(cases, "exactly: {nonce} HALT after", "exactly: {nonce} HALT then")
    rejudged, new = again(log, catalog, tmp_path / "two")
    assert rejudged.changed == ("messages.two-words[json]", "messages.two-words[stream]")
    questions = len(log.cases) + len(log.tendencies)
    assert rejudged.left_out() == f"left out of {questions} questions: 2 whose question has changed since"
    assert {row.case for row in log.cases} - {row.case for row in new.cases} == {"messages.two-words"}


def test_a_renamed_case_is_judged_under_its_new_name(log: RunLog, tmp_path: Path, cases: Path) -> None:
    catalog = with_change(
        cases,
        "- id: messages.first-words\n",
        "- id: messages.opening-words\n    renamed_from: [messages.first-words]\n",
    )
    rejudged, new = again(log, catalog, tmp_path / "two")
    assert rejudged.left_out() == ""
    assert {row.case for row in new.cases} - {row.case for row in log.cases} == {"messages.opening-words"}


def test_questions_without_evidence_are_left_out_and_counted(log: RunLog, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(log.folder, tmp_path / "one"))
    store = EvidenceStore(folder)
    kept = [store.read(name) for name in store if not name.startswith("messages.two-words.json")]
    remove_evidence(folder)
    with_rest = EvidenceWriter(folder)
    for exchange in kept:
        with_rest.write(exchange)
    with_rest.close()
    rejudged, new = again(read_log(folder), load_catalog(), tmp_path / "two")
    questions = len(log.cases) + len(log.tendencies)
    assert rejudged.left_out() == f"left out of {questions} questions: 1 without evidence"
    assert len(new.cases) == len(log.cases) - 1


def test_every_kind_of_request_is_known_again(log: RunLog, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = load_catalog()
    whole = earlier_of(log, catalog, target_of(log))
    assert len(whole.questions) > 120
    monkeypatch.setattr(Catalog, "sha256", lambda _catalog, case: f"another hash of {case.id}")
    known = earlier_of(log, catalog, target_of(log))
    assert known.changed == ()
    assert list(known.questions) == list(whole.questions)


TIMES = ("seconds", "finished", "timing", "warnings")


def whole_log(folder: Path) -> list[dict[str, Any]]:
    """Every row of a log, without what only a clock decides."""
    return [
        {name: _timeless(value) for name, value in msgspec.json.decode(line).items() if name not in TIMES}
        for line in (folder / "run.jsonl").read_bytes().splitlines()
    ]


def _timeless(value: Any) -> Any:
    return {name: one for name, one in value.items() if name not in TIMES} if isinstance(value, dict) else value


@pytest.mark.parametrize(
    "words",
    [
        ["--profile", "claude-code"],
        ["--select", "examples.* or usage.* or thinking.* or models.*", "--strict"],
        ["--select", "tools.choice.*", "--allow-improvements"],
    ],
    ids=["a profile", "tendencies", "a few cases"],
)
def test_a_rejudged_log_is_the_log_of_its_run(conformance: Command, tmp_path: Path, words: list[str]) -> None:
    asked = conformance("run", *words, "--out", "one")
    again = conformance("rejudge", "one", "-o", "two")
    assert again.returncode == asked.returncode, again.stderr
    assert whole_log(tmp_path / "two") == whole_log(tmp_path / "one")


ANSWERED = Path(__file__).parents[1] / "recorded" / "clients" / "ollama@0.33"
"""A run that answered whether Claude Code runs there."""
NEWER = "claude-code.turn.two-calls"


def test_a_question_that_is_newer_than_the_run_is_left_out_and_named() -> None:
    catalog, log = load_catalog(), read_log(ANSWERED)
    profile = catalog.profiles["claude-code"]
    whole = as_asked("claude-code", log, catalog)
    older = replace(log, cases=tuple(row for row in log.cases if row.case != NEWER))
    then = as_asked("claude-code", older, catalog)
    assert set(whole.questions) - set(then.questions) == {NEWER}
    assert set(left_out(profile, then)) - set(left_out(profile, whole)) == {"parallel-calls"}
    rules = [question for need in profile.needs for question in need.questions if question.startswith("stream.")]
    assert set(rules) <= set(then.questions)


def test_a_run_that_did_not_answer_the_question_is_told_nothing_new() -> None:
    catalog, log = load_catalog(), read_log(ANSWERED)
    profile = catalog.profiles["claude-code"]
    assert as_asked("claude-code", replace(log, readiness=()), catalog) is profile

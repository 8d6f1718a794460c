"""Whatever fails in the suite itself is one question's row; and nothing that it does holds up the end of a run."""

import math
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import Begun, Command, ends_soon, extent, seconds_to_start

from conformance.engine import inquiry, sdk_process
from conformance.engine.assessment import Assessment
from conformance.engine.inquiry import Inquiry
from conformance.probe import asking
from conformance.probe.client import Client
from conformance.probe.exchange import Exchange
from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import RunLog, read_log

FEW = ("--select", "stop.sequence-honoured, messages.text, messages.two-words, tools.choice.tool", "--no-witness")
ONE = ("--select", "messages.text", "--no-witness")
FAILS = "stop.sequence-honoured"


SIGNALS = extent([signal.SIGINT, signal.SIGTERM], [signal.SIGTERM])


def stops(exchange: Exchange) -> bool:
    return b'"stop_sequences"' in exchange.request.body


Failure = tuple[Any, str, Callable[..., bool], Exception]
FAILURES: dict[str, Failure] = {
    "a rule": (inquiry, "examine", lambda answer: stops(answer.exchange), RecursionError("on purpose")),
    "the reading of an effect": (
        inquiry,
        "observe",
        lambda _case, replies, _bind: stops(replies[-1].answer.exchange),
        UnicodeDecodeError("utf-8", b"", 0, 1, "on purpose"),
    ),
    "the client": (
        Client,
        "ask",
        lambda _, outgoing: b'"stop_sequences"' in outgoing.body,
        OverflowError("on purpose"),
    ),
    "the making of a request": (
        asking,
        "render",
        lambda ask, _: isinstance(ask.body, dict) and "stop_sequences" in ask.body,
        KeyError("on purpose"),
    ),
    "the row": (
        Assessment,
        "_count",
        lambda _self, question, _record: question.case.id == FAILS,
        ValueError("on purpose"),
    ),
    "the choice of questions": (
        Inquiry,
        "_try",
        lambda _, question: question.case.id == FAILS,
        ExceptionGroup("of two", [ValueError("on purpose")]),
    ),
}
"""A function of ours, what it is called with when it fails, and how."""


def fails(patch: pytest.MonkeyPatch, failure: Failure) -> None:
    room, name, when, problem = failure
    honest = getattr(room, name)

    def bent(*given: Any, **more: Any) -> Any:
        if when(*given):
            raise type(problem)(*problem.args)
        return honest(*given, **more)

    patch.setattr(room, name, bent)


@pytest.mark.parametrize("place", FAILURES)
def test_a_failure_of_our_own_is_the_row_of_its_question(
    place: str, conformance: Command, reference: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(monkeypatch, FAILURES[place])
    ended = conformance("run", *FEW, *reference, "--out", "out")
    assert ended.returncode == 2, ended.stdout + ended.stderr
    log = read_log(tmp_path / "out")
    rows = {(row.case, row.mode): row for row in log.cases}
    failed = {name for name, row in rows.items() if row.verdict == "error"}
    assert failed == {(FAILS, "json"), (FAILS, "stream")}
    assert {row.verdict for name, row in rows.items() if name not in failed} == {"supported"}
    assert len(rows) >= 8
    assert log.complete
    assert log.end is not None
    assert log.end.counts["error"] == 2
    assert "on purpose" in ended.stderr + ended.stdout
    for name in failed:
        assert "the suite itself failed" in rows[name].reason
        assert "on purpose" in rows[name].reason
        kept = EvidenceStore(tmp_path / "out")
        for evidence in map(kept.read, rows[name].exchanges):
            if place != "the row":
                assert any("Traceback" in note for note in evidence.answer.notes)
        assert rows[name].exchanges or place == "the choice of questions"
    assert "othing broken" not in ended.stdout
    assert "othing broken" not in (tmp_path / "out" / "summary.md").read_text()


def test_a_failure_of_our_own_while_a_premise_is_read_is_one_row(
    conformance: Command, reference: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(monkeypatch, (inquiry, "try_check", lambda *_: True, RuntimeError("on purpose")))
    words = ("--select", "batches.life.*, messages.text", "--no-witness", *reference)
    ended = conformance("run", *words, "--out", "out")
    assert ended.returncode == 2, ended.stdout + ended.stderr
    rows = read_log(tmp_path / "out").cases
    assert {row.verdict for row in rows if row.case == "messages.text"} == {"supported"}
    assert "error" in {row.verdict for row in rows if row.case.startswith("batches.life")}
    assert all(row.exchanges for row in rows if row.verdict == "error")


def test_a_failure_at_the_witness_is_one_row(
    conformance: Command, reference: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = RecursionError("on purpose")
    fails(monkeypatch, (sdk_process, "_bare", lambda reply: stops(reply.answer.exchange), problem))
    ended = conformance("run", *FEW[:2], *reference, "--out", "out")
    assert ended.returncode == 2, ended.stdout + ended.stderr
    rows = read_log(tmp_path / "out").cases
    assert {row.case for row in rows if row.verdict == "error"} == {FAILS}
    assert {row.sdk for row in rows if row.verdict == "supported"} == {"accepts"}


WORKS = """
import time
def works():  # a fifth of the time, which holds up whoever wants to stop it as all of it would
    sum(range(500_000))
    time.sleep(0.05)
"""
JUDGES_FOR_EVER = f"""
{WORKS}
import conformance.probe.aside
import conformance.engine.inquiry as room
conformance.probe.aside.LARGE = -1
honest = room.examine
def examine(answer, **more):
    begun = time.monotonic()
    while b'"stop_sequences"' in answer.exchange.request.body and time.monotonic() < begun + 300:
        open("begun", "a").close()
        works()
    return honest(answer, **more)
room.examine = examine
"""


def rows_of(folder: Path) -> RunLog:
    return read_log(folder)


def test_a_budget_ends_a_run_while_an_answer_is_judged(bent: Begun, reference: tuple[str, ...], tmp_path: Path) -> None:
    budget = 1 + 4 * seconds_to_start(tmp_path)
    process = bent(JUDGES_FOR_EVER, "run", *FEW, *reference, "--budget", f"{budget:.1f}s", "--out", "out")
    out, err = process.communicate(timeout=200)
    log = rows_of(tmp_path / "out")
    assert log.complete, out + err
    assert len(log.cases) >= 8
    ended = {row.reason for row in log.cases if row.case == "stop.sequence-honoured"}
    assert ended == {"budget spent"}


@pytest.mark.parametrize("how", SIGNALS)
def test_a_person_can_end_a_run_while_an_answer_is_judged(
    how: signal.Signals, bent: Begun, reference: tuple[str, ...], tmp_path: Path
) -> None:
    process = bent(JUDGES_FOR_EVER, "run", *FEW, *reference, "--concurrency", "1", "--out", "out")
    _wait_for(tmp_path / "begun")
    process.send_signal(how)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130, out + err
    assert "Traceback" not in err


SDK_READS_FOR_EVER = f"""
{WORKS}
import os, sys
if "conformance.engine.sdk_process" in sys.orig_argv:
    from conformance.judge import witness
    def testify(answer):
        with open("begins", "w") as file:
            file.write(str(os.getpid()))
        os.rename("begins", "begun")
        while True:
            works()
    witness.testify, witness.prepare = testify, lambda: None
"""


@pytest.mark.parametrize("how", [*SIGNALS, signal.SIGKILL])
def test_a_person_can_end_a_run_while_the_sdk_reads_an_answer(
    how: signal.Signals, bent: Begun, reference: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "starts").mkdir()
    (tmp_path / "starts" / "sitecustomize.py").write_text(SDK_READS_FOR_EVER)
    process = bent("", "run", *FEW[:2], *reference, "--out", "out", PYTHONPATH=str(tmp_path / "starts"))
    _wait_for(tmp_path / "begun")
    process.send_signal(how)
    out, err = process.communicate(timeout=200)
    assert process.returncode == (-how if how is signal.SIGKILL else 130), out + err
    assert "Traceback" not in err
    of_sdk = int((tmp_path / "begun").read_text())
    until = time.monotonic() + 100
    while time.monotonic() < until and Path(f"/proc/{of_sdk}").exists():
        time.sleep(0.05)
    assert not Path(f"/proc/{of_sdk}").exists()


def _wait_for(file: Path) -> None:
    until = time.monotonic() + 100
    while time.monotonic() < until and not file.exists():
        time.sleep(0.05)


def test_a_budget_ends_a_run_while_the_first_answer_is_waited_for(bent: Begun, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = bent("", "run", "--base-url", url, "--target", "none", "--model", "m", "--budget", "2s")
        out, err = process.communicate(timeout=200)
    assert process.returncode == 2, out + err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


IMPORTS_NOTHING = """
import threading
import conformance.report.html as room
honest = room.template
def template():
    if threading.current_thread().name == "conformance-imports":
        raise AttributeError("of a module that another thread began to import, and that a signal ended there")
    return honest()
room.template = template
"""


def test_an_import_beside_the_run_that_fails_is_left_to_whoever_needs_it(
    bent: Begun, reference: tuple[str, ...]
) -> None:
    """Ctrl-C while both the run and the thread beside it waited for a module showed a traceback."""
    process = bent(IMPORTS_NOTHING, "run", *ONE, *reference, "--out", "out")
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, out + err
    assert "Traceback" not in err


WRITES_FOR_EVER = f"""
{WORKS}
import pathlib
import conformance.cli.display as room
def publish(folder, *, quiet=False):
    pathlib.Path("begun").touch()
    begun = time.monotonic()
    while time.monotonic() < begun + 300:
        works()
room.publish = publish
"""


def test_a_budget_ends_a_run_while_its_page_is_written(bent: Begun, reference: tuple[str, ...], tmp_path: Path) -> None:
    def attempt(unit: float) -> float:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        budget = 1 + 4 * unit
        began = time.monotonic()
        process = bent(WRITES_FOR_EVER, "run", *ONE, *reference, "--budget", f"{budget:.1f}s", "--out", "out")
        _, err = process.communicate(timeout=100)
        took = time.monotonic() - began
        assert process.returncode == 2, err
        assert "Traceback" not in err
        if not (tmp_path / "begun").exists():  # too busy a machine to come so far
            return math.inf
        assert read_log(tmp_path / "out").complete
        assert "conformance report out" in err
        return took - budget

    ends_soon(tmp_path, attempt, seconds=2, starts=6)


@pytest.mark.parametrize("how", SIGNALS)
def test_a_person_can_end_a_run_while_its_page_is_written(
    how: signal.Signals, bent: Begun, reference: tuple[str, ...], tmp_path: Path
) -> None:
    process = bent(WRITES_FOR_EVER, "run", *ONE, *reference, "--out", "out")
    _wait_for(tmp_path / "begun")
    process.send_signal(how)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    assert read_log(tmp_path / "out").complete
    assert "conformance report out" in err

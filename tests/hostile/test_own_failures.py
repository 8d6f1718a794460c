"""Whatever fails in the suite itself is one question's row; and nothing that it does holds up the end of a run."""

import re
import signal
import socket
import time
from pathlib import Path

import pytest
from command_line import Begun, seconds_to_start
from extent import FULL

from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import RunLog, read_log

FEW = ("--select", "stop.sequence-honoured, messages.text, messages.two-words, tools.choice.tool", "--no-witness")
STOPS = """
def stops(exchange):
    return b'"stop_sequences"' in exchange.request.body
"""
FAILURES = {
    "a rule": STOPS
    + """
import conformance.engine.inquiry as room
honest = room.examine
def examine(answer, **more):
    if stops(answer.exchange):
        raise RecursionError("on purpose")
    return honest(answer, **more)
room.examine = examine
""",
    "the reading of an effect": STOPS
    + """
import conformance.engine.inquiry as room
honest = room.observe
def observe(case, replies, bind):
    if stops(replies[-1].answer.exchange):
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "on purpose")
    return honest(case, replies, bind)
room.observe = observe
""",
    "the client": """
from conformance.probe.client import Client
honest = Client.ask
async def ask(self, outgoing):
    if b'"stop_sequences"' in outgoing.body:
        raise OverflowError("on purpose")
    return await honest(self, outgoing)
Client.ask = ask
""",
    "the making of a request": """
import conformance.probe.asking as room
honest = room.render
def render(ask, setting, **more):
    if isinstance(ask.body, dict) and "stop_sequences" in ask.body:
        raise KeyError("on purpose")
    return honest(ask, setting, **more)
room.render = render
""",
    "the row": """
from conformance.engine.assessment import Assessment
honest = Assessment._count
def count(self, question, record):
    if question.case.id == "stop.sequence-honoured":
        raise ValueError("on purpose")
    return honest(self, question, record)
Assessment._count = count
""",
    "the choice of questions": """
from conformance.engine.inquiry import Inquiry
honest = Inquiry._try
async def attempts(self, question):
    if question.case.id == "stop.sequence-honoured":
        raise ExceptionGroup("of two", [ValueError("on purpose")])
    return await honest(self, question)
Inquiry._try = attempts
""",
}


@pytest.mark.parametrize("place", FAILURES)
def test_a_failure_of_our_own_is_the_row_of_its_question(place: str, bent: Begun, tmp_path: Path) -> None:
    process = bent(FAILURES[place], "run", *FEW, "--out", "out")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2, out + err
    log = read_log(tmp_path / "out")
    rows = {(row.case, row.mode): row for row in log.cases}
    failed = {name for name, row in rows.items() if row.verdict == "error"}
    assert failed == {("stop.sequence-honoured", "json"), ("stop.sequence-honoured", "stream")}
    assert {row.verdict for name, row in rows.items() if name not in failed} == {"supported"}
    assert len(rows) >= 8
    assert log.complete
    assert log.end is not None
    assert log.end.counts["error"] == 2
    assert "on purpose" in err + out
    for name in failed:
        assert "the suite itself failed" in rows[name].reason
        assert "on purpose" in rows[name].reason
        kept = EvidenceStore(tmp_path / "out")
        for evidence in map(kept.read, rows[name].exchanges):
            if place != "the row":
                assert any("Traceback" in note for note in evidence.answer.notes)
        assert rows[name].exchanges or place == "the choice of questions"
    assert "othing broken" not in out
    assert "othing broken" not in (tmp_path / "out" / "summary.md").read_text()


def test_a_failure_of_our_own_while_a_premise_is_read_is_one_row(bent: Begun, tmp_path: Path) -> None:
    code = """
import conformance.engine.inquiry as room
honest = room.try_check
def check(check, document, bind):
    raise RuntimeError("on purpose")
room.try_check = check
"""
    process = bent(code, "run", "--select", "batches.life.*, messages.text", "--no-witness", "--out", "out")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2, out + err
    rows = read_log(tmp_path / "out").cases
    assert {row.verdict for row in rows if row.case == "messages.text"} == {"supported"}
    assert "error" in {row.verdict for row in rows if row.case.startswith("batches.life")}
    assert all(row.exchanges for row in rows if row.verdict == "error")


def test_a_failure_at_the_witness_is_one_row(bent: Begun, tmp_path: Path) -> None:
    code = (
        STOPS
        + """
import conformance.engine.testimony as room
honest = room.testify
def testify(exchange, mode):
    if stops(exchange):
        raise RecursionError("on purpose")
    return honest(exchange, mode)
room.testify = testify
"""
    )
    process = bent(code, "run", *FEW[:2], "--out", "out")
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2, out + err
    rows = read_log(tmp_path / "out").cases
    assert {row.case for row in rows if row.verdict == "error"} == {"stop.sequence-honoured"}
    assert {row.sdk for row in rows if row.verdict == "supported"} == {"accepts"}


JUDGES_FOR_EVER = (
    STOPS
    + """
import time
import conformance.probe.aside
import conformance.engine.inquiry as room
conformance.probe.aside.LARGE = -1
honest = room.examine
def examine(answer, **more):
    begun = time.monotonic()
    while stops(answer.exchange) and time.monotonic() < begun + 300:
        sum(range(1000))
    return honest(answer, **more)
room.examine = examine
"""
)


def rows_of(folder: Path) -> RunLog:
    return read_log(folder)


def test_a_budget_ends_a_run_while_an_answer_is_judged(bent: Begun, tmp_path: Path) -> None:
    process = bent(JUDGES_FOR_EVER, "run", *FEW, "--budget", "8s", "--out", "out")
    out, err = process.communicate(timeout=60)
    log = rows_of(tmp_path / "out")
    assert log.complete, out + err
    assert len(log.cases) >= 8
    ended = {row.reason for row in log.cases if row.case == "stop.sequence-honoured"}
    assert ended == {"budget spent"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM] if FULL else [signal.SIGTERM])
def test_a_person_can_end_a_run_while_an_answer_is_judged(how: signal.Signals, bent: Begun, tmp_path: Path) -> None:
    process = bent(JUDGES_FOR_EVER, "run", *FEW, "--concurrency", "1", "--out", "out")
    log = tmp_path / "out" / "run.jsonl"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (log.exists() and re.search(b'"type":"case"', log.read_bytes())):
        time.sleep(0.1)
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Traceback" not in err


def test_a_budget_ends_a_run_while_the_first_answer_is_waited_for(bent: Begun, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = bent("", "run", "--base-url", url, "--target", "none", "--model", "m", "--budget", "2s")
        out, err = process.communicate(timeout=60)
    assert process.returncode == 2, out + err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err


WRITES_FOR_EVER = """
import pathlib, time
import conformance.cli.display as room
def publish(folder, *, quiet=False):
    pathlib.Path("begun").touch()
    begun = time.monotonic()
    while time.monotonic() < begun + 300:
        sum(range(1000))
room.publish = publish
"""


def test_a_budget_ends_a_run_while_its_page_is_written(bent: Begun, tmp_path: Path) -> None:
    unit = seconds_to_start(tmp_path)
    budget = 2 + 4 * unit
    began = time.monotonic()
    words = ("run", "--select", "messages.text", "--no-witness", "--budget", f"{budget:.1f}s", "--out", "out")
    process = bent(WRITES_FOR_EVER, *words)
    out, err = process.communicate(timeout=100)
    assert time.monotonic() - began < budget + 2 + 4 * unit
    assert process.returncode == 2, out + err
    assert (tmp_path / "begun").exists()
    assert "Traceback" not in err
    assert read_log(tmp_path / "out").complete
    assert "conformance report out" in err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_person_can_end_a_run_while_its_page_is_written(how: signal.Signals, bent: Begun, tmp_path: Path) -> None:
    process = bent(WRITES_FOR_EVER, "run", "--select", "messages.text", "--no-witness", "--out", "out")
    until = time.monotonic() + 100
    while time.monotonic() < until and not (tmp_path / "begun").exists():
        time.sleep(0.05)
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    assert read_log(tmp_path / "out").complete
    assert "conformance report out" in err

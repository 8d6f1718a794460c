"""A recording of the API, tried against the reference: what it costs, where it stops, what it hides, what for."""

import re
from pathlib import Path

import pytest
from command_line import Command, Serve

from conformance.cli.commands.record import adopt, adopt_rules, agreeing, held
from conformance.engine.purse import Price, Purse, cost, estimate
from conformance.judge.rules import RULES
from conformance.judge.rules.grounds import RECORDED
from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import read_log
from conformance.runs.masking import Pseudonyms

PRICE = Price(5.0, 25.0)
ASKED = ("--model", "scripted", "--select", "messages.text, messages.shape, tools.choice.tool")


def test_an_estimate_asks_nobody(conformance: Command) -> None:
    done = conformance("record", "--target", "anthropic", "--max-usd", "5", "--estimate", "--select", "messages.*")
    assert re.search(r"\d+ questions, \d+ requests, \d+ tokens sent: about \$\d+\.\d\d", done.stdout)
    assert done.returncode == 0


def test_without_a_limit_nothing_is_recorded(conformance: Command) -> None:
    done = conformance("record", "--target", "anthropic")
    assert done.returncode == 4
    assert "--max-usd 5" in done.stderr


def test_a_recording_is_a_run_whose_ids_are_others(
    conformance: Command, served: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECORDING_KEY", "a-key-of-nobody")
    words = ("record", "--base-url", str(served()), "--api-key-env", "RECORDING_KEY", *ASKED)
    done = conformance(*words, "--max-usd", "5", "--out", "out")
    assert "conformance diff reference out" in done.stdout, done.stderr
    log = read_log(tmp_path / "out")
    assert {row.verdict for row in log.cases} == {"supported"}
    assert agreeing(log) == {"messages.text", "messages.shape", "tools.choice.tool"}
    assert {"message.id", "stream.index", "tools.id"} <= held(log)
    assert "thinking.signature" not in held(log), "no answer thought"
    store = EvidenceStore(tmp_path / "out")
    headers = [dict(store.read(name).answer.headers) for name in store]
    assert {told["anthropic-organization-id"] for told in headers} == {"removed"}
    assert len({told["request-id"] for told in headers}) == len(headers)


def test_what_the_money_does_not_reach_is_left_for_later(
    conformance: Command, served: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECORDING_KEY", "a-key-of-nobody")
    url = str(served())
    asked = ("--model", "scripted", "--select", "messages.text*, messages.content*, messages.shape, tools.choice.*")
    words = ("record", "--base-url", url, "--api-key-env", "RECORDING_KEY", *asked)
    conformance(*words, "--max-usd", "0.0000001", "--out", "out")
    reasons = {row.reason for row in read_log(tmp_path / "out").cases if row.verdict == "not-run"}
    assert "budget spent" in " ".join(reasons)
    left = sum(row.verdict == "not-run" for row in read_log(tmp_path / "out").cases)
    resumed = ("record", "--resume", "out", "--max-usd", "5", "--api-key-env", "RECORDING_KEY", "--base-url", url)
    done = conformance(*resumed)
    assert done.stdout.startswith(f"{left} questions, "), "what was answered is paid for"
    assert done.stderr.count("As expected: ") == 1, "the summary is told once"
    assert {row.verdict for row in read_log(tmp_path / "out").cases} == {"supported"}


def test_only_the_real_api_is_a_basis(conformance: Command, tmp_path: Path) -> None:
    conformance("run", "--select", "messages.text", "--no-witness", "--out", "out")
    done = conformance("record", "--adopt", "out")
    assert done.returncode == 4
    assert "only the real API is a basis" in done.stderr


def test_a_basis_is_rewritten_in_its_own_case_only(tmp_path: Path) -> None:
    one, two, three = (
        "id: a.one\n    basis: documented",
        "id: a.two\n    basis: inferred",
        "id: a.three\n    level: may",
    )
    text = f"cases:\n  - {one}\n  - {two}\n  - {three}\n"
    (tmp_path / "a.yaml").write_text(text)
    assert adopt(tmp_path, {"a.two", "a.three"}) == ["a.two"]
    assert (tmp_path / "a.yaml").read_text() == text.replace("basis: inferred", "basis: recorded")


def test_rules_are_added_to_those_that_were_recorded_before(tmp_path: Path) -> None:
    file = tmp_path / "recorded.txt"
    file.write_text("message.id-form\ntools.id-form\n")
    assert adopt_rules(file, {"stream.index", "message.id-form"}) == ["stream.index"]
    assert file.read_text() == "message.id-form\nstream.index\ntools.id-form\n"
    assert adopt_rules(file, {"stream.index"}) == []


def test_a_rule_that_was_recorded_rests_on_that_alone() -> None:
    recorded = RECORDED.read_text().split()
    assert recorded
    assert set(recorded) <= RULES.keys()
    assert {RULES[rule].basis for rule in recorded} == {"recorded"}


def test_money_is_counted_by_the_usage_of_an_answer() -> None:
    stream = b'{"usage":{"input_tokens":1000,"output_tokens":1}} {"usage":{"output_tokens":200}}'
    assert cost(stream, PRICE) == pytest.approx((1000 * 5 + 200 * 25) / 1e6)
    assert cost(b"not found", PRICE) == 0
    assert estimate([], PRICE).usd == 0
    purse = Purse(None, 0.009, PRICE)
    assert not purse.passed
    purse.spent_usd += cost(stream, PRICE)
    assert purse.passed


def test_the_same_id_gets_the_same_other_name_of_its_length() -> None:
    names = Pseudonyms()
    line = b'{"id":"msg_01AbCdEfGhIjKlMn"} and ["set-cookie","session=1"] and toolu_01AbCdEfGhIjKlMn'
    once, again = names.of(line), names.of(line)
    assert once == again
    assert len(once) == len(line) - len("session=1") + len("removed")
    assert b"01AbCdEfGhIjKlMn" not in once
    assert re.search(rb"msg_(\w{16}).*toolu_\1$", once)

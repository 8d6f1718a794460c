"""`conformance expect`: a run's unexpected rows become known gaps, and the next run is as expected."""

import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from command_line import Command, Serve
from synthetic_runs import make_run

from conformance.catalog.load import cases_folder
from conformance.runs.log import read_log
from conformance.targets.load import load_target_file

PART = ("--model", "scripted", "--select", "messages.text, tools.choice.tool", "--no-witness")


def test_what_was_new_is_known_next_time_and_an_improvement_when_mended(
    conformance: Command, served: Serve, tmp_path: Path
) -> None:
    right = served()
    wrong = ("--base-url", right + "/fault/TO14")
    assert conformance("run", "--target", "reference", *wrong, *PART, "--out", "one").returncode == 1
    done = conformance("expect", "one")
    assert done.returncode == 0, done.stderr
    written = (tmp_path / "reference.yaml").read_text()
    assert "tools.choice.tool" in written
    assert "FILL IN" in written
    target = ("--target", "./reference.yaml")
    done = conformance("run", *target, *wrong, *PART, "--out", "two")
    assert done.returncode == 0, done.stderr
    assert {row.status for row in read_log(tmp_path / "two").cases if row.case == "tools.choice.tool"} == {"known-gap"}
    done = conformance("run", *target, "--base-url", right, *PART, "--out", "three")
    assert done.returncode == 1
    assert "tools.choice.tool" in done.stderr
    assert {row.status for row in read_log(tmp_path / "three").cases if row.case == "tools.choice.tool"} == {
        "improvement"
    }
    assert (
        conformance("run", *target, "--base-url", right, *PART, "--allow-improvements", "--out", "four").returncode == 0
    )


def test_a_rule_got_better_only_where_an_answer_was_looked_at_in_each_place_of_its_gap(
    conformance: Command, served: Serve, tmp_path: Path
) -> None:
    """A gap of streams was called mended where two JSON answers had been asked for."""
    (tmp_path / "mine.yaml").write_text(
        "name: mine\nextends: reference\nknown:\n"
        "  - rule: usage.input-counted\n    verdict: [broken]\n    why: Streams count no input.\n"
        "    keys: [usage.input-counted POST /v1/messages stream /usage/input_tokens zero]\n"
    )
    asked = ("run", "--target", "./mine.yaml", "--base-url", served(), "--model", "scripted", "--no-witness")
    status = {
        mode: {row.status for row in read_log(tmp_path / mode).rules if row.rule == "usage.input-counted"}
        for mode in ("json", "stream")
        if conformance(*asked, "--select", f"messages.text mode:{mode}", "--out", mode).returncode in (0, 1)
    }
    assert status == {"json": {"as-expected"}, "stream": {"improvement"}}


def test_a_server_without_a_file_gets_one_and_a_file_of_ones_own_is_extended(
    conformance: Command, served: Serve, tmp_path: Path
) -> None:
    """The way of docs/targets.md: ask the bare API, write down what was found, and the next run is as expected."""
    url = served() + "/fault/TO14"
    asked = ("run", url, *PART)
    assert conformance(*asked, "--target", "none", "--out", "first").returncode == 1
    assert conformance("expect", "first", "--to", "my-server.yaml").returncode == 0
    written = (tmp_path / "my-server.yaml").read_text()
    assert written.startswith("name: my-server\n")
    assert f"base_url: {url}" in written
    done = conformance(*asked, "--target", "my-server.yaml", "--out", "second")
    assert done.returncode == 0, done.stderr
    (tmp_path / "sub").mkdir()
    assert conformance("expect", "second", "--to", "sub/other.yaml").returncode == 0
    assert "extends: ../my-server.yaml" in (tmp_path / "sub" / "other.yaml").read_text()
    done = conformance(*asked, "--target", "sub/other.yaml", "--out", "third")
    assert done.returncode == 0, done.stderr


WRONG = {
    "numbers": "known: [1]",
    "a mapping": "known: {a: 1}",
    "a number": "known: 5",
    "an entry about nothing": "known: [{verdict: [broken], why: w}]",
    "keys that are none": "known: [{case: a.b, verdict: [broken], keys: 5, why: w}]",
    "a number to drop": "extends: reference\ndrop: 5",
    "aliases of aliases": "a: &a [1,1]\n"
    + "".join(f"{b}: &{b} [*{a},*{a}]\n" for a, b in pairwise("abcdefghijklmnopqrst")),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_target_file_with_mistakes_is_a_line_and_stays_as_it_is(
    what: str, conformance: Command, tmp_path: Path
) -> None:
    before = f"name: t\n{WRONG[what]}\n"
    (tmp_path / "t.yaml").write_text(before)
    done = conformance("expect", str(make_run(tmp_path / "run")), "--to", "t.yaml")
    assert done.returncode == 4, done.stderr
    assert "t.yaml:" in done.stderr
    assert (tmp_path / "t.yaml").read_text() == before


def test_a_known_verdict_of_a_profile_is_kept(conformance: Command, tmp_path: Path) -> None:
    entry = "known:\n- {profile: claude-code, verdict: [not ready], why: w}\n"
    (tmp_path / "t.yaml").write_text(f"name: t\n{entry}")
    done = conformance("expect", str(make_run(tmp_path / "run")), "--to", "t.yaml")
    assert done.returncode == 0, done.stderr
    assert load_target_file(tmp_path / "t.yaml").known[0].profile == "claude-code"


def test_a_run_that_was_cut_says_too_little(conformance: Command, tmp_path: Path) -> None:
    assert conformance("run", "--select", "messages.text", "--no-witness", "--out", "one").returncode == 0
    log = tmp_path / "one" / "run.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    done = conformance("expect", "one")
    assert done.returncode == 4
    assert "incomplete" in done.stderr


def test_a_pinned_target_meets_a_later_question_without_exit_1(
    conformance: Command, served: Serve, tmp_path: Path
) -> None:
    """The file says `suite: 0.1.0`, and the case that the server fails says that 0.2.0 added it."""
    shutil.copytree(cases_folder(), tmp_path / "cases")
    file = tmp_path / "cases" / "tools" / "choice.yaml"
    file.write_text(
        file.read_text().replace("  - id: tools.choice.tool\n", "  - id: tools.choice.tool\n    added: 0.2.0\n")
    )
    (tmp_path / "mine.yaml").write_text("name: mine\nextends: reference\nsuite: 0.1.0\n")
    asked = ("run", served() + "/fault/TO14", *PART, "--cases", "cases", "--no-witness")
    done = conformance(*asked, "--target", "mine.yaml", "--out", "pinned")
    assert done.returncode == 0, done.stderr
    rows = [row for row in read_log(tmp_path / "pinned").cases if row.case == "tools.choice.tool"]
    assert {(row.verdict, row.status) for row in rows} == {("ignored", "as-expected")}
    assert {row.expected_by for row in rows} == {"asked since suite 0.2.0; the target's file pins 0.1.0"}
    assert conformance(*asked, "--target", "reference", "--out", "unpinned").returncode == 1


@pytest.mark.parametrize("file", ["name: mine\nsuite: newest\n", "name: mine\nsuite: '>=1'\n"])
def test_a_pin_is_a_version(conformance: Command, tmp_path: Path, file: str) -> None:
    (tmp_path / "mine.yaml").write_text(file)
    done = conformance("run", "--target", "mine.yaml", "--base-url", "http://127.0.0.1:1")
    assert done.returncode == 4
    assert "mine.yaml:2: suite: a version of the suite, such as 0.2.0" in done.stderr

"""`conformance expect`: a run's unexpected rows become known gaps, and the next run is as expected."""

from pathlib import Path

from command_line import Command, Serve

from conformance.runs.log import read_log

PART = ("--model", "scripted", "--select", "messages.text, tools.choice.tool")


def test_what_was_new_is_known_next_time_and_an_improvement_when_mended(
    conformance: Command, served: Serve, tmp_path: Path
) -> None:
    right = served("--face", "anthropic")
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


def test_a_run_that_was_cut_says_too_little(conformance: Command, tmp_path: Path) -> None:
    assert conformance("run", "--select", "messages.text", "--out", "one").returncode == 0
    log = tmp_path / "one" / "run.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    done = conformance("expect", "one")
    assert done.returncode == 4
    assert "incomplete" in done.stderr

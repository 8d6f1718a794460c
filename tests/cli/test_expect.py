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


def test_a_server_without_a_file_gets_one_and_a_file_of_ones_own_is_extended(
    conformance: Command, served: Serve, tmp_path: Path
) -> None:
    """The way of docs/targets.md: ask the bare API, write down what was found, and the next run is as expected."""
    url = served("--face", "anthropic") + "/fault/TO14"
    asked = ("run", url, *PART, "--no-witness")
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


def test_a_run_that_was_cut_says_too_little(conformance: Command, tmp_path: Path) -> None:
    assert conformance("run", "--select", "messages.text", "--out", "one").returncode == 0
    log = tmp_path / "one" / "run.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    done = conformance("expect", "one")
    assert done.returncode == 4
    assert "incomplete" in done.stderr

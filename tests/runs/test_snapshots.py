"""Snapshots: one file for each server, and a changed shape is seen, said and shown."""

from pathlib import Path

import msgspec
import pytest
from command_line import Command, Serve
from msgspec.structs import replace

from conformance.errors import UserError
from conformance.runs.log import CaseRow, read_log
from conformance.runs.snapshots import read_snapshot, shape_changes, shape_difference, snapshot_file, write_snapshot

BEFORE = {"status": 200, "body": {"usage": {"input_tokens": "number"}, "stop_sequence": "null"}}
AFTER = {"status": 200, "body": {"usage": {"input_tokens": "number", "speed": "string"}}}


def row(case: str, shape: object, sha: str = "a") -> CaseRow:
    told = {
        "case": case, "case_sha256": sha, "mode": "json", "kind": "obligation", "surface": "a.row", "touches": [],
        "level": "must", "verdict": "supported", "status": "as-expected", "reason": "", "findings": [], "marks": [],
        "attempts": 1, "sdk": None, "seconds": 0.1, "exchanges": [], "shape": shape,
    }  # fmt: skip
    return msgspec.convert(told, CaseRow)


def test_shapes_come_back_and_equal_ones_are_written_once(tmp_path: Path) -> None:
    file = snapshot_file("a/server", tmp_path)
    write_snapshot(file, [row("a", BEFORE), row("b", BEFORE), row("c", AFTER), row("never-answered", None)])
    assert read_snapshot(file) == {"a[json]": BEFORE, "b[json]": BEFORE, "c[json]": AFTER}
    assert file.read_text().count("stop_sequence") == 1


def test_no_file_is_no_snapshot_and_a_damaged_one_says_what_to_do(tmp_path: Path) -> None:
    assert read_snapshot(tmp_path / "none.json") == {}
    (tmp_path / "a.json").write_text('{"shapes":[],"questions":{"a[json]":3}}')
    with pytest.raises(UserError, match="--snapshot-update"):
        read_snapshot(tmp_path / "a.json")


def test_a_difference_names_what_is_gone_and_what_is_new() -> None:
    gone, new = shape_difference(BEFORE, AFTER)
    assert gone == ["body.stop_sequence null"]
    assert new == ["body.usage.speed string"]


def test_only_equal_questions_are_compared() -> None:
    before = {"a": row("a", BEFORE), "b": row("b", BEFORE), "c": row("c", BEFORE)}
    after = {"a": row("a", AFTER), "b": replace(row("b", AFTER), case_sha256="other"), "c": row("c", BEFORE)}
    assert set(shape_changes(before, after)) == {"a"}


def test_a_changed_shape_is_seen_in_row_terminal_and_page(conformance: Command, served: Serve, tmp_path: Path) -> None:
    few = ("--select", "messages.text or messages.shape", "--no-witness")
    assert conformance("run", *few, "--out", "first", "--", "--snapshot-update").returncode == 0
    assert (tmp_path / "reports" / "snapshots" / "reference.json").is_file()
    again = conformance("run", *few, "--out", "same")
    assert "Another shape" not in again.stderr
    assert not [row for row in read_log(tmp_path / "same").cases if row.drift]
    url = served("--face", "anthropic") + "/fault/ID06"
    words = ("--target", "reference", "--base-url", url, "--model", "scripted")
    changed = conformance("run", *words, *few, "--out", "changed")
    assert {row.case for row in read_log(tmp_path / "changed").cases if row.drift} == {
        "messages.text",
        "messages.shape",
    }
    assert "Another shape than the committed snapshot has: messages.text[json]" in changed.stderr + changed.stdout
    assert '"drift":[' in (tmp_path / "changed" / "index.html").read_text()
    assert '"drift":[]' not in (tmp_path / "changed" / "index.html").read_text()

"""Shards of a run, asked by processes of their own and joined: they say what the whole run says."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import Command

from conformance.catalog.load import load_catalog
from conformance.cli import published
from conformance.cli.main import main
from conformance.engine.merge import unasked
from conformance.engine.plan import plan
from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import RunLog, read_log
from conformance.runs.options import RunOptions

SELECT = "usage.* or count-tokens.*"
TIMES = {"seconds", "finished", "timing", "warnings"}


def judged(folder: Path) -> Counter[bytes]:
    """The rows of a log without head, catalog and times, in any order."""
    rows = [msgspec.json.decode(line) for line in (folder / "run.jsonl").read_bytes().splitlines()]
    kept = [row for row in rows if row["type"] not in ("run", "catalog")]
    return Counter(
        msgspec.json.encode({k: v for k, v in row.items() if k not in TIMES}, order="sorted") for row in kept
    )


def cut(folder: Path, keep: int) -> None:
    """Leaves of a run what a kill leaves: its head and the first rows of cases."""
    log = folder / "run.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    cases = [line for line in lines if line.startswith(b'{"type":"case"')]
    log.write_bytes(b"".join(lines[:2] + cases[:keep]))


def with_testimonies(folder: Path) -> None:
    """Writes into a log that the SDK, which was not asked, accepts every answer."""
    log = folder / "run.jsonl"
    before = log.read_bytes()
    log.write_bytes(before.replace(b'"sdk":null', b'"sdk":"accepts"'))
    assert log.read_bytes() != before


def test_shards_together_are_the_whole_run(conformance: Command, tmp_path: Path) -> None:
    whole = conformance("run", "--select", SELECT, "--no-witness", "--out", "whole")
    for number in (1, 2, 3):
        words = ("--no-witness", "--shard", f"{number}/3", "--out", f"part{number}")
        part = conformance("run", "--select", SELECT, *words)
        assert f"This is shard {number}/3 of a run" in part.stdout + part.stderr
    cut(tmp_path / "part2", 4)

    short = conformance("merge", "part1", "part2", "part3", "-o", "short")
    assert "This run is incomplete" in short.stdout + short.stderr
    missing = [row for row in read_log(tmp_path / "short").cases if row.verdict == "not-run"]
    assert missing
    assert {row.reason for row in missing} == {"missing after the merge: its shard was cut short"}

    assert conformance("run", "--resume", "part2", "--no-witness").returncode == whole.returncode
    assert read_log(tmp_path / "part2").shard == "2/3"
    for name in ("whole", "part1", "part2", "part3"):
        with_testimonies(tmp_path / name)
    joined = conformance("merge", "part3", "part1", "part2", "-o", "joined")
    assert joined.returncode == whole.returncode, joined.stderr
    assert judged(tmp_path / "joined") == judged(tmp_path / "whole")
    assert conformance("rejudge", "joined").returncode == whole.returncode, "its evidence is whole"


def test_a_published_run_is_extended_with_what_it_lacks(
    conformance: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new = "count-tokens.call-input"
    assert conformance("run", "--select", SELECT, "--no-witness", "--out", "whole").returncode == 0
    whole = read_log(tmp_path / "whole")
    lines = (tmp_path / "whole" / "run.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "whole" / "run.jsonl").write_bytes(
        b"".join(one for one in lines if f'"case":"{new}"'.encode() not in one)
    )
    monkeypatch.chdir(tmp_path)
    assert published.main(["add", "whole", "--extend"]) == 4
    assert "is not there, so nothing can be added to it: leave --extend out" in capsys.readouterr().err
    assert published.main(["add", "whole"]) == 0
    (folder,) = (tmp_path / "reports" / "runs").iterdir()
    assert unasked(read_log(folder), load_catalog()) == [new]

    assert conformance("run", "--select", f"id:{new}", "--no-witness", "--out", "later").returncode == 0
    assert published.main(["add", "later", "--extend"]) == 0
    extended = read_log(folder)
    assert unasked(extended, load_catalog()) == []
    assert {(row.case, row.mode, row.verdict) for row in extended.cases} == {
        (row.case, row.mode, row.verdict) for row in whole.cases
    }
    assert set(EvidenceStore(folder)) == set(EvidenceStore(tmp_path / "whole"))
    assert extended.options.select == SELECT, "the head is that of the published run"


@pytest.mark.parametrize("of", [1, 2, 7])
def test_every_question_is_in_one_shard_with_what_it_leans_on(of: int) -> None:
    catalog = load_catalog()
    whole = plan(catalog, RunOptions())
    shards = [plan(catalog, RunOptions(shard=f"{number}/{of}")) for number in range(1, of + 1)]
    assert {question for shard in shards for question in shard} == set(whole)
    for shard in shards:
        asked = {question.case.id for question in shard}
        assert {q.case.control for q in shard if q.case.control} <= asked
        assert {q.case.twin for q in shard if q.case.twin} <= asked


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1/3/5", ""])
def test_a_shard_that_is_none_is_said(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", f"--shard={text}", "--out", str(tmp_path / "out")]) == 4
    assert "write I/N with I from 1 to N, such as 2/4" in capsys.readouterr().err


def test_a_shard_with_nothing_to_ask_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--select", "messages.text", "--shard", "3/3", "--out", str(tmp_path / "out")]
    assert main(words) == 4
    assert "--shard 3/3 is empty: only 2 questions are selected" in capsys.readouterr().err


@pytest.fixture(scope="module")
def two_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the two shards of a run."""
    folder = tmp_path_factory.mktemp("shards")
    for number in (1, 2):
        words = ["run", "--select", "messages.text", "--no-witness", "--shard", f"{number}/2"]
        assert main([*words, "--out", str(folder / f"part{number}")]) == 0
    return folder


def _head(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def bend(folder: Path) -> None:
        lines = (folder / "run.jsonl").read_bytes().splitlines(keepends=True)
        head = msgspec.json.decode(lines[0])
        change(head)
        (folder / "run.jsonl").write_bytes(msgspec.json.encode(head) + b"\n" + b"".join(lines[1:]))

    return bend


BENT: dict[str, tuple[Callable[[Path], None], str]] = {
    "no shard": (_head(lambda head: head["options"].pop("shard")), "was asked without --shard"),
    "doubled": (_head(lambda head: head["options"].update(shard="1/2")), "are both shard 1/2; leave one out"),
    "of three": (_head(lambda head: head["options"].update(shard="2/3")), "is shard 2/3"),
    "another target": (_head(lambda head: head["target"].update(name="ollama")), "the target is reference"),
    "another model": (_head(lambda head: head["target"].update(model="other")), "the model is"),
    "other cases": (_head(lambda head: head["suite"].update(cases_sha256="0" * 64)), "the suite's cases is"),
    "other options": (_head(lambda head: head["options"].update(strict=True)), "the options is"),
    "another profile": (_head(lambda head: head.update(profile="quick")), "the profile is none"),
}


@pytest.mark.parametrize("name", BENT)
def test_what_is_no_set_of_shards_is_refused(
    name: str, two_shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bend, says = BENT[name]
    shutil.copytree(two_shards / "part2", tmp_path / "part2")
    bend(tmp_path / "part2")
    out = tmp_path / "out"
    assert main(["merge", str(two_shards / "part1"), str(tmp_path / "part2"), "-o", str(out)]) == 4
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1, "one line"
    assert not (out / "run.jsonl").exists(), "nothing is half-written"


def test_a_missing_shard_is_named(two_shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", str(two_shards / "part2"), "-o", str(tmp_path / "out")]) == 4
    assert "shard 1/2 is missing: name the folders of all 2 shards" in capsys.readouterr().err


def test_a_resumed_shard_stays_what_it_is(two_shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(two_shards / "part2", tmp_path / "part2")
    assert main(["run", "--resume", str(tmp_path / "part2"), "--shard", "1/2"]) == 4
    assert "is shard 2/2, not shard 1/2; leave out --shard" in capsys.readouterr().err


def test_a_log_says_which_part_it_is(two_shards: Path) -> None:
    log: RunLog = read_log(two_shards / "part1")
    assert (log.complete, log.shard, log.lacks) == (True, "1/2", "shard 1/2")

"""The run log: what is written is read back, a killed run keeps what it had, and two runs are compared row by row."""

import json
import re
import shutil
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import synthetic_runs
from command_line import Command, Serve
from msgspec.structs import replace

from conformance.cli.main import main
from conformance.errors import UserError
from conformance.judge.finding import ABSENT, Finding
from conformance.runs.diff import cause_changes, diff, readiness_changes, second_turn_change, speed_changes
from conformance.runs.evidence import Text
from conformance.runs.evidence_store import EvidenceStore, EvidenceWriter, remove_evidence
from conformance.runs.log import (
    CaseInfo,
    CaseRow,
    CatalogRow,
    CauseRow,
    EndRow,
    JudgedNeed,
    LogError,
    LogRow,
    LogWriter,
    ObedienceRow,
    ReadinessRow,
    RuleRow,
    RunLog,
    RunRow,
    SuiteInfo,
    TargetInfo,
    TendencyRow,
    pack_log,
    read_log,
)
from conformance.runs.snapshots import read_snapshot, shape_changes, shape_difference, snapshot_file, write_snapshot
from conformance.words import Verdict

HEAD = RunRow(
    suite=SuiteInfo("1", "0" * 64),
    target=TargetInfo("reference", "1", "http://127.0.0.1:1", "scripted"),
    capabilities={"tools": True},
    options={},
    profile=None,
    expectations_sha256="0" * 64,
    command="conformance run",
    started="2026-11-20T12:00:00+00:00",
)
END = EndRow(finished="2026-11-20T12:00:01+00:00", counts={"supported": 1}, complete=True, exit=0)


def case(name: str, verdict: Verdict, *keys: str, sha: str = "a") -> CaseRow:
    return CaseRow(
        case=name,
        case_sha256=sha,
        mode="json",
        kind="obligation",
        surface="request.model",
        touches=[],
        level="must",
        verdict=verdict,
        status="as-expected",
        reason="",
        findings=[Finding("effect:0", key, "must", "/x", 1, ABSENT) for key in keys],
        marks=[],
        attempts=1,
        sdk="accepts",
        seconds=0.1,
        exchanges=[],
    )


def rule(name: str, verdict: Verdict) -> RuleRow:
    return RuleRow(
        rule=name,
        surface="response.id",
        level="must",
        verdict=verdict,
        status="as-expected",
        seen=1,
        violations=0,
        findings=[],
    )


def written(folder: Path, *rows: LogRow) -> RunLog:
    with LogWriter(folder) as log:
        for row in rows:
            log.write(row)
    return read_log(folder)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    rows = (HEAD, CatalogRow(rows=[], rules=[]), case("a", "supported", "k"), rule("r", "broken"), END)
    log = written(tmp_path, *rows)
    assert (log.run, log.catalog, *log.cases, *log.rules, log.end) == rows
    assert log.complete


def test_the_rows_of_an_older_log_keep_their_weight(tmp_path: Path) -> None:
    row = {"id": "a.b", "title": "A", "area": "a", "tier": "core", "consequence": "C", "source": [], "level": "should"}
    written(tmp_path, replace(HEAD, format=1))
    with (tmp_path / "run.jsonl").open("ab") as file:
        file.write(msgspec.json.encode({"type": "catalog", "rows": [row], "rules": []}) + b"\n")
    (read,) = read_log(tmp_path).catalog.rows
    assert (read.weight, read.level) == ("should", None)


def test_a_log_without_its_footer_is_incomplete(tmp_path: Path) -> None:
    assert not written(tmp_path, HEAD, case("a", "supported")).complete


def test_a_line_cut_by_a_kill_is_dropped(tmp_path: Path) -> None:
    written(tmp_path, HEAD, case("a", "supported"))
    with (tmp_path / "run.jsonl").open("ab") as file:
        file.write(b'{"type":"case","case":"b"')
    assert [row.case for row in read_log(tmp_path).cases] == ["a"]


def test_a_defect_inside_names_its_line(tmp_path: Path) -> None:
    written(tmp_path, HEAD)
    with (tmp_path / "run.jsonl").open("ab") as file:
        file.write(b"nonsense\n")
    with LogWriter(tmp_path) as log:
        log.write(END)
    with pytest.raises(LogError, match="line 2"):
        read_log(tmp_path)


def test_a_packed_log_is_read_and_can_grow_again(tmp_path: Path) -> None:
    log = written(tmp_path, HEAD, case("a", "supported"))
    pack_log(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.jsonl.zst"]
    assert read_log(tmp_path) == read_log(tmp_path / "run.jsonl.zst") == log
    assert [row.case for row in written(tmp_path, case("b", "supported"), END).cases] == ["a", "b"]


def test_a_packed_log_that_is_torn_says_so(tmp_path: Path) -> None:
    written(tmp_path, HEAD, case("a", "supported"))
    pack_log(tmp_path)
    packed = tmp_path / "run.jsonl.zst"
    packed.write_bytes(packed.read_bytes()[:-2])
    with pytest.raises(LogError, match=r"run\.jsonl\.zst: no zstd file, or a torn one"):
        read_log(tmp_path)


def test_a_torn_line_is_cut_before_the_log_goes_on(tmp_path: Path) -> None:
    written(tmp_path, HEAD, case("a", "supported"))
    with (tmp_path / "run.jsonl").open("ab") as file:
        file.write(b'{"type":"case","case":"b"')
    assert [row.case for row in written(tmp_path, case("c", "supported"), END).cases] == ["a", "c"]


def test_a_folder_without_a_log_says_so(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"run\.jsonl"):
        read_log(tmp_path)


def test_a_log_of_a_later_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="format 99"):
        written(tmp_path, replace(HEAD, format=99))


@pytest.mark.parametrize("head", ['{"type":"run","format":99,"suite":7}', '{"type":"journey","format":99}'])
def test_a_later_format_is_refused_by_name_whatever_its_rows_look_like(tmp_path: Path, head: str) -> None:
    (tmp_path / "run.jsonl").write_text(head + '\n{"type":"verdict"}\n')
    with pytest.raises(LogError, match=r"format 99.*update messages-conformance"):
        read_log(tmp_path)


def test_typed_rows_are_read_back_and_the_last_of_a_kind_counts(tmp_path: Path) -> None:
    cause = CauseRow(kind="rule", id="stream.framing", says="x", rows=["a[json]"], blocked=1, answers=(3, 4))
    need = JudgedNeed(
        id="tools", level="blocks", verdict="broken", says="x", meets="y", question="a[json]", exchange="a.json.1"
    )
    ready = ReadinessRow(profile="claude-code", client="Claude Code 2.1.214", verdict="not ready", needs=[need])
    tendency = TendencyRow(case="t", mode="json", shown=1, of=3)
    log = written(
        tmp_path,
        HEAD,
        case("a", "broken", "k"),
        case("b", "supported"),
        replace(ready, verdict="ready"),
        END,
        HEAD,  # a resumed run
        replace(case("a", "blocked"), by=cause.id),
        tendency,
        cause,
        ready,
        ObedienceRow(3, 4),
        END,
    )
    assert [(row.case, row.verdict, row.by) for row in log.cases] == [
        ("a", "blocked", cause.id),
        ("b", "supported", ""),
    ]
    assert log.causes == (cause,)
    assert log.readiness == (ready,)
    assert log.obedience == ObedienceRow(3, 4)
    assert log.tendencies == (tendency,)


def test_the_end_of_an_earlier_part_is_forgotten(tmp_path: Path) -> None:
    cause = CauseRow(kind="answer", id="x", says="x")
    log = written(tmp_path, HEAD, cause, ReadinessRow(profile="p", verdict="ready"), ObedienceRow(1, 1), END, HEAD)
    assert (log.causes, log.readiness, log.obedience, log.end) == ((), (), None, None)


FORMAT_1 = [
    msgspec.to_builtins(replace(HEAD, format=1)),
    {"type": "catalog", "rows": [{"id": "stream.index", "title": "Index", "area": "stream", "tier": "core",
                                  "consequence": "", "source": []}], "rules": []},
    {**msgspec.to_builtins(case("a", "broken")),
     "exchanges": ["evidence/a.json.1.json", "evidence/a.json.1.call.json"]},
    {**msgspec.to_builtins(rule("r", "broken")),
     "findings": [msgspec.to_builtins(Finding("r", "k", "must", "/x", 1, 2, exchange="evidence/a.json.1.json"))]},
    {"type": "note", "about": "obedience", "text": "", "data": {"obeyed": 3, "of": 4}},
    {"type": "note", "about": "obedience", "text": "", "data": {}},
    {"type": "note", "about": "anything", "text": "a stale entry"},
    {"type": "note", "about": "tendency", "text": "",
     "data": {"case": "t", "mode": "json", "shown": 1, "of": 3, "exchanges": ["evidence/t.json.1.json"]}},
    {"type": "note", "about": "readiness", "text": "", "data": {
        "profile": "claude-code", "verdict": "not ready", "unverified": ["other.row"], "timing": {"first_byte": 0.1},
        "missing": [{"row": "stream.index", "level": "must", "consequence": "mixed up", "evidence": "a"}]}},
    msgspec.to_builtins(END),
]  # fmt: skip


def test_format_1_is_read_as_format_2(tmp_path: Path) -> None:
    (tmp_path / "run.jsonl").write_bytes(b"\n".join(msgspec.json.encode(row) for row in FORMAT_1) + b"\n")
    log = read_log(tmp_path)
    assert log.run.format == 2
    assert log.cases[0].exchanges == ["a.json.1", "a.json.1.call"]
    assert log.rules[0].findings[0].exchange == "a.json.1"
    assert log.obedience == ObedienceRow(3, 4)
    assert log.tendencies == (TendencyRow(case="t", mode="json", shown=1, of=3, exchanges=["t.json.1"]),)
    (ready,) = log.readiness
    assert (ready.profile, ready.verdict, ready.timing) == ("claude-code", "not ready", {"first_byte": 0.1})
    assert ready.needs == [
        JudgedNeed(id="stream.index", level="blocks", verdict="broken", says="Index", meets="mixed up", question="a",
             exchange="a.json.1"),
        JudgedNeed(id="other.row", level="blocks", verdict="inconclusive", says="other.row"),
    ]  # fmt: skip
    assert written(tmp_path / "again", log.run, log.catalog, *log.cases, *log.rules, ready).readiness == (ready,)


def test_a_missing_key_differs_from_an_object_that_looks_like_it(tmp_path: Path) -> None:
    row = replace(
        case("a", "broken"),
        findings=[Finding("effect:0", "k", "must", "/x", 1, observed) for observed in (ABSENT, {"absent": True}, None)],
    )
    findings = written(tmp_path, HEAD, row).cases[0].findings
    assert [finding.observed for finding in findings] == [ABSENT, '{"absent":true}', None]
    assert findings[0].observed is ABSENT
    assert '"observed":{"absent":true}' in (tmp_path / "run.jsonl").read_text()


@pytest.mark.parametrize("huge", ["x" * 10_000_000, {"a": ["ä" * 500_000]}, list(range(100_000)), '\x01"\\' * 50_000])
def test_no_value_longer_than_64_kb_enters_the_log(tmp_path: Path, huge: object) -> None:
    finding = Finding("effect:0", "k" * 100_000, "must", "/x", huge, huge)
    row = replace(case("a", "broken"), findings=[finding], reason="r" * 100_000)
    kept = written(tmp_path, HEAD, row, case("b", "supported")).cases[0]
    values = [kept.reason, kept.findings[0].observed, kept.findings[0].expected, kept.findings[0].key]
    assert all(len(msgspec.json.encode(value)) <= 64 * 1024 for value in values)
    assert (
        str(kept.findings[0].observed)[:3]
        == (huge if isinstance(huge, str) else msgspec.json.encode(huge).decode())[:3]
    )
    assert "bytes in all" in str(kept.findings[0].observed)


def test_runs_are_compared_by_row_and_finding(tmp_path: Path) -> None:
    old = written(
        tmp_path / "old",
        HEAD,
        case("worse", "supported"),
        case("better", "ignored"),
        case("other-keys", "broken", "k1"),
        case("asked-otherwise", "supported"),
        case("same", "supported"),
        case("was-called", "supported"),
        case("lost", "supported"),
        rule("r", "supported"),
        END,
    )
    catalog = CatalogRow(rows=[], rules=[], cases=[CaseInfo("is-called", "", renamed_from=["was-called"])])
    new = written(
        tmp_path / "new",
        HEAD,
        catalog,
        case("worse", "broken", "k"),
        case("better", "supported"),
        case("other-keys", "broken", "k2"),
        case("asked-otherwise", "broken", sha="b"),
        case("same", "supported"),
        case("is-called", "supported"),
        case("fresh", "supported"),
        rule("r", "inconclusive"),
        END,
    )
    found = {difference.id: difference for difference in diff(old, new)}
    assert {name: difference.change for name, difference in found.items()} == {
        "worse": "regression",
        "other-keys": "findings changed",
        "better": "improvement",
        "r": "unverified",
        "asked-otherwise": "question changed",
        "fresh": "new",
        "lost": "gone",
    }
    assert found["other-keys"].appeared == ["k2"]
    assert found["other-keys"].vanished == ["k1"]
    assert {name for name, difference in found.items() if difference.worse} == {"worse", "other-keys"}


def test_what_one_run_alone_asked_is_no_change(tmp_path: Path) -> None:
    """A rule that is broken in answers to new questions, and a cause that only they show, were not there or gone."""
    finding = Finding("r", "r POST /v1/messages json /x missing", "must", "/x", 1, ABSENT)

    def run(name: str, *cases: CaseRow) -> RunLog:
        marked = [mark for row in cases for mark in row.marks]
        broken = replace(rule("r", "broken" if marked else "supported"), findings=marked[:1])
        worse = [f"{row.case}[json]" for row in cases if row.verdict == "broken"]
        causes = [
            CauseRow(kind="effect", id=one, says="The law.", rows=[one]) for one in (*worse, *["r"][: len(marked)])
        ]
        return written(tmp_path / name / cases[-1].case, HEAD, *cases, broken, *causes, END)

    old = run("old", case("c", "broken"))
    asked_anew = run("new", case("c", "supported"), replace(case("fresh", "broken"), marks=[finding]))
    asked_by_both = run("new", replace(case("c", "supported"), marks=[finding]))
    assert {one.id: one.change for one in diff(old, asked_anew)} == {
        "c": "improvement",
        "r": "question changed",
        "fresh": "new",
    }
    changes = cause_changes(old, asked_anew)
    assert ([one.id for one in changes.appeared], [one.id for one in changes.vanished]) == ([], ["c[json]"])
    assert {one.id: one.change for one in diff(old, asked_by_both)} == {"c": "improvement", "r": "regression"}
    assert [cause.id for cause in cause_changes(old, asked_by_both).appeared] == ["r"]


def slowed(folder: Path, out: Path, times: float) -> RunLog:
    """A copy of a run in which every byte came so many times later."""
    shutil.copytree(folder, out)
    store = EvidenceStore(folder)
    read = [store.read(name) for name in store]
    remove_evidence(out)
    writer = EvidenceWriter(out)
    for one in read:
        chunks = [replace(chunk, at=(chunk.at or 0.0) * times) for chunk in one.answer.chunks]
        writer.write(replace(one, answer=replace(one.answer, chunks=chunks)))
    writer.close()
    return read_log(out)


@pytest.mark.parametrize(("times", "said"), [(2.0, "2.0 times as slow"), (0.5, "2.0 times as fast")])
def test_a_server_that_became_slower_is_told_and_not_judged(
    tmp_path: Path, times: float, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = synthetic_runs.make_run(tmp_path / "one")
    old, new = read_log(folder), slowed(folder, tmp_path / "two", times)
    (change,) = speed_changes(old, new)
    assert (change.what, round(change.times, 3)) == ("to the first event", times)
    assert change.over >= 5
    assert speed_changes(old, slowed(folder, tmp_path / "three", 1.1)) == []
    assert main(["diff", str(folder), str(tmp_path / "two")]) == 0
    told = capsys.readouterr().out
    assert f"speed, no verdict: {said}" in told
    assert "0 rows differ" in told
    remove_evidence(tmp_path / "two")
    assert speed_changes(old, read_log(tmp_path / "two")) == [], "nothing is said where nothing was kept"


def test_a_client_that_runs_no_more_stands_before_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published = Path(__file__).parents[2] / "reports" / "runs"
    assert main(["diff", str(published / "reference"), str(published / "ant2oai-0.1.6")]) == 1
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert re.search(r": \d+ rows differ: \d+ regressions, \d+ with other findings, ", first)
    assert second.startswith("Claude Code 2.1.332: ready -> ")
    (change,) = readiness_changes(read_log(published / "reference"), read_log(published / "ant2oai-0.1.6"))
    assert change.because in second
    assert change.because
    assert readiness_changes(read_log(published / "reference"), read_log(published / "reference")) == []


def test_a_run_does_not_differ_from_itself(tmp_path: Path) -> None:
    log = written(tmp_path, HEAD, case("a", "broken", "k"), rule("r", "broken"), END)
    assert diff(log, log) == []


def with_second_turns(folder: Path, out: Path, first: float, second: float) -> RunLog:
    """A copy of a run in which each question asks a second turn, with the seconds to the first bytes of both."""
    shutil.copytree(folder, out)
    store = EvidenceStore(folder)
    remove_evidence(out)
    rows = []
    with closing(EvidenceWriter(out)) as writer:
        for row in read_log(folder).cases:
            if row.verdict != "supported" or not row.exchanges:
                continue
            one = store.read(row.exchanges[-1])
            names = [f"{one.id}.first", f"{one.id}.second"]
            for name, seconds, turns in zip(names, (first, second), (1, 3), strict=True):
                body = Text(text=json.dumps({"model": "m", "messages": [{"role": "user", "content": "any"}] * turns}))
                request, answer = replace(one.request, body=body), replace(one.answer, first_byte=seconds, status=200)
                writer.write(replace(one, id=name, request=request, answer=answer))
            rows.append(replace(row, exchanges=names))
    return replace(read_log(out), cases=rows)


@pytest.mark.parametrize(
    ("first", "second", "told"), [(2.0, 0.4, None), (2.0, 1.0, 0.5), (4.0, 0.8, None), (1.0, 0.1, 0.1)]
)
def test_a_beginning_that_is_read_again_is_told_and_not_judged(
    tmp_path: Path, first: float, second: float, told: float | None
) -> None:
    """A machine that is slower in both turns keeps as much of the beginning as before."""
    folder = synthetic_runs.make_run(tmp_path / "one")
    old = with_second_turns(folder, tmp_path / "old", 2.0, 0.4)
    new = with_second_turns(folder, tmp_path / "new", first, second)
    assert speed_changes(old, new) == []
    found = second_turn_change(old, new)
    assert (None if found is None else (round(found.old, 3), round(found.new, 3))) == (told and (0.2, told))


def test_what_was_read_late_tells_no_second_turn(tmp_path: Path) -> None:
    """The suite was held up from the request on, and nobody knows how long the server took: that was a traceback."""
    folder = synthetic_runs.make_run(tmp_path / "one")
    old = with_second_turns(folder, tmp_path / "old", 2.0, 0.4)
    store = EvidenceStore(old.folder)
    kept = [store.read(name) for name in store]
    remove_evidence(old.folder)
    with closing(EvidenceWriter(old.folder)) as writer:
        for one in kept:
            writer.write(replace(one, answer=replace(one.answer, held_up=[(0.0, 3.0)])))
    assert second_turn_change(old, old) is None


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
    url = served() + "/fault/ID06"
    words = ("--target", "reference", "--base-url", url, "--model", "scripted")
    changed = conformance("run", *words, *few, "--out", "changed")
    assert {row.case for row in read_log(tmp_path / "changed").cases if row.drift} == {
        "messages.text",
        "messages.shape",
    }
    assert "Another shape than the committed snapshot has: messages.text[json]" in changed.stderr + changed.stdout
    assert '"drift":[' in (tmp_path / "changed" / "index.html").read_text()
    assert '"drift":[]' not in (tmp_path / "changed" / "index.html").read_text()

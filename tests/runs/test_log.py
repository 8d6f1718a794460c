"""The run log: what is written is read back, a killed run keeps what it had, and two runs are compared row by row."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from conformance.judge.finding import Finding
from conformance.runs.diff import diff
from conformance.runs.log import (
    CaseInfo,
    CaseRow,
    CatalogRow,
    EndRow,
    LawRow,
    LogError,
    LogRow,
    LogWriter,
    RunLog,
    RunRow,
    SuiteInfo,
    TargetInfo,
    read_log,
)
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
        findings=[Finding("effect:0", key, "must", "/x", 1, {"absent": True}) for key in keys],
        marks=[],
        attempts=1,
        sdk="accepts",
        seconds=0.1,
        exchanges=[],
    )


def rule(name: str, verdict: Verdict) -> LawRow:
    return LawRow(
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
    written(tmp_path, HEAD)
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


def test_a_folder_without_a_log_says_so(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"run\.jsonl"):
        read_log(tmp_path)


def test_a_log_of_a_later_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="format 99"):
        written(tmp_path, replace(HEAD, format=99))


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


def test_a_run_does_not_differ_from_itself(tmp_path: Path) -> None:
    log = written(tmp_path, HEAD, case("a", "broken", "k"), rule("r", "broken"), END)
    assert diff(log, log) == []

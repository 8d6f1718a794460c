"""A cell is the worst that was observed, and the matrix joins runs of any suite version."""

import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import synthetic_runs
from hypothesis import given
from hypothesis import strategies as some

from conformance.report.levels import breaks as breaks_promise
from conformance.report.matrix import Cell, Column, Matrix, cell_of, matrix_of, most_important
from conformance.report.query import QueryError, hints, parse, select
from conformance.runs.expectations import RowResult, RowTraits, against_promise, exit_code
from conformance.runs.log import CaseRow, CatalogRow, EndRow, ObedienceRow, RowInfo, RuleRow, RunLog, RunRow, read_log
from conformance.words import OBSERVED, STATUSES, VERDICTS, Tier

WHEN = datetime.datetime(2026, 11, 20, 9, tzinfo=datetime.UTC).isoformat()


def case(verdict: str = "supported", **changes: Any) -> CaseRow:
    told = {
        "case": "a.case", "case_sha256": "00", "mode": "json", "kind": "obligation", "surface": "a.row", "touches": [],
        "level": "must", "verdict": verdict, "status": "as-expected", "reason": "", "findings": [], "marks": [],
        "attempts": 1, "sdk": "accepts", "seconds": 0.1, "exchanges": [],
    }  # fmt: skip
    return msgspec.convert({**told, **changes}, CaseRow)


def law(verdict: str = "supported", **changes: Any) -> RuleRow:
    told = {
        "rule": "a.rule", "surface": "a.row", "level": "must", "verdict": verdict, "status": "as-expected",
        "seen": 3, "violations": 0, "findings": [],
    }  # fmt: skip
    return msgspec.convert({**told, **changes}, RuleRow)


def row(identity: str = "a.row", **changes: Any) -> RowInfo:
    told = {"id": identity, "title": identity, "area": "a", "tier": "core", "consequence": "", "source": []}
    return msgspec.convert({**told, **changes}, RowInfo)


def run(**changes: Any) -> RunLog:
    """A run in memory; `name`, `version`, `model`, `simulated`, `started` of the target, else fields of the log."""
    target: dict[str, Any] = {
        key: changes.pop(key) for key in ("name", "version", "model", "simulated") if key in changes
    }
    head: dict[str, Any] = {
        "type": "run",
        "suite": {"version": "0.1.0", "cases_sha256": "00"},
        "target": {"name": "server", "version": "1.0", "base_url": "http://x", "model": "m", **target},
        "capabilities": {}, "options": {}, "profile": None, "expectations_sha256": "", "command": "conformance run",
        "started": changes.pop("started", WHEN),
    }  # fmt: skip
    rows: list[RowInfo] = changes.pop("rows", [])
    told: dict[str, Any] = {
        "folder": Path(),
        "run": msgspec.convert(head, RunRow),
        "catalog": CatalogRow(rows=rows, rules=[], areas={"a": "Area"} if rows else {}),
        "cases": (),
        "rules": (),
        "end": EndRow(finished=WHEN, counts={}, complete=True, exit=0),
    }
    return RunLog(**{**told, **changes})


def only_column(*runs: RunLog) -> Column:
    (column,) = matrix_of(runs).columns
    return column


# --- a cell ----------------------------------------------------------------------------------------------------------

verdicts = some.sampled_from(VERDICTS)
cases = some.lists(
    some.builds(case, verdicts, level=some.sampled_from(["must", "should", "may"]), status=some.sampled_from(STATUSES))
)


@given(cases, cases)
def test_a_cell_does_not_depend_on_the_order(one: list[CaseRow], other: list[CaseRow]) -> None:
    def seen(cell: Cell) -> tuple[object, ...]:
        return cell.verdict, cell.status, cell.asked, cell.unverified, cell.question

    assert seen(cell_of([*one, *other], [])) == seen(cell_of([*other, *one], []))


@given(cases, some.sampled_from(OBSERVED))
def test_one_more_observation_never_makes_a_cell_better(rest: list[CaseRow], verdict: str) -> None:
    before, after = cell_of(rest, []), cell_of([*rest, case(verdict)], [])
    assert after.verdict in OBSERVED
    if before.verdict in OBSERVED:
        assert OBSERVED.index(after.verdict) <= OBSERVED.index(before.verdict)


@given(cases, cases)
def test_optional_questions_do_not_count(rest: list[CaseRow], optional: list[CaseRow]) -> None:
    may = [msgspec.structs.replace(one, level="may") for one in optional]
    with_them, without = cell_of([*rest, *may], []), cell_of(rest, [])
    assert (with_them.verdict, with_them.asked, with_them.unverified) == (
        without.verdict,
        without.asked,
        without.unverified,
    )
    assert len(with_them.cases) == len(rest) + len(may)


def test_a_supported_cell_says_what_was_not_verified() -> None:
    cell = cell_of([case("supported"), case("inconclusive"), case("not-run"), case("not-applicable")], [law("error")])
    assert (cell.verdict, cell.unverified, cell.asked) == ("supported", 3, 4)


def test_rules_and_cases_meet_in_one_cell() -> None:
    assert cell_of([case("supported")], [law("broken", status="regression")]).verdict == "broken"
    assert cell_of([case("supported")], [law("broken", status="regression")]).status == "regression"


def test_that_a_request_was_accepted_does_not_show_an_effect() -> None:
    accepted = msgspec.structs.replace(case("supported"), accepted=True)
    assert cell_of([accepted], []).verdict == "inconclusive"
    assert cell_of([accepted, case("supported")], []).verdict == "supported"
    assert cell_of([msgspec.structs.replace(accepted, verdict="refused")], []).verdict == "refused"


def test_a_cell_of_optional_questions_only_has_no_verdict() -> None:
    assert cell_of([case("supported", level="may")], []).verdict is None


def test_the_sdk_that_misreads_is_worse_than_one_that_rejects() -> None:
    assert cell_of([case(sdk="rejects"), case(sdk="misreads"), case(sdk=None)], []).sdk == "misreads"
    assert cell_of([], [law()]).sdk is None


def test_cells_know_whether_the_same_was_asked() -> None:
    one, other = cell_of([case(case_sha256="01")], []), cell_of([case(case_sha256="02")], [])
    assert one.question != other.question
    assert one.question == cell_of([case("broken", case_sha256="01")], []).question


# --- the promise -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "level", "verdict", "breaks"),
    [
        ("core", "must", "supported", False),
        ("core", "must", "partial", False),
        ("core", "must", "refused", True),
        ("core", "should", "refused", False),
        ("core", "should", "ignored", False),
        ("feature", "must", "refused", False),
        ("feature", "must", "ignored", True),
        ("hosted", "must", "ignored", True),
        ("hosted", "may", "broken", True),
        ("core", "must", "inconclusive", False),
        ("core", "must", "error", False),
    ],
)
def test_what_breaks_the_promise(tier: str, level: str, verdict: Any, breaks: bool) -> None:
    assert breaks_promise(row(tier=tier), [case(verdict, level=level)]) is breaks
    assert breaks_promise(row(tier=tier), [case(), law(verdict, level=level)]) is breaks


def test_each_question_breaks_the_promise_at_its_own_level() -> None:
    lenient = only_column(run(rows=[row(weight="must")], cases=(case(), case("refused", level="should"))))
    strict = only_column(run(rows=[row(weight="should")], cases=(case(), case("refused", level="must"))))
    assert (lenient.breaches, lenient.conformance) == ((), "conformant")
    assert (strict.breaches, strict.conformance) == (("a.row",), "not conformant")


@given(cases, some.sampled_from(["core", "feature", "hosted"]))
def test_the_headline_and_the_exit_code_agree(asked: list[CaseRow], tier: Tier) -> None:
    asked = [one for one in asked if one.verdict != "error"]
    seen = [
        RowResult(id=one.case, surface=one.surface, mode=one.mode, level=one.level, verdict=one.verdict)
        for one in asked
        if one.status != "disputed"  # which counts in neither
    ]
    statuses = [against_promise(one, RowTraits(tier)).status for one in seen]
    red = exit_code(statuses, [one.verdict for one in asked], strict=False, allow_improvements=False) == 1
    assert red is (only_column(run(rows=[row(tier=tier)], cases=tuple(asked))).conformance == "not conformant")


def test_an_unverified_core_row_is_not_conformance() -> None:
    told = {"rows": [row()]}
    assert only_column(run(**told, cases=(case("supported"),))).conformance == "conformant"
    assert only_column(run(**told, cases=(case("inconclusive"),))).conformance == "not verified"
    assert (
        only_column(run(**told, cases=(case("broken"), case("inconclusive", mode="stream")))).conformance
        == "not conformant"
    )


def test_a_run_that_was_cut_or_asked_nothing_is_not_conformance() -> None:
    assert only_column(run(rows=[row()], cases=(case("supported"),), end=None)).conformance == "not verified"
    assert only_column(run(rows=[row()])).conformance == "not verified"


# --- many runs -------------------------------------------------------------------------------------------------------


def titles(*runs: RunLog) -> list[str]:
    return [column.title for column in matrix_of(runs).columns]


def test_columns_stand_by_name_and_version() -> None:
    asked = [run(name="b", version=version) for version in ("0.10.0", "0.9.1", "main")] + [run(name="a", version="2")]
    assert titles(*asked) == ["b main", "b 0.9.1", "b 0.10.0", "a 2"]


def test_a_simulated_server_never_goes_by_its_name_alone() -> None:
    matrix = matrix_of([run(name="ollama", simulated=True), run(name="ollama")])
    assert [column.title for column in matrix.columns] == ["ollama 1.0 (simulated)", "ollama 1.0"]
    assert [column.id for column in matrix.columns] == ["ollama@1.0~simulated", "ollama@1.0"]


def test_equal_targets_are_told_apart() -> None:
    matrix = matrix_of([run(model="big"), run(model="small"), run(model="small", started="2027-01-01T00:00:00Z")])
    assert len({column.id for column in matrix.columns}) == 3
    assert [column.title for column in matrix.columns] == ["server 1.0, big", "server 1.0, small", "server 1.0, small"]


def test_renamed_rows_meet() -> None:
    old = run(version="1", started="2026-01-01T00:00:00Z", rows=[row("old.name")], cases=(case(surface="old.name"),))
    new = run(
        version="2", rows=[row("new.name", renamed_from=["old.name"])], cases=(case("broken", surface="new.name"),)
    )
    matrix = matrix_of([old, new])
    assert [one.id for one in matrix.rows] == ["new.name"]
    assert [column.cells["new.name"].verdict for column in matrix.columns] == ["supported", "broken"]


def test_rows_of_an_older_suite_stay() -> None:
    old = run(version="1", started="2026-01-01T00:00:00Z", rows=[row("gone")], cases=(case(surface="gone"),))
    new = run(version="2", rows=[row("a.row")], cases=(case(),))
    matrix = matrix_of([old, new])
    assert [one.id for one in matrix.rows] == ["a.row", "gone"]
    assert "gone" not in matrix.columns[1].cells


def test_a_log_without_its_catalog_still_shows_its_answers() -> None:
    matrix = matrix_of([run(cases=(case("broken"),))])
    assert matrix.columns[0].cells["a.row"].verdict == "broken"
    assert list(matrix.areas) == ["a"]


def test_no_run_gives_an_empty_matrix() -> None:
    assert matrix_of([]) == Matrix(areas={}, rows=(), columns=())


def test_obedience_is_read_from_its_row() -> None:
    assert only_column(run(obedience=ObedienceRow(3, 4))).obeyed == (3, 4)
    assert only_column(run()).obeyed is None


def test_what_is_unexpected_comes_first() -> None:
    told = {
        "known": case("broken", surface="known", status="known-gap"),
        "better": case("supported", surface="better", status="improvement"),
        "worse": case("ignored", surface="worse", status="regression"),
        "fine": case("supported", surface="fine"),
        "unseen": case("inconclusive", surface="unseen"),
        "ours": case("error", surface="ours"),
    }
    rows = {name: row(name) for name in told}
    column = only_column(run(rows=list(rows.values()), cases=tuple(told.values())))
    assert [found.id for found, _ in most_important(column, rows)] == ["worse", "better", "ours", "known", "unseen"]
    assert len(most_important(column, rows, limit=2)) == 2


def test_a_killed_run_is_read_and_said_to_be_incomplete(tmp_path: Path) -> None:
    folder = synthetic_runs.make_run(tmp_path, complete=False, with_evidence=False)
    column = only_column(read_log(folder))
    assert not column.log.complete
    assert column.conformance == "not verified"


QUERIES: list[dict[str, Any]] = msgspec.yaml.decode((Path(__file__).parent / "queries.yaml").read_bytes())


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Matrix:
    folders = synthetic_runs.a_few_runs(tmp_path_factory.mktemp("few"), with_evidence=False)
    return matrix_of([read_log(folder) for folder in folders])


@pytest.mark.parametrize("asked", [one for one in QUERIES if "mistake" not in one], ids=lambda one: one["query"])
def test_a_query_finds_its_rows(matrix: Matrix, asked: dict[str, Any]) -> None:
    rows, columns = select(parse(asked["query"]), matrix)
    found = {row.id for row in rows}
    assert len(found) == asked.get("count", len(found))
    assert set(asked.get("rows", ())) <= found
    assert not found & set(asked.get("none", ()))
    assert len(columns) == asked.get("columns", len(columns))
    assert found or asked.get("count") == 0, "a query of the table that finds nothing says so"


@pytest.mark.parametrize("asked", [one for one in QUERIES if "mistake" in one], ids=lambda one: one["query"])
def test_a_mistake_names_what_there_is(matrix: Matrix, asked: dict[str, Any]) -> None:
    with pytest.raises(QueryError, match=asked["mistake"]):
        select(parse(asked["query"]), matrix)


def test_a_mistake_names_the_nearest() -> None:
    with pytest.raises(QueryError, match=r"did you mean broken\?"):
        parse("verdict:brokn")


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("ollama", ["target:ollama"]),
        ("ignored", ["verdict:ignored"]),
        ("tools ollama", ["area:tools", "target:ollama"]),
    ],
)
def test_words_that_find_nothing_are_told_their_filter(matrix: Matrix, query: str, meant: list[str]) -> None:
    assert hints(parse(query), matrix) == meant

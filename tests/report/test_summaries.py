"""The small readers of a run: Markdown, JUnit, badge, JSON, terminal."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import synthetic_hostile
import synthetic_runs
from msgspec.structs import replace
from rich.console import Console

from conformance.judge.finding import Finding
from conformance.report.answers import annotations
from conformance.report.closing import basis_of
from conformance.report.levels import LevelRow, in_words, level_of
from conformance.report.matrix import matrix_of
from conformance.report.query import parse
from conformance.report.servers import servers_of
from conformance.report.summary import badge, summary_md
from conformance.report.terminal import print_line, print_table, print_terminal_summary
from conformance.report.write import write_summaries
from conformance.runs.log import CauseRow, RowInfo, RuleRow, RunLog, read_log


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> RunLog:
    """A simulated server with a regression, a new gap, an improvement and known gaps."""
    folder = tmp_path_factory.mktemp("newest")
    return read_log(
        synthetic_runs.make_run(folder, name="ollama", version="0.40.12", simulated=True, with_evidence=False)
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> RunLog:
    return read_log(synthetic_hostile.hostile_run(tmp_path_factory.mktemp("hostile"), megabytes=0.01))


@pytest.fixture
def written(tmp_path: Path) -> Callable[[RunLog], Path]:
    def write(run: RunLog) -> Path:
        names = {path.name for path in write_summaries([run], tmp_path) if path.parent == tmp_path}
        assert names == {"summary.md", "junit.xml", "badge.json", "matrix.json", "verdict.json"}
        return tmp_path

    return write


def shown(run: RunLog) -> str:
    screen = io.StringIO()
    print_terminal_summary(run, Path("out/index.html"), screen)
    return screen.getvalue()


def test_styles_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "FORCE_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    told = {}
    for name, value in (("TERM", "xterm"), ("TERM", "dumb"), ("NO_COLOR", "1")):
        with monkeypatch.context() as environment:
            environment.setenv(name, value)
            screen = Terminal()
            print_line("said", screen, "bold red")
            told[value] = screen.getvalue()
    assert told == {"xterm": "\x1b[1;31msaid\x1b[0m\n", "dumb": "said\n", "1": "said\n"}
    pipe = io.StringIO()
    print_line("said", pipe, "bold")
    assert pipe.getvalue() == "said\n"


# --- summary.md ------------------------------------------------------------------------------------------------------


def test_the_summary_says_first_what_is_unexpected(newest: RunLog, written: Callable[[RunLog], Path]) -> None:
    text = (written(newest) / "summary.md").read_text()
    assert text.startswith("## ollama 0.40.12 (simulated): not conformant\n")
    unexpected, known = text.index("### Unexpected"), text.index("### Known and expected gaps")
    assert unexpected < text.index("request.tools.parallel") < known
    assert unexpected < text.index("request.stop_sequences") < known
    assert known < text.index("`error.envelope`")
    assert "37 supported" in text
    assert "`index.html`" in text


def test_several_servers_begin_with_one_line_each(newest: RunLog, hostile: RunLog, tmp_path: Path) -> None:
    write_summaries([newest, hostile], tmp_path)
    head, _, rest = (tmp_path / "summary.md").read_text().partition("\n\n## ")
    columns, _, *lines = head.splitlines()
    assert columns == "| server | answer | client | what stood behind | first broken promise |"
    assert any(line.startswith("| ollama 0.40.12 (simulated) | not conformant; ") for line in lines)
    assert [line.replace("\\|", "").count("|") for line in lines] == [6, 6]
    assert rest


def test_the_summary_obeys_nothing_that_an_endpoint_said(hostile: RunLog, written: Callable[[RunLog], Path]) -> None:
    text = (written(hostile) / "summary.md").read_text()
    assert "<script" not in text
    assert "<img" not in text
    assert "](" not in text.replace("\\](", "")
    assert not set(text) & set("\u202e\x1b\x00")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert len(rows) == 40
    assert all(line.replace("\\|", "").count("|") == 5 for line in rows)


def test_an_incomplete_run_says_so_everywhere(tmp_path: Path, written: Callable[[RunLog], Path]) -> None:
    run = read_log(synthetic_runs.make_run(tmp_path / "run", complete=False, with_evidence=False))
    folder = written(run)
    assert "incomplete" in (folder / "summary.md").read_text()
    assert "incomplete" in json.loads((folder / "badge.json").read_text())["message"]
    assert json.loads((folder / "matrix.json").read_text())["targets"][0]["complete"] is False
    assert ET.parse(folder / "junit.xml").find("testsuite/testcase[@name='the run is complete']/error") is not None
    assert "incomplete" in shown(run)


def test_a_weak_model_is_named_before_the_server(tmp_path: Path, written: Callable[[RunLog], Path]) -> None:
    run = read_log(synthetic_runs.make_run(tmp_path / "run", obeyed=(40, 60), with_evidence=False))
    assert "The model, not the server, limits this run" in (written(run) / "summary.md").read_text()


# --- junit.xml -------------------------------------------------------------------------------------------------------


def test_junit_counts_what_ci_servers_show(newest: RunLog, written: Callable[[RunLog], Path]) -> None:
    suite = ET.parse(written(newest) / "junit.xml").find("testsuite")
    assert suite is not None
    tests = suite.findall("testcase")
    assert suite.get("name") == "ollama 0.40.12 (simulated)"
    assert suite.get("tests") == str(len(tests)) == str(len(newest.cases) + len(newest.rules))
    failed = {test.get("name") for test in tests if test.find("failure") is not None}
    assert suite.get("failures") == str(len(failed))
    assert failed == {
        f"{case} [{mode}]"
        for case in ("tools.parallel", "stop-sequences", "content.document.text")
        for mode in ("json", "stream")
    }
    assert all(
        "known-gap" in (gap.get("message") or "")
        for gap in suite.findall("testcase[@name='rule error.envelope']/skipped")
    )
    assert suite.find("properties/property[@name='simulated']").get("value") == "yes"  # type: ignore[union-attr]


def test_junit_is_xml_whatever_an_endpoint_said(hostile: RunLog, written: Callable[[RunLog], Path]) -> None:
    suite = ET.parse(written(hostile) / "junit.xml").find("testsuite")
    assert suite is not None
    assert len(suite.findall("testcase/failure")) == 40


# --- badge.json, matrix.json -----------------------------------------------------------------------------------------


def test_the_badge_counts_and_names_what_was_asked(newest: RunLog, written: Callable[[RunLog], Path]) -> None:
    assert json.loads((written(newest) / "badge.json").read_text()) == {
        "schemaVersion": 1,
        "label": "messages api · ollama 0.40.12 (simulated)",
        "message": "37 supported · 5 broken · 12 ignored · 3 refused · 1 partial",
        "color": "red",
    }


@pytest.mark.parametrize(("code", "colour"), [(0, "orange"), (1, "red"), (2, "yellow"), (3, "yellow"), (130, "yellow")])
def test_the_colour_of_the_badge_follows_the_exit_code(newest: RunLog, code: int, colour: str) -> None:
    assert newest.end is not None
    ended = replace(newest, end=replace(newest.end, exit=code))
    assert badge(matrix_of([ended]))["color"] == colour


def test_the_end_says_what_the_musts_rest_on(newest: RunLog) -> None:
    catalog = replace(newest.catalog, rules=[replace(rule, basis="documented") for rule in newest.catalog.rules])
    told = basis_of(replace(newest, catalog=catalog))
    assert set(told) == {"documented"}
    assert told["documented"] == len([row for row in newest.rules if row.level == "must"])


def test_a_law_about_what_never_came_up_keeps_no_level() -> None:
    row = RowInfo("stream.error", "Errors in streams", "stream", "core", "", [], weight="must", level="basic")
    idle = RuleRow(
        rule="error.event",
        surface=row.id,
        level="must",
        verdict="inconclusive",
        status="as-expected",
        seen=0,
        violations=0,
        findings=[],
    )
    assert level_of({row.id: row}, {row.id: LevelRow("inconclusive", (idle,))}).reached == "basic"
    assert level_of({row.id: row}, {row.id: LevelRow("inconclusive", (replace(idle, seen=2),))}).unproven == (row.id,)
    unasked = level_of({row.id: row}, {})
    assert unasked.unasked == (row.id,)
    assert level_of({row.id: replace(row, thorough=True)}, {}).reached == "basic", "a usual run cannot ask it"
    assert in_words(unasked) == "No level is stated: 1 row of basic not asked, and none that was is wrong."


def test_the_matrix_is_there_for_other_tools(newest: RunLog, written: Callable[[RunLog], Path]) -> None:
    document = json.loads((written(newest) / "matrix.json").read_text())
    (target,) = document["targets"]
    cell = target["cells"]["request.tools.parallel"]
    assert (cell["verdict"], cell["status"], cell["drift"]) == ("broken", "regression", True)
    assert cell["reason"] == "message.content: expected a length of 2, observed 1"
    assert target["not_verified"] == ["stream.error_event"]
    assert target["target"]["simulated"] is True


# --- the terminal ----------------------------------------------------------------------------------------------------


def test_the_terminal_says_level_change_and_causes_and_where_the_page_is(newest: RunLog) -> None:
    lines = shown(newest).strip().splitlines()
    assert lines[0].startswith("ollama 0.40.12 (simulated) · No level reached; 7 rows short of full (6 wrong, 1 not")
    assert lines[1] == (
        "Not as expected: 2 worse, 1 better (request.stop_sequences), 8 known and 11 documented gaps, "
        "1 disputed (validation.tool_result.orphan). Exit 1."
    )
    assert any("37 supported" in line for line in lines)
    assert sum(line[0].isdigit() and line[1] == "." for line in lines) == 4
    assert lines[-1].endswith("out/index.html")
    assert len(lines) <= 25


def test_the_terminal_is_not_moved_by_an_endpoint(hostile: RunLog) -> None:
    assert not set(shown(hostile)) & set("\x1b\x00\u202e\u2066\x7f")


def test_many_columns_become_signs_with_a_key(newest: RunLog) -> None:
    screen = io.StringIO()
    print_table([newest] * 6, parse("request.tools.parallel"), Console(file=screen, width=80, color_system=None))
    lines = screen.getvalue().splitlines()
    assert lines[5].split() == ["6", "ollama", "0.40.12", "(simulated),", "scripted"]
    assert lines[7].split() == ["request.tools.parallel", "x!", "x!", "x!", "x!", "x!", "x!"]


def test_a_query_gives_a_table(newest: RunLog) -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=140, color_system=None)
    assert print_table([newest], parse("status:regression"), console) == 1
    assert "request.tools.parallel" in screen.getvalue()
    assert "1 of 63 rows" in screen.getvalue()


# --- verdict.json, badges, annotations -------------------------------------------------------------------------------


def test_the_verdict_is_one_small_document(newest: RunLog, written: Callable[[RunLog], Path]) -> None:
    told = json.loads((written(newest) / "verdict.json").read_text())
    assert (told["level"], told["conformance"], told["exit"]) == ("none", "not conformant", 1)
    assert told["ready"] == {"claude-code": told["ready"]["claude-code"]}
    assert told["regressions"] == 2
    assert told["improvements"] == 1


def test_a_badge_for_the_server_and_one_for_each_client(newest: RunLog, written: Callable[[RunLog], Path]) -> None:
    folder = written(newest) / "badges"
    badges = {path.name: json.loads(path.read_text()) for path in folder.iterdir()}
    assert sorted(badges) == ["ollama-0.40.12-simulated-claude-code.json", "ollama-0.40.12-simulated-level.json"]
    client, level = (badges[name] for name in sorted(badges))
    assert client["label"].startswith("Claude Code")
    assert client["message"] in ("ready", "ready with limits", "not ready", "not verified")
    assert (level["message"], level["color"]) == ("not conformant", "red")


def test_a_badge_has_a_short_name_whatever_a_server_is_called(
    hostile: RunLog, written: Callable[[RunLog], Path]
) -> None:
    names = [path.name for path in (written(hostile) / "badges").iterdir()]
    assert names
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]{1,120}", name) for name in names)


def test_an_annotation_is_one_line_that_only_shows(hostile: RunLog, newest: RunLog) -> None:
    for run in (hostile, newest):
        lines = annotations(matrix_of([run]).columns[0])
        assert lines
        assert all(re.fullmatch(r"::error title=[^:,]*::[^\n\r]*", line) for line in lines)


# --- every cause is named --------------------------------------------------------------------------------------------


def of_causes(newest: RunLog, red: int, lesser: int) -> RunLog:
    """A run with so many causes that are worse than expected, and so many that the API leaves open."""
    row = newest.cases[0]
    kept = [
        replace(row, case=f"a.case-{number}", mode="json", status="new" if number < red else "as-expected")
        for number in range(red + lesser)
    ]
    causes = [
        CauseRow(kind="effect", id=f"{one.case}[json]", says="It is not so.", rows=[f"{one.case}[json]"])
        for one in kept
    ]
    return replace(newest, cases=tuple(kept), causes=tuple(causes))


def test_the_terminal_names_each_cause_the_red_ones_and_those_of_less_weight(newest: RunLog) -> None:
    run = of_causes(newest, red=11, lesser=5)
    told = shown(run)
    assert [number for number in range(16) if f"a.case-{number}[json]" not in told] == []
    assert "and 3 more, in the page and in summary.md: a.case-8[json], a.case-9[json], a.case-10[json]" in told
    assert "Of less weight, a SHOULD or a MAY: a.case-11[json]" in told
    assert "Of less weight" not in shown(of_causes(newest, red=2, lesser=0))


def test_what_weighs_little_is_told_in_the_first_lines_where_nothing_is_red(newest: RunLog) -> None:
    run = of_causes(newest, red=0, lesser=6)
    run = replace(run, readiness=(), end=replace(run.end, exit=0) if run.end else None)
    lines = shown(run).strip().splitlines()
    at = next(number for number, line in enumerate(lines) if "1. a.case-0[json]" in line)
    assert at < 12
    assert lines[at - 1].startswith("Nothing that is required is wrong, but 6 things are not as the API has it")
    assert "and 2 more, in the page and in summary.md: a.case-4[json], a.case-5[json]" in shown(run)
    text = summary_md(matrix_of([run]))
    assert "1. <code>a.case-0" in text
    assert "And 2 more: a.case-4" in text
    assert [one.first.weight for one in servers_of(matrix_of([run])) if one.first] == ["of less weight"]
    known = replace(run, cases=tuple(replace(row, status="known-gap") for row in run.cases[:2]) + run.cases[2:])
    assert "6 things are not as the API has it: 2 known gaps, 4 of less weight" in shown(known)
    assert [one.first.weight for one in servers_of(matrix_of([known])) if one.first] == ["known"]
    news = of_causes(newest, red=1, lesser=1)
    assert [one.first.weight for one in servers_of(matrix_of([news])) if one.first] == [""]


def test_what_a_server_also_sends_is_said_once_and_weighs_nothing(newest: RunLog) -> None:
    extra = [
        Finding("message.known-keys", f"k{number}", "may", "/", "documented keys", keys, 1, "")
        for number, keys in enumerate((["timings"], ["timings", "usage.queue_time"]))
    ]
    rule = RuleRow(
        rule="message.known-keys",
        surface="response.extra",
        level="may",
        verdict="supported",
        status="as-expected",
        seen=2,
        violations=2,
        findings=extra,
    )
    told = shown(replace(newest, rules=(*newest.rules, rule)))
    assert "This server also sends: timings, usage.queue_time." in told
    assert "This server also sends" not in shown(newest)


def test_what_only_a_later_answer_showed_is_said_and_weighs_nothing(newest: RunLog) -> None:
    """A server that loses each thirtieth system prompt was conformant without a word: what is asked again is shown."""
    first = next(row for row in newest.cases if row.verdict == "supported")
    later = replace(first, kind="witnessed", attempts=2)
    again = replace(newest, cases=tuple(later if row == first else row for row in newest.cases))
    said = f"Shown only when asked again: 1 of 1 questions ({first.case}[{first.mode}]); the server"
    assert said in shown(again)
    assert "Shown only when asked again: 1 of 1" in summary_md(matrix_of([again]))
    assert "asked again" not in shown(newest)
    assert matrix_of([again]).columns[0].counts == matrix_of([newest]).columns[0].counts

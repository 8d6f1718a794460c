"""A mistake in a file that somebody wrote is one line with the place and exit 4, whichever command meets it."""

from pathlib import Path

import pytest

from conformance.cli.main import main

ROW = """\
rows:
  - id: a.row
    title: A row
    tier: core
    weight: must
    why: W.
    consequence: C.
    source: ["https://platform.claude.com/docs/en/api/messages"]
"""
CASES = """\
family: a
about: A.
cases:
  - id: a.one
    title: One
    surface: a.row
    basis: documented
    spec: &spec {url: "https://platform.claude.com/docs/en/api/messages#message", says: "It does."}
    ask: &ask {body: {max_tokens: 9, messages: [{role: user, content: "Reply with exactly: {nonce}"}]}}
    accepted: true
    faults: ["refuse:messages"]
  - id: a.two
    title: Two
    surface: a.row
    kind: witnessed
    level: should
    control: a.one
    spec: *spec
    ask: *ask
    effect: [{at: text, contains: "{nonce}"}]
    faults: ["refuse:messages"]
"""
TARGET = """\
name: mine
known:
  - {surface: request.model, verdict: [ignored], when: [messages.txt], why: x}
"""
LOG = (
    '{"type":"run","format":2,"suite":{"version":"1","cases_sha256":"0"},"target":{"name":"t","version":"1",'
    '"base_url":"http://127.0.0.1:1","model":"m","simulated":false},"capabilities":{},"options":{},"profile":null,'
    '"expectations_sha256":"0","command":"c","started":"2026-01-01T00:00:00+00:00"}\n'
    '{"type":"catalog","rows":[],"rules":[],"profiles":{}}\n'
)
CAUSE = '{"type":"cause","kind":"rule","id":"stream.index","says":"s","rows":[]}\n'
MISTAKES = {
    "an unknown weight": ("level: should", "level: shoul", "did you mean `should`?"),
    "an unknown basis": ("basis: documented", "basis: documneted", "did you mean `documented`?"),
    "an acceptance case with an effect": (
        "accepted: true",
        "accepted: true\n    effect: [{at: status, equals: 200}]",
        "an acceptance case asks for a readable 200 and nothing else",
    ),
    "a circle of controls": (
        "accepted: true",
        "accepted: true\n    control: a.two",
        "it leans on itself: a.one -> a.two",
    ),
    "a circle of twins": ("control: a.one", "twin: a.two", "it leans on itself: a.two -> a.two"),
}


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines that a person is shown."""
    captured = capsys.readouterr()
    return [line for line in (captured.out + captured.err).splitlines() if line]


def catalog(folder: Path, row: str = ROW, cases: str = CASES) -> Path:
    (folder / "surface").mkdir()
    (folder / "a").mkdir()
    (folder / "surface" / "areas.yaml").write_text("areas: {a: A}\n")
    (folder / "surface" / "a.yaml").write_text(row)
    (folder / "a" / "a.yaml").write_text(cases)
    return folder


@pytest.mark.parametrize("command", ["lint", "run"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_case_file_is_one_line(
    mistake: str, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, says = MISTAKES[mistake]
    assert CASES.count(old) == 1
    assert main([command, "--cases", str(catalog(tmp_path, cases=CASES.replace(old, new)))]) == 4
    line, *count = told(capsys)
    assert count == (["1 problem"] if command == "lint" else [])
    assert "a/a.yaml:" in line
    assert says in line


def test_an_unknown_level_of_a_row_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = catalog(tmp_path, row=ROW.replace("tier: core", "tier: core\n    level: basci"))
    assert main(["lint", "--cases", str(folder)]) == 4
    line, _ = told(capsys)
    assert "surface/a.yaml:5: rows[0].level" in line
    assert "did you mean `basic`?" in line


def test_an_entry_that_waits_for_a_case_which_does_not_exist_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.yaml").write_text(TARGET)
    assert main(["run", "--target", str(tmp_path / "mine.yaml"), "--base-url", "http://127.0.0.1:1"]) == 4
    (line,) = told(capsys)
    assert "mine.yaml:3:" in line
    assert "no case is called `messages.txt`; did you mean `messages.text`?" in line


@pytest.mark.parametrize(
    ("log", "says"),
    [
        (LOG + CAUSE, "the cause stream.index names no row"),
        (LOG + CAUSE.replace("[]", '["a.one[json]"]'), "names the row a.one[json], which is not in this log"),
        (LOG.replace('"format":2', '"format":3'), "written in format 3; this suite reads up to 2"),
    ],
)
@pytest.mark.parametrize("command", ["report", "diff", "rejudge"])
def test_a_log_that_cannot_be_read_is_one_line(
    command: str, log: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.jsonl").write_text(log)
    run = str(tmp_path / "run")
    out = [] if command == "diff" else ["-o", str(tmp_path / "out")]
    assert main([command, run, *([run] if command == "diff" else []), *out]) == 4
    (line,) = told(capsys)
    assert says in line

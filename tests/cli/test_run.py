"""`conformance run` from end to end: the files that it leaves, its exit codes, what a person's mistake looks like."""

import base64
import http.server
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from command_line import Command, Serve

from conformance.catalog.load import load_catalog
from conformance.cli.main import main
from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.frames import unpack
from conformance.runs.log import RunLog, read_log

FEW = ("--select", "messages.*, tools.choice.*")
ALONE = (*FEW, "--no-witness")
"""Without the SDK, where what it says of the answers is not the point."""
KEY = "canary-3f9a-key-of-the-run"


@contextmanager
def listening(status: int, content_type: str, body: bytes) -> Iterator[str]:
    """A server that answers everything alike."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.do_GET()

        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", content_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def verdicts(log: RunLog) -> set[str]:
    return {row.verdict for row in log.cases}


def one_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith("conformance: ")]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


def content_of(path: Path) -> bytes:
    """What a file says to whoever opens it, unpacked where it is packed."""
    return unpack(path) if path.suffix == ".zst" else path.read_bytes()


def test_the_reference_endpoint_is_supported_in_every_case(conformance_process: Command, tmp_path: Path) -> None:
    done = conformance_process("run", "--out", "out")
    assert done.returncode == 0, done.stderr
    log = read_log(tmp_path / "out")
    assert log.complete
    assert verdicts(log) <= {"supported", "not-applicable"}
    assert {row.verdict for row in log.rules} <= {"supported", "inconclusive"}
    asked = {case.id for case in load_catalog().cases.values() if case.size != "large" and case.kind != "tendency"}
    assert {row.case for row in log.cases} == asked
    assert {row.mode for row in log.cases} == {"json", "stream"}
    assert {row.sdk for row in log.cases} <= {"accepts", None}
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written >= {"run.jsonl", "evidence.jsonl.zst", "index.html", "junit.xml", "summary.md", "badge.json"}
    kept = EvidenceStore(tmp_path / "out")
    assert all(name in kept for row in log.cases for name in row.exchanges)


def test_a_fault_turns_its_case_red_and_names_the_row(conformance: Command, served: Serve, tmp_path: Path) -> None:
    url = served() + "/fault/TO14"
    done = conformance("run", "--target", "reference", "--base-url", url, "--model", "scripted", *ALONE, "--out", "out")
    assert done.returncode == 1
    assert "tools.choice.tool" in done.stderr
    rows = {(row.case, row.mode): row for row in read_log(tmp_path / "out").cases}
    assert rows["tools.choice.tool", "json"].verdict == "ignored"
    assert rows["tools.choice.tool", "json"].status == "new"


def test_a_model_that_disobeys_is_never_the_servers_fault(conformance: Command, served: Serve, tmp_path: Path) -> None:
    url = served("--disobey", "2")
    done = conformance(
        "run",
        "--target",
        "reference",
        "--base-url",
        url,
        "--model",
        "scripted",
        "--attempts",
        "1",
        "--out",
        "out",
        "--no-witness",
    )
    log = read_log(tmp_path / "out")
    worse = [(row.case, row.mode, row.verdict) for row in log.cases if row.verdict in ("broken", "ignored", "refused")]
    assert worse == []
    assert [(row.rule, row.findings) for row in log.rules if row.verdict in ("broken", "partial")] == []
    assert "inconclusive" in verdicts(log)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("fault", "asked_for", "unasked_for"),
    [
        ("X-forced-choice", "not-applicable", "not-applicable"),
        ("drop:tool_choice", "supported", "inconclusive"),
        ("drop:tools", "refused", "refused"),
        ("refuse:tools", "refused", "refused"),
    ],
)
def test_only_a_refusal_of_the_choice_itself_says_that_no_tool_can_be_forced(
    fault: str, asked_for: str, unasked_for: str, conformance: Command, served: Serve, tmp_path: Path
) -> None:
    url = f"{served()}/fault/{fault}"
    cases = ("tools.definition.offered", "tools.definition.many")
    words = ("--model", "scripted", "--no-witness", "--select", ",".join(cases))
    conformance("run", "--target", "none", "--base-url", url, *words)
    (log,) = [read_log(path) for path in (tmp_path / "reports" / "runs").iterdir()]
    assert {row.case: row.verdict for row in log.cases} == dict(zip(cases, (asked_for, unasked_for), strict=True))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--base-url", "http://127.0.0.1:1"), 2, "127.0.0.1:1"),
        (("--base-url", "https://127.0.0.1:1"), 2, "127.0.0.1:1"),
        (("--base-url", "http://no-such-host.invalid"), 2, "no-such-host.invalid"),
        (("--base-url", "127.0.0.1:1/"), 2, "127.0.0.1:1"),
        (("--base-url", "ftp://127.0.0.1"), 4, "ftp"),
        (("--target", "olama"), 4, "ollama"),
        (("--select", "toools.*"), 4, "toools"),
        (("--profile", "claude-cod"), 4, "claude-cod"),
        (("--attempts", "0"), 4, "0"),
        (("--timeout", "soon"), 4, "soon"),
        (("--api-key-env", "NOT_SET_ANYWHERE", "--base-url", "http://127.0.0.1:1"), 4, "NOT_SET_ANYWHERE"),
        (("--nonsense",), 4, "--nonsense"),
        (("--", "-n", "4"), 4, "--concurrency"),
        (("--capability", "tools", "--no-capability", "tools"), 4, "tools"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    conformance: Command, tmp_path: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    done = conformance("run", "--out", "out", *words)
    assert done.returncode == code, done.stderr
    assert says in one_line(done.stderr)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("status", "content_type", "body", "says"),
    [
        (200, "text/html", b"<!doctype html><title>Welcome</title>", "web page"),
        (404, "text/plain", b"404 page not found", "no Messages API"),
    ],
)
def test_a_server_that_is_none_is_told_in_one_line(
    conformance: Command, status: int, content_type: str, body: bytes, says: str
) -> None:
    with listening(status, content_type, body) as url:
        done = conformance("run", "--target", "none", "--model", "m", "--base-url", url, "--no-witness")
    assert done.returncode == 2
    assert says in one_line(done.stderr)


def test_pytests_own_page_without_its_extra_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("conformance.cli.commands.run.find_spec", lambda name: None)
    monkeypatch.setattr("sys.argv", ["conformance", "run", "--", "--html", "page.html"])
    assert main() == 4
    assert "pip install 'messages-conformance[html]'" in one_line(capsys.readouterr().err)


def test_arguments_that_pytest_does_not_know_end_in_one_sentence(conformance: Command) -> None:
    done = conformance("run", "--select", "messages.text", "--no-witness", "--", "--bogus")
    assert done.returncode == 4
    assert "unrecognized arguments: --bogus" in done.stderr
    assert "Nothing was judged: pytest does not know its arguments, or they leave no question. Exit 4." in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_is_not_there_is_named(conformance: Command, served: Serve) -> None:
    url = served()
    done = conformance("run", "--target", "none", "--model", "scriptd", "--base-url", url, "--no-witness")
    assert done.returncode == 4
    assert "scripted" in one_line(done.stderr)


def test_a_wrong_key_is_named_and_never_written(conformance_process: Command, served: Serve) -> None:
    url = served("--api-key", "another-key")
    words = ("run", "--target", "none", "--model", "scripted", "--base-url", url, "--api-key-env", "MY_KEY")
    done = conformance_process(*words, MY_KEY=KEY)
    assert done.returncode == 4
    assert "key" in one_line(done.stderr)
    assert KEY not in done.stdout + done.stderr


def test_a_key_reaches_no_file(conformance: Command, served: Serve, tmp_path: Path) -> None:
    url = served("--api-key", KEY)
    words = (
        "run",
        "--target",
        "reference",
        "--model",
        "scripted",
        "--base-url",
        url,
        "--api-key-env",
        "MY_KEY",
        "--debug",
    )
    done = conformance(*words, *FEW, "--out", "out", MY_KEY=KEY)
    assert done.returncode == 0, done.stderr[-2000:]
    assert KEY not in done.stdout + done.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(list(EvidenceStore(tmp_path / "out"))) > 10
    assert [path for path in files if KEY.encode() in content_of(path)] == []


def test_a_broken_case_file_is_named_with_line_and_key(conformance: Command, tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "messages"
    folder.mkdir(parents=True)
    (folder / "text.yaml").write_text("family: a\nabout: b\ncases:\n  - id: a.b\n    titel: t\n    surface: s\n")
    done = conformance("run", "--cases", "mine")
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert "text.yaml:5: cases[0].titel: unknown key `titel`; did you mean `title`?" in done.stderr


def test_a_budget_ends_a_run_and_says_what_was_not_asked(conformance: Command, tmp_path: Path) -> None:
    paced = "streaming.long-text or stop.max-tokens-2000 or messages.text"
    done = conformance("run", "--select", paced, "--no-witness", "--concurrency", "1", "--budget", "4", "--out", "out")
    assert done.returncode != 4, done.stderr
    unasked = [row for row in read_log(tmp_path / "out").cases if row.verdict == "not-run"]
    assert unasked
    assert {row.reason for row in unasked} == {"budget spent"}


def test_a_budget_that_is_spent_at_once_is_said(conformance_process: Command) -> None:
    done = conformance_process("run", *FEW, "--budget", "0.001", "--out", "out")
    assert done.returncode == 2
    assert "within the budget" in done.stderr


def test_a_baseline_is_green_against_itself(conformance: Command, tmp_path: Path) -> None:
    assert conformance("run", *ALONE, "--out", "one").returncode == 0
    assert conformance("run", *ALONE, "--out", "two", "--baseline", "one").returncode == 0
    done = conformance("diff", "one", "two")
    assert done.returncode == 0
    assert "0 rows differ" in done.stdout


def test_what_was_recorded_can_be_judged_again(conformance: Command, tmp_path: Path) -> None:
    assert conformance("run", *ALONE, "--out", "one").returncode == 0
    done = conformance("rejudge", "one", "-o", "two")
    assert done.returncode == 0, done.stderr
    one, two = read_log(tmp_path / "one"), read_log(tmp_path / "two")
    assert [(row.case, row.mode, row.verdict) for row in one.cases] == [
        (row.case, row.mode, row.verdict) for row in two.cases
    ]
    assert [(row.rule, row.verdict, row.seen) for row in one.rules] == [
        (row.rule, row.verdict, row.seen) for row in two.rules
    ]


def test_a_killed_run_is_resumed_where_it_stopped(conformance: Command, tmp_path: Path) -> None:
    assert conformance("run", *ALONE, "--out", "out").returncode == 0
    log = tmp_path / "out" / "run.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    cases = [line for line in lines if line.startswith(b'{"type":"case"')]
    log.write_bytes(b"".join(lines[:2] + cases[:5]))
    assert not read_log(tmp_path / "out").complete
    done = conformance("run", *ALONE, "--resume", "out")
    assert done.returncode == 0, done.stderr
    run = read_log(tmp_path / "out")
    assert run.complete
    assert len(run.cases) == len(cases)
    assert run.cases[0].exchanges == msgspec.json.decode(cases[0])["exchanges"]
    assert all(row.seen for row in run.rules if row.rule == "message.id")


def test_the_exchanges_of_a_run_are_listed_and_shown(conformance: Command) -> None:
    conformance("run", "--select", "messages.text", "--no-witness", "--out", "out")
    assert conformance("evidence", "out").stdout.split() == ["messages.text.json.1", "messages.text.stream.1"]
    shown = msgspec.json.decode(conformance("evidence", "out", "messages.text.json.1").stdout)
    assert (shown["id"], shown["request"]["method"], shown["answer"]["status"]) == ("messages.text.json.1", "POST", 200)
    unknown = conformance("evidence", "out", "messages.text.jsn.1")
    assert unknown.returncode == 4
    assert "did you mean messages.text.json.1?" in unknown.stderr


def test_pytest_arguments_work(conformance: Command, tmp_path: Path) -> None:
    done = conformance(
        "run", *ALONE, "--out", "out", "--", "-k", "tool", "--html", "page.html", "--self-contained-html"
    )
    assert done.returncode == 0, done.stderr
    assert all("tool" in row.case for row in read_log(tmp_path / "out").cases)
    page = (tmp_path / "page.html").read_text()
    shown = [
        base64.b64decode(text).decode() for text in re.findall(r"data:text/plain;charset=utf-8;base64,([\w+/=]+)", page)
    ]
    assert any("/v1/messages" in text for text in shown)


def test_debug_shows_each_exchange(conformance: Command) -> None:
    done = conformance("run", "--select", "messages.text", "--no-witness", "--debug", "--out", "out")
    assert "> POST http://127.0.0.1" in done.stderr
    assert "< HTTP/1.1 200" in done.stderr


def test_no_variable_of_the_environment_is_read_unasked(conformance_process: Command, tmp_path: Path) -> None:
    secrets = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_AUTH_TOKEN": KEY, "ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}
    done = conformance_process("run", *FEW, "--out", "out", **secrets)
    assert done.returncode == 0, done.stderr
    assert [p for p in tmp_path.rglob("*") if p.is_file() and KEY.encode() in content_of(p)] == []


def test_help_and_version_are_quick_to_answer(conformance_process: Command) -> None:
    assert "run" in conformance_process("--help").stdout
    assert "--base-url" in conformance_process("run", "--help").stdout
    assert conformance_process("--version").stdout.startswith("messages-conformance ")
    assert conformance_process("rum").returncode == 4


def test_a_served_model_ends_with_its_command() -> None:
    command = [sys.executable, "-m", "conformance", "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    url = process.stdout.readline().removeprefix("listening on ").strip()
    process.terminate()
    process.communicate(timeout=20)
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))):
        pass


def test_an_effect_may_look_for_what_an_earlier_answer_lacks(conformance: Command, tmp_path: Path) -> None:
    (tmp_path / "own" / "own").mkdir(parents=True)
    (tmp_path / "own" / "own" / "lacking.yaml").write_text(LACKING)
    done = conformance("run", "--cases", "own", "--select", "own.lacking", "--no-witness", "--out", "out")
    assert {row.verdict for row in read_log(tmp_path / "out").cases} == {"ignored"}, done.stderr


LACKING = """\
family: own
about: An effect that refers to a key which the first answer does not have.
cases:
  - id: own.lacking
    title: Two answers name the same colour
    surface: endpoint.messages
    modes: [json]
    steps:
      - {name: first, ask: {body: {max_tokens: 9, messages: [{role: user, content: "Reply with exactly: a"}]}}}
      - {name: second, ask: {body: {max_tokens: 9, messages: [{role: user, content: "Reply with exactly: b"}]}}}
    effect: [{at: message.colour, equals: "{steps.first.message.colour}"}]
    faults: ["refuse:messages"]
"""

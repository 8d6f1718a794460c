"""What a person types, right and wrong: the words that are understood, and what is said of those that are not.

Wrong calls are made in this process, each in a fraction of a second; a traceback would be an error of the test itself.
"""

import io
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from command_line import Command, Serve

from conformance.cli.main import COMMANDS, main
from conformance.cli.progress import Progress
from conformance.runs.log import read_log

FEW = ("--select", "messages.text", "--no-witness", "--out", "out")

PUBLISHED = Path(__file__).parents[2] / "reports" / "runs"
WRONG: list[tuple[str, int, str]] = [
    # commands
    ("rn", 4, "no command 'rn'; did you mean run?"),
    ("comapre http://a http://b", 4, "did you mean compare?"),
    ("verify", 4, "there are run, compare, serve"),
    ("--base-url http://127.0.0.1:1", 4, "the command comes first: conformance run --base-url http://127.0.0.1:1"),
    ("list", 4, "WHAT"),
    ("list case", 4, "did you mean cases?"),
    ("list targets --select area:tools", 4, "--select chooses cases"),
    ("list cases --select messages.txt", 4, "did you mean `messages.text`?"),
    ("explain stream.stop-eech", 4, "stream.stop-each"),
    ("explain", 4, "RULE|CASE|ROW"),
    ("faults extra", 4, "unknown argument 'extra'"),
    ("variants --jsn", 4, "did you mean --json?"),
    # options
    ("run --baseurl http://127.0.0.1:1", 4, "unknown option '--baseurl'; did you mean --base-url?"),
    ("run --base-ur http://127.0.0.1:1", 4, "did you mean --base-url?"),
    ("run --url http://127.0.0.1:1", 4, "did you mean --base-url?"),
    ("run --url=http://127.0.0.1:1", 4, "did you mean --base-url?"),
    ("run --api-key sk-ant-x", 4, "did you mean --api-key-env?"),
    ("run --filter tools", 4, "did you mean --select?"),
    ("run --output out", 4, "did you mean --out?"),
    ("run --jobs 4", 4, "did you mean --concurrency?"),
    ("run --verbose", 4, "did you mean --debug?"),
    ("run --nonsense", 4, "`conformance run --help` lists what there is"),
    ("run --select", 4, "--select"),
    ("run --attempts 0", 4, "'0' is not a whole number from 1 up"),
    ("run --attempts many", 4, "'many' is not a whole number"),
    ("run --concurrency -1", 4, "--concurrency"),
    ("run --timeout soon", 4, "'soon' is not a time such as 90"),
    ("run --budget 5d", 4, "'5d' is not a time"),
    ("run -- -n 4", 4, "--concurrency N"),
    ("run -- --dist load", 4, "--concurrency N"),
    ("run --capability tools --no-capability tools", 4, "both name 'tools'"),
    ("run --capability fly", 4, "`fly`"),
    ("run --no-capability visoin", 4, "did you mean `vision`?"),
    ("run --select ''", 4, "--select is empty"),
    ("run --select content.size.body-10-mb", 4, "only large questions are selected; --thorough asks them too"),
    ("run --select toools.*", 4, "toools"),
    ("run --select aera:tools", 4, "did you mean `area`?"),
    ("run --select area:tool", 4, "did you mean `tools`?"),
    ("run --select '(tools.*'", 4, "is not closed"),
    ("run --profile claude-cod", 4, "did you mean `claude-code`?"),
    ("run --target olama", 4, "--target: olama: there is no such target; did you mean `ollama`?"),
    ("run --target nosuch.yaml", 4, "nosuch.yaml: No such file"),
    ("run --target claude-bridge", 4, "documents only"),
    ("run --baseline pyproject.toml", 4, "pyproject.toml"),
    ("run --resume nowhere", 4, "no run.jsonl here"),
    ("run --cases nowhere", 4, "nowhere: there is no such folder of cases"),
    ("run --cases .", 4, "there is no case in the folder that --cases names"),
    ("run --select must", 4, "did you mean `level:must`?"),
    ("fuzz http://127.0.0.1:1", 4, "did you mean --base-url http://127.0.0.1:1?"),
    ("--verson", 4, "did you mean --version?"),
    ("run --out pyproject.toml", 4, "pyproject.toml"),
    # addresses
    ("run http://127.0.0.1:1", 2, "nothing answers at http://127.0.0.1:1"),
    ("http://127.0.0.1:1", 2, "nothing answers at http://127.0.0.1:1"),
    ("127.0.0.1:1", 2, "nothing answers at http://127.0.0.1:1"),
    ("127.0.0.1:1/v1/messages", 2, "nothing answers at http://127.0.0.1:1"),
    ("https://127.0.0.1:1", 2, "nothing answers at https://127.0.0.1:1"),
    ("run http://127.0.0.1:1 extra", 4, "unknown argument 'extra'; arguments for pytest go after `--`"),
    ("run http://127.0.0.1:1 --base-url http://127.0.0.1:2", 4, "`conformance compare` asks both"),
    ("run ftp://127.0.0.1", 4, "not an http address"),
    ("run --base-url ''", 4, "the address is empty"),
    ("run http://127.0.0.1:99999", 4, "0 to 65535"),
    ("run http://me:hush@127.0.0.1:1", 4, "--api-key-env"),
    ("run http://127.0.0.1:1/?key=x", 4, "query"),
    ("run http://no-such-host.invalid", 2, "no-such-host.invalid"),
    ("run --target none", 4, "--base-url"),
    ("run http://127.0.0.1:1 --api-key-env NOT_SET_ANYWHERE", 4, "export NOT_SET_ANYWHERE="),
    ("pyproject.toml", 4, "is a file or folder here"),
    # other commands
    ("compare http://127.0.0.1:1", 4, "name two URLs, or one URL and two --model"),
    ("compare http://127.0.0.1:1 http://127.0.0.1:1", 4, "two columns would be the same"),
    ("compare http://127.0.0.1:1 http://127.0.0.1:2 --model a --model b --model c", 4, "for 3 columns"),
    ("report", 4, "RUN"),
    ("report nowhere", 4, "no run.jsonl here"),
    ("report --fromat text nowhere", 4, "did you mean --format?"),
    ("diff one", 4, "NEW"),
    ("diff nowhere1 nowhere2", 4, "no run.jsonl here"),
    ("rejudge nowhere", 4, "no run.jsonl here"),
    ("evidence nowhere", 4, "no run.jsonl here"),
    ("expect nowhere", 4, "no run.jsonl here"),
    ("serve --face antropic", 4, "did you mean anthropic?"),
    ("env --target olama", 4, "did you mean ollama?"),
    ("env --target ollama", 4, "--model MODEL"),
    ("doctor --target vllm", 4, "ollama"),
    ("new Bad_Id", 4, "Bad_Id"),
    ("ollama", 4, "--version"),
    ("serve --port abc", 4, "'abc' is no port: a number from 0 to 65535"),
    ("serve --port 70000", 4, "'70000' is no port"),
    ("serve --port ²", 4, "'²' is no port"),
    ("run --concurrency ²", 4, "'²' is not a whole number from 1 up"),
    (f"run --attempts {'9' * 5000}", 4, "is not a whole number from 1 up"),
    ("fuzz --examples -3", 4, "'-3' is not a whole number from 0 up"),
    ("env --target ollama --model m --context big", 4, "'big' is not a whole number"),
    ("record --max-usd x", 4, "'x' is no sum of US dollars such as 5 or 0.5"),
    ("record --max-usd nan", 4, "'nan' is no sum"),
    ("record --max-usd 5 --price 5", 4, "'5' is no price such as 5,25"),
    ("record --max-usd 5 --price inf,nan", 4, "'inf,nan' is no price such as 5,25"),
    (f"run --select {'(' * 5000}", 4, "((…`"),
    # what a hundred made-up calls showed
    ("run http://127.0.0.1:1 --bogus", 4, "unknown option '--bogus'; `conformance run --help` lists what there is"),
    ("run http://127.0.0.1:1 --base_url x", 4, "did you mean --base-url?"),
    ("run http://127.0.0.1:1 -m scripted", 4, "unknown option '-m'; did you mean --model?"),
    ("run http://127.0.0.1:1 -k tools", 4, "unknown option '-k': it goes to pytest, after `--`: -- -k"),
    ("run http://127.0.0.1:1 --html=x.html", 4, "after `--`: -- --html=x.html"),
    ("run http://127.0.0.1:1 http://127.0.0.1:2", 4, "`conformance compare` asks two"),
    ("run htp://127.0.0.1:1", 4, "did you mean http://127.0.0.1:1?"),
    ("run http:/127.0.0.1:1", 4, "did you mean http://127.0.0.1:1?"),
    ("run http//127.0.0.1:1", 4, "did you mean http://127.0.0.1:1?"),
    ("https:127.0.0.1:1", 4, "did you mean https://127.0.0.1:1?"),
    ("run http://locahost:1", 2, "there is no host locahost (Name or service not known); did you mean localhost?"),
    ("run lm-studio", 2, "did you mean --target lm-studio?"),
    ("run 127.0.0.1:1/v1/chat/completions", 2, "nothing answers at http://127.0.0.1:1 "),
    ("run ./pyproject.toml", 4, "./pyproject.toml is a file or folder here, and no address"),
    ("run http://127.0.0.1:1 --target ollama@", 4, "a version stands behind the @, as in ollama@0.33"),
    ("run http://127.0.0.1:1 --target ollama@new", 4, "'new' is none"),
    ("run http://127.0.0.1:1 --target @0.33", 4, "sglang, vllm; a file goes by its path"),
    ("run http://127.0.0.1:1 --budget 99999999999999999999h", 4, "is not a time such as 90"),
    ("run http://127.0.0.1:1 --timeout 9999999d", 4, "is not a time such as 90"),
    ("run http://127.0.0.1:1 --shard 3/2", 4, "write I/N with I from 1 to N"),
    ("run http://127.0.0.1:1 --profile claude_code", 4, "did you mean `claude-code`?"),
    ("run --select 'tools and'", 4, "it ends too early"),
    ("compare ./pyproject.toml http://127.0.0.1:1", 4, "`conformance diff` compares two runs"),
    ("diff http://127.0.0.1:1 http://127.0.0.1:2", 4, "an address is asked: conformance run http://127.0.0.1:1"),
    ("report https://127.0.0.1:1", 4, "an address is asked: conformance run https://127.0.0.1:1"),
    (f"report {PUBLISHED}", 4, "it holds the run agent-wire-proxy-0.2.0 and "),
    (f"report {PUBLISHED}/reference --query area:tools", 4, "--format text goes with it"),
    (f"report {PUBLISHED}/reference --query aera:tools --format text", 4, "did you mean area?"),
    (f"evidence {PUBLISHED}/reference messages.txt", 4, "did you mean messages.text.json.1?"),
    (f"merge {PUBLISHED}/reference -o both", 4, "is no shard"),
    ("serve http://127.0.0.1:8124", 4, "did you mean --upstream http://127.0.0.1:8124?"),
    ("explain TO14", 4, "it is a fault"),
    ("explain TO144", 4, "`conformance list cases`"),
    ("list faults --select area:tools", 4, "cases, rows and rules; it says nothing of faults"),
    ("help rn", 4, "there is no command 'rn'; did you mean run?"),
    ("version", 4, "did you mean --version?"),
    ("ollama --version latest", 4, "'latest' is no version of a release such as 0.33.0"),
    ("env --target ollama --model ''", 4, "which model?"),
    ("new tools.choice.mine", 4, "--surface ROW"),
]


def words_of(call: str) -> list[str]:
    return [word.strip("'") for word in re.findall(r"'[^']*'|\S+", call)]


@pytest.mark.parametrize(("call", "code", "says"), WRONG, ids=[call for call, _, _ in WRONG])
def test_a_wrong_call_is_told_what_to_write(
    call: str, code: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    assert main(words_of(call)) == code
    told = capsys.readouterr()
    assert says in told.err
    assert [line for line in told.err.splitlines() if line.startswith("conformance: ")]
    assert "Traceback" not in told.err
    assert len(told.err.splitlines()) <= 2, "a mistake is a line, and what there is at most another"
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"], "a wrong call leaves nothing behind"


def test_help_of_a_command_is_that_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["help", "compare"])
    assert ended.value.code == 0
    assert "usage: conformance compare" in capsys.readouterr().out


def test_no_key_is_repeated_where_the_name_of_a_variable_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", "http://127.0.0.1:1", "--api-key-env", "sk-ant-api03-canary"]) == 4
    told = capsys.readouterr()
    assert "canary" not in told.err + told.out
    assert "--api-key-env MY_KEY" in told.err


def test_a_tendency_is_done_and_no_verdict_while_it_is_asked() -> None:
    progress = Progress(3, io.StringIO())
    for verdict in ("supported", "supported", None):
        progress.judged(verdict, lambda: 0)
    assert progress.line(0, 1.0) == "3 of 3 questions  2 supported"


def test_every_command_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    for name in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([name, "--help"])
        assert ended.value.code == 0
        about = COMMANDS[name]
        shown = " ".join(capsys.readouterr().out.split())
        assert f"{about[0].upper()}{about[1:]}." in shown


@pytest.mark.parametrize("what", ["cases", "rows", "rules", "targets", "profiles", "variants", "faults"])
def test_what_can_be_named_is_listed(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert main(["list", what, "--json"]) == 0
    entries = msgspec.json.decode(capsys.readouterr().out)
    assert len(lines) == len(entries) > 1
    assert all(line.startswith(entry["id"]) for line, entry in zip(lines, entries, strict=True))
    assert all(entry["says"] for entry in entries)


def test_a_selection_lists_what_a_run_of_it_asks(capsys: pytest.CaptureFixture[str]) -> None:
    for what, id_ in (("cases", "messages.text"), ("rows", "request.messages.text")):
        assert main(["list", what, "--select", "messages.text"]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [id_]


@pytest.mark.parametrize("form", ["{url}", "{bare}", "{url}/", "{url}/v1", "{url}/v1/messages", "{bare}/v1/"])
def test_an_address_may_be_typed_as_it_is_at_hand(
    conformance: Command, served: Serve, tmp_path: Path, form: str
) -> None:
    url = served()
    typed = form.format(url=url, bare=url.removeprefix("http://"))
    done = conformance(typed, "--target", "none", "--model", "scripted", *FEW)
    assert done.returncode == 0, done.stderr
    assert read_log(tmp_path / "out").run.target.base_url == url


def test_https_to_a_plain_port_is_told_the_address(conformance: Command, served: Serve) -> None:
    url = served()
    done = conformance("run", url.replace("http:", "https:"))
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(f"if it speaks plain HTTP, write {url}")


def test_json_is_the_log_and_nothing_else(conformance: Command, tmp_path: Path) -> None:
    done = conformance("run", "--json", "--quiet", *FEW)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (tmp_path / "out" / "run.jsonl").read_text()
    assert done.stderr.splitlines() == [
        "reference: As expected: 0 worse, 0 better, 0 known and 0 documented gaps. Exit 0."
    ]


def test_a_reader_that_has_gone_does_not_end_the_run(tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["run", "--json", *FEW, "--out", str(out)]
    script = f"set -o pipefail; {shlex.join([sys.executable, '-m', 'conformance', *words])} | head -n 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "Broken pipe" not in done.stderr
    assert "BrokenPipeError" not in done.stderr
    assert read_log(out).end is not None


def test_a_run_that_nobody_reads_is_not_green(tmp_path: Path) -> None:
    words = shlex.join([sys.executable, "-m", "conformance", "run", *FEW, "--out", str(tmp_path / "out")])
    done = subprocess.run(["bash", "-c", f"{words} 2>&1 | true; exit ${{PIPESTATUS[0]}}"], check=False, timeout=120)
    assert done.returncode in (1, 130), "1 where the reader went only after the first lines"


def test_the_page_is_opened_on_demand(conformance_process: Command, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    done = conformance_process("run", "--open", *FEW, BROWSER=f"{browser} %s")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "index.html").as_uri()
    assert (tmp_path / "opened").read_text().strip() == page
    assert page in done.stderr


def test_two_endpoints_side_by_side(conformance: Command, served: Serve, tmp_path: Path) -> None:
    right, wrong = served(), served("--fault", "TO14")
    few = ("--target", "none", "--model", "scripted", "--select", "tools.choice.*", "--out", "both")
    done = conformance("compare", right, wrong, *few)
    assert done.returncode == 0, done.stderr
    differing = [line for line in done.stdout.splitlines() if line.startswith("request.tool_choice.tool ")]
    assert re.search(r"\+ supported .*o ignored", differing[0])
    assert "request.tool_choice.any" not in done.stdout
    assert (tmp_path / "both" / "index.html").as_uri() in done.stdout
    assert right.removeprefix("http://") in done.stdout.splitlines()[0]


def test_a_comparison_ends_where_nobody_answers(conformance_process: Command, served: Serve) -> None:
    done = conformance_process(
        "compare", served(), "http://127.0.0.1:1", "--model", "scripted", "--select", "messages.text"
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("conformance: nothing answers at http://127.0.0.1:1")


CONFIGURATION = 'base-url = "{url}"\ntarget = "none"\nmodel = "scripted"\nselect = "messages.text"\nout = "kept"\n'


def test_a_repository_says_what_its_runs_ask(conformance: Command, served: Serve, tmp_path: Path) -> None:
    (tmp_path / "conformance.toml").write_text(CONFIGURATION.format(url=served()))
    assert conformance("run", "--no-witness").returncode == 0
    assert {row.case for row in read_log(tmp_path / "kept").cases} == {"messages.text"}
    assert conformance("run", "--no-witness", "--select", "messages.two-words", "--out", "other").returncode == 0
    assert {row.case for row in read_log(tmp_path / "other").cases} == {"messages.two-words"}


def test_pyproject_says_the_same_from_a_folder_below(
    served: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.conformance]\n" + CONFIGURATION.format(url="http://127.0.0.1:1"))
    (tmp_path / ".git").mkdir()
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert main(["run"]) == 2, "it asks the address of the file, where nobody is"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("base_url = 'http://127.0.0.1:1'", "unknown key 'base_url'; did you mean base-url?"),
        ("api-key-env = 'HOME'", "unknown key 'api-key-env'"),
        ("model = 3", "model: expected `str | null`, got `int`"),
        ("model = ", "is no TOML file"),
        ("out = '../elsewhere'", "is not below"),
    ],
)
def test_a_wrong_configuration_names_file_and_key(
    text: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conformance.toml").write_text(text)
    assert main(["run", "--select", "messages.text"]) == 4
    told = capsys.readouterr().err
    assert says in told
    assert str(tmp_path / "conformance.toml") in told


def test_a_quick_look_is_thirty_questions_and_one_verdict(conformance: Command, tmp_path: Path) -> None:
    done = conformance("run", "--profile", "quick", "--no-witness", "--out", "out")
    assert done.returncode == 0, done.stderr
    log = read_log(tmp_path / "out")
    assert len(log.cases) <= 30
    told = msgspec.json.decode((tmp_path / "out" / "verdict.json").read_bytes())
    assert told["exit"] == 0
    assert (told["regressions"], told["causes"], told["complete"]) == (0, [], True)
    assert {path.name for path in (tmp_path / "out" / "badges").iterdir()} >= {"reference-level.json"}


def test_a_baseline_that_is_not_there_yet_passes(conformance: Command, served: Serve) -> None:
    url = f"{served()}/fault/TO14"
    words = ("--target", "none", "--model", "scripted", "--select", "tools.choice.tool", "--no-witness")
    first = conformance("run", url, *words, "--baseline", "last", "--out", "last")
    assert first.returncode == 0
    assert "last is not there yet: this run passes" in first.stderr
    assert "The first run, with which later ones are compared: 1 worse" in first.stderr
    assert conformance("run", url, *words, "--baseline", "last", "--out", "now").returncode == 0
    assert conformance("run", url, *words, "--out", "alone").returncode == 1


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_a_run_that_is_ended_reports_and_says_how_to_go_on(
    by: signal.Signals, conformance: Command, served: Serve, tmp_path: Path
) -> None:
    asked = ("run", served(), "--target", "none", "--model", "scripted", "--concurrency", "1", "--out", "out")
    many = ("--select", "messages.* or tools.* or validation.*")
    command = [sys.executable, "-m", "conformance", *asked, *many]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "out" / "run.jsonl"
    while process.poll() is None and not (log.exists() and log.read_bytes().count(b'"type":"case"') > 5):
        time.sleep(0.05)
    process.send_signal(by)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert (tmp_path / "out" / "index.html").exists()
    assert said.splitlines()[-1] == "Go on where it stopped: conformance run --resume out"
    assert not re.search(r"Traceback|!!!|full-trace", said)
    ended = read_log(tmp_path / "out")
    assert not ended.complete
    judged = {(row.case, row.mode) for row in ended.cases}
    few = conformance("run", "--resume", "out", "--no-witness", "--", "-k", "validation.max-tokens-missing")
    assert few.returncode in (0, 1), few.stderr
    assert {(row.case, row.mode) for row in read_log(tmp_path / "out").cases} > judged


@pytest.mark.parametrize(
    ("id_", "kind", "row"),
    [
        ("stream.start-first", "rule", "stream.message_start"),
        ("tools.choice.tool", "case", "request.tool_choice.tool"),
        ("request.tool_choice.tool", "row", None),
    ],
)
def test_a_program_reads_what_an_id_is_about(
    id_: str, kind: str, row: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", id_, "--json"]) == 0
    (told,) = msgspec.json.decode(capsys.readouterr().out)
    assert (told["kind"], told["id"], told.get("row")) == (kind, id_, row)
    assert told["says"]
    assert main(["explain", id_]) == 0
    assert told["says"] in capsys.readouterr().out


def test_one_question_is_told_with_its_verdict_and_why(conformance: Command, served: Serve) -> None:
    url = f"{served()}/fault/TO14"
    words = ("--target", "none", "--model", "scripted", "--select", "tools.choice.tool", "--no-witness")
    done = conformance("run", url, *words, COLUMNS="40")
    lines = [line.strip() for line in done.stderr.splitlines()]
    (told,) = [line for line in lines if line.startswith("ignored  tools.choice.tool[json]: ")]
    assert re.search(r"expected .* observed ", told), "nothing is cut in a pipe, however narrow"
    counted = next(line for line in lines if "rows of the matrix" in line)
    rows, *verdicts = map(int, re.findall(r"(\d+) (?:rows of|[a-z-]+[,;])", counted))
    assert rows == sum(verdicts[: counted.split(";")[0].count(",") + 1])


def test_agents_find_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parents[2]
    text = (root / "llms.txt").read_text()
    for name in re.findall(r"\]\(([^):]+)\)", text):
        assert (root / name).exists(), name
    named = set(re.findall(r"`conformance ([a-z]+)", text))
    assert named <= set(COMMANDS)
    assert {"run", "explain", "list", "compare"} <= named


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("--fault TO144", 4, "did you mean TO14?"),
        ("--fault NOPE", 4, "`conformance faults` lists them"),
        ("--variant clrf", 4, "did you mean crlf?"),
        ("--variant NOPE", 4, "`conformance variants` lists them"),
        ("--upstream ftp://127.0.0.1", 4, "no address such as http://127.0.0.1:8124"),
        ("--upstream http://127.0.0.1:99999", 4, "no address such as http://127.0.0.1:8124"),
        ("--upstream nowhere.invalid", 2, "there is no host nowhere.invalid"),
        ("--upstream locahost:1", 2, "did you mean localhost?"),
        ("--upstream http://127.0.0.1:1", 2, "start the upstream first, such as `conformance serve --face openai"),
        ("--like olama@0.33", 4, "did you mean ollama?"),
        ("--like ollama@99", 4, "only from ollama@0.14 to ollama@0.33; did you mean ollama@0.33?"),
        ("--like ollama@0.13.5", 4, "did you mean ollama@0.14?"),
        ("--like ollama@new", 4, "'new' is no version such as 0.33"),
        ("--like 'ollama@0.33 - tool_choic'", 4, "did you mean tool_choice?"),
        ("--face ollama --like ollama@new", 4, "'new' is no version such as 0.33"),
        ("--port 99999", 4, "0 to 65535"),
        ("--disobey 0", 4, "'0' is not a whole number from 1 up"),
    ],
)
def test_a_server_that_cannot_be_started_says_what_to_write(
    conformance_process: Command, words: str, code: int, says: str
) -> None:
    done = conformance_process("serve", "--port", "0", *words_of(words))
    assert done.returncode == code
    *waits, line = done.stderr.splitlines()
    assert line.startswith("conformance")
    assert says in line
    assert len(waits) <= 1, "that it waits for an upstream"
    assert not done.stdout


def test_a_gateway_waits_for_an_upstream_that_still_starts(served: Serve, conformance: Command, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "conformance", "serve", "--port", "0", "--upstream", f"127.0.0.1:{port}/v1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as gateway:
        assert gateway.stdout is not None
        assert gateway.stderr is not None
        assert gateway.stderr.readline().startswith(f"nothing answers at http://127.0.0.1:{port} yet: waiting")
        served("--face", "openai", "--port", port)
        url = gateway.stdout.readline().split()[-1]
        words = ("--target", "reference", "--model", "scripted", "--select", "messages.text", "--no-witness")
        done = conformance("run", url, *words)
        gateway.terminate()
    assert done.returncode == 0, done.stderr


def test_an_upstream_may_be_typed_without_its_scheme(served: Serve, conformance: Command) -> None:
    upstream = served("--face", "openai").removeprefix("http://")
    words = ("--target", "reference", "--model", "scripted", "--select", "messages.text", "--no-witness")
    done = conformance("run", served("--upstream", upstream), *words)
    assert done.returncode == 0, done.stderr

"""Sessions of a client: what its turns amount to, what is left behind, and what a person is told when it cannot run."""

import datetime as dt
import json
import shlex
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.detection import client, client_seats, client_session
from conformance.detection.client_figures import EXPECTED, driven_outcomes, misjudged, outcomes, reasons, with_outcomes
from conformance.detection.client_program import PINNED, program_of
from conformance.detection.client_servers import client_servers
from conformance.detection.client_session import TaskOutcome, outcome_of
from conformance.detection.relay import Relayed
from conformance.engine.scripted_process import ScriptedProcess
from conformance.errors import UserError
from conformance.runs.detection import ClientFigure, ClientOutcome
from conformance.words import ReadinessVerdict

FAKE = Path(__file__).with_name("fake_client.py")
Written = Callable[..., Path]


@pytest.fixture
def fake(tmp_path: Path) -> Written:
    """A program that answers texts rightly, and calls no tools; or one that does something else."""

    def written(does: str = f"exec {shlex.quote(sys.executable)} {shlex.quote(str(FAKE))}") -> Path:
        program = tmp_path / "client"
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)
        return program

    return written


@pytest.fixture(scope="module")
def reference() -> Iterator[str]:
    with ScriptedProcess() as process:
        yield process.url


def turn(right: bool = True, error: bool = False, extra: int = 0, pictures: bool = False) -> TaskOutcome:
    return TaskOutcome(task="t", right=right, error=error, extra=extra, pictures=pictures)


def test_turns_amount_to_an_outcome() -> None:
    assert outcome_of([turn()]) == "works"
    assert outcome_of([turn(), turn(extra=1)]) == "degraded"
    assert outcome_of([turn(extra=1), turn(right=False, pictures=True)]) == "limited"
    assert outcome_of([turn(right=False, pictures=True), turn(right=False)]) == "wrong"
    assert outcome_of([turn(right=False), turn(right=False, error=True)]) == "fails"


@given(st.lists(st.builds(turn, st.booleans(), st.booleans(), st.integers(0, 2), st.booleans())))
def test_the_order_of_turns_changes_nothing(turns: list[TaskOutcome]) -> None:
    assert outcome_of(turns) == outcome_of(turns[::-1])


def test_a_session_shows_what_went_right_and_leaves_nothing_behind(
    fake: Written, reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    session = client_session.run_session([str(fake())], reference, "scripted", token="hush-hush", short=True)
    right = {one.task for one in session.turns if one.right}
    assert {"text", "count"} <= right
    assert "write" not in right
    assert session.outcome == "wrong"
    assert "hush-hush" not in json.dumps(session.shapes)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_client_that_cannot_reach_the_endpoint_fails(fake: Written) -> None:
    session = client_session.run_session([str(fake())], "http://127.0.0.1:9", "scripted", short=True)
    assert session.outcome == "fails"


@pytest.mark.parametrize("does", ["exit 0", "exec sleep 600"])
def test_a_client_that_ends_or_hangs_fails_in_its_first_turn(
    fake: Written, does: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_session, "TURN_SECONDS", 0.5)
    session = client_session.run_session([str(fake(does))], "http://127.0.0.1:9", "scripted", short=True)
    assert [(one.error, one.right) for one in session.turns] == [(True, False)]


def test_what_cannot_be_installed_or_started_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert client.main(["--program", "no-such-client"]) == 4
    monkeypatch.chdir(tmp_path)
    assert client.main(["--short"]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 2
    assert "no-such-client is no program" in told[0]
    assert "npm" in told[1]


def test_a_program_is_found_from_where_the_caller_is(fake: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    program = fake("exit 0")
    monkeypatch.chdir(program.parent)
    assert program_of(f"./{program.name}", PINNED) == program


def test_a_file_that_no_system_can_run_is_one_line(
    fake: Written, reference: str, capfd: pytest.CaptureFixture[str]
) -> None:
    program = fake()
    program.write_bytes(b"\0\0\0\0")
    assert client.main(["--program", str(program), "--base-url", reference]) == 4
    (line,) = capfd.readouterr().err.splitlines()
    assert line == f"client: {program} is no program that can be started: Exec format error"


NPM = """\
#!/bin/sh
echo "npm error code ETARGET" >&2
echo "npm error notarget No matching version" >&2
%s
"""


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("exit 1", "npm could not install @anthropic-ai/claude-code@9.9.9: npm error code ETARGET"),
        ("exit 0", "npm could not install @anthropic-ai/claude-code@9.9.9: npm error code ETARGET"),
        ("exec sleep 600", "npm did not install @anthropic-ai/claude-code@9.9.9 within ten minutes"),
    ],
)
def test_a_version_that_npm_does_not_install_is_one_line(
    does: str, told: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    npm.write_text(NPM % does)
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("conformance.detection.client_program.INSTALL_SECONDS", 0.5)
    monkeypatch.chdir(tmp_path)
    assert client.main(["--version", "9.9.9", "--fault", "ID11"]) == 2
    assert capsys.readouterr().err == f"client: {told}\n"


def test_a_key_is_taken_by_the_name_of_its_variable(capsys: pytest.CaptureFixture[str], fake: Written) -> None:
    assert client.main(["--program", str(fake()), "--base-url", "http://127.0.0.1:9", "--api-key-env", "sk-x"]) == 4
    assert "sk-x" not in capsys.readouterr().err


def test_a_fault_of_a_gateway_has_its_seat_before_an_upstream() -> None:
    words = ["--fault", "GW06", "--fault", "ST02"]
    opened = {}
    for seat in client_seats.seats(client._parsed(words), {}):
        with urllib.request.urlopen(f"{seat.address.url}/v1/models", timeout=30):
            opened[seat.name] = seat.address.url
    assert list(opened) == ["reference", "ST02", "GW06"]
    hosts = {name: url.removesuffix(f"/fault/{name}") for name, url in opened.items()}
    assert hosts["ST02"] == hosts["reference"] != hosts["GW06"]


def test_the_draw_of_a_day_is_the_same_for_everybody() -> None:
    day = dt.date(2026, 11, 28)
    assert client_seats.drawn(day) == client_seats.drawn(day)
    assert len(set(client_seats.drawn(day))) == client_seats.DRAWN
    assert {outcome for fault in client_seats.drawn(day) for outcome in [outcomes()[fault]]} & {"wrong", "fails"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ST01\tfine\n", ":1: the second column is none of works"),
        ("# head\n\nST01\n", ":3: the second column is none of works"),
        ("A\tworks\nA\tworks\n", ":2: A stands twice"),
    ],
)
def test_an_outcomes_file_is_checked_line_by_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "client.tsv"
    file.write_text(text)
    with pytest.raises(UserError, match=told):
        outcomes(file)


def test_the_agent_sdk_drives_the_same_program_and_meets_the_same_faults_alike() -> None:
    known, driven = outcomes(), driven_outcomes()
    assert len(driven) >= 8
    assert driven == {fault: known[fault] for fault in driven}


def test_every_fault_that_breaks_the_client_has_its_true_reason_written() -> None:
    known = outcomes()
    breaking = {fault for fault, outcome in known.items() if outcome in ("wrong", "fails")}
    assert breaking == set(reasons())
    assert set(known.values()) - set(EXPECTED) == {"not-exercised", "unclear"}


def figure(id_: str, outcome: ClientOutcome, verdict: ReadinessVerdict, *needs: str) -> ClientFigure:
    return ClientFigure(id=id_, outcome=outcome, verdict=verdict, needs=list(needs))


def test_a_client_that_breaks_must_be_told_so_and_one_that_works_may_seldom_be_accused() -> None:
    works = [figure(f"w{n}", "works", "ready") for n in range(40)]
    assert misjudged([*works, figure("ID11", "fails", "not ready", "bearer")]) == []
    assert misjudged([*works, figure("x", "works", "not ready", "bearer")]) == []
    assert len(misjudged([*works, *(figure(f"x{n}", "works", "not verified") for n in range(3))])) == 3
    assert len(misjudged([*works, figure("ID11", "fails", "ready with limits", "bearer")])) == 1
    assert len(misjudged([*works, figure("ID11", "fails", "not verified", "bearer")])) == 1
    assert len(misjudged([figure("ID11", "fails", "not ready", "text")])) == 1
    assert len(misjudged([figure("TR01", "degraded", "not ready", "event-names")])) == 1


def session(outcome: ClientOutcome) -> client_session.Session:
    return client_session.Session(turns=[], outcome=outcome, digest="")


@pytest.mark.parametrize(
    ("met", "agreed"),
    [
        (["works"], "works"),
        (["fails", "works"], "works"),
        (["fails", "fails"], "fails"),
        (["fails", "wrong", "fails"], "fails"),
    ],
)
def test_a_changed_outcome_counts_where_two_sessions_agree(
    met: list[ClientOutcome], agreed: ClientOutcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [session(outcome) for outcome in met]
    monkeypatch.setattr(client, "run_session", lambda *_, **__: left.pop(0))
    seat = client_seats.Seat(name="x", address=client_seats.Address(url="http://127.0.0.1:9"), known="works")
    assert client._agreed("client", seat, short=True).outcome == agreed
    assert left == []


def test_an_outcome_to_be_written_is_told_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    left = [session(outcome) for outcome in ("works", "fails", "works")]
    monkeypatch.setattr(client, "run_session", lambda *_, **__: left.pop(0))
    seat = client_seats.Seat(name="x", address=client_seats.Address(url="http://127.0.0.1:9"))
    assert client._agreed("client", seat, short=False, twice=True).outcome == "works"
    assert left == []


def held(endpoint: str, known: ClientOutcome, outcome: ClientOutcome) -> client.Held:
    return client.Held(
        endpoint=endpoint, client="", outcome=outcome, known=known, digest="ab", errors=["text"], wrong=[], extra=0
    )


def test_the_title_of_the_watchs_issue_names_who_breaks() -> None:
    new = "claude-code 9"
    assert client.report(new, [], []).startswith("claude-code 9 is as before\n")
    assert client.report(new, ["+ field x"], []).startswith("claude-code 9 sends something new\n")
    told = client.report(
        new, ["+ field x"], [held("ollama@0.33", "works", "fails"), held("litellm", "works", "limited")]
    )
    assert told.startswith("claude-code 9 breaks ollama@0.33 and does something else on litellm\n")
    assert "- ollama@0.33: fails; errors in text [ab]; known as works" in told
    assert "+ field x" in told


def test_outcomes_are_written_with_their_digest_in_the_order_of_faults(tmp_path: Path) -> None:
    text = with_outcomes("# fault\nST02\tworks\t\t\t0\n", {"ID11": ["fails", "text read", "", "8", "1d2e"]})
    assert text == "# fault\nID11\tfails\ttext read\t\t8\t1d2e\nST02\tworks\t\t\t0\n"
    driven = text.replace("1d2e", "1d2e\tfails")
    assert "\t9\tbb\tfails\n" in with_outcomes(driven, {"ID11": ["fails", "text", "", "9", "bb"]})
    assert with_outcomes(text, {"ST02": ["works", "", "", "0", "aa"]}).splitlines()[2] == "ST02\tworks\t\t\t0\taa"
    file = tmp_path / "client.tsv"
    file.write_text(text)
    assert outcomes(file) == {"ID11": "fails", "ST02": "works"}


def test_only_whole_sessions_of_the_pinned_client_are_written(
    fake: Written, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "run_session", lambda *_, **__: session("works"))
    words = ["--program", str(fake()), "--fault", "ID11", "--write-outcomes"]
    assert client.main([*words, "--version", "2.1.1", "--base-url", "http://127.0.0.1:9"]) == 4
    assert "--write-outcomes keeps whole sessions of" in capfd.readouterr().err


def test_a_server_that_cannot_be_started_here_is_one_line(fake: Written, capfd: pytest.CaptureFixture[str]) -> None:
    assert client.main(["--program", str(fake()), "--server", "no-such"]) == 4
    assert "no-such cannot be started here" in capfd.readouterr().err


@pytest.mark.parametrize("text", ["- {server: x}", "server: x", "- {server: x, outcome: so, session: works, seen: y}"])
def test_a_servers_file_that_cannot_be_read_is_one_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "servers.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=r"servers\.yaml: "):
        client_servers(file)


def test_titles_and_counts_are_no_turns() -> None:
    relayed = Relayed("http://127.0.0.1:9")
    for path, body in (
        ("/v1/messages", {"tools": [{"name": "Read"}]}),
        ("/v1/messages", {"messages": []}),
        ("/v1/messages", {"tools": []}),
        ("/v1/messages/count_tokens?beta=true", {"tools": [{"name": "Read"}]}),
    ):
        relayed.keep("POST", path, [], json.dumps(body).encode())
    assert relayed.posts() == 2

"""`conformance share RUN`: the copy holds nothing private, says the same, and nothing is sent."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bending_proxy import Bent, bending
from command_line import Command, called
from servers import scripted

from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.frames import unpack
from conformance.runs.log import PACKED, read_log

HOST, MODEL, USER = "gpu-17.corp.acme.io", "acme/secret-7b", "gabriel"
PATH, PEER, MAIL, ACCOUNT = "/srv/acme/serve.py", "10.20.30.40", "ana@acme.io", "org-a1b2c3d4e5f6"
SECRETS = (HOST, MODEL, USER, PATH, PEER, MAIL, ACCOUNT, "acme", "gpu-17", "x-node", "heron-9")
PARTS = ("--select", "messages.*, models.*, tools.choice.*, errors.*, claude-code.turn.main", "--attempts", "1")


def leaking(body: dict[str, Any]) -> dict[str, Any] | tuple[int, dict[str, Any]]:
    """Takes the private model's name for its own, and refuses tools with all that an error of a server tells."""
    if body.get("tool_choice"):
        said = f"{USER}@{HOST}: {PATH}: upstream http://{HOST}:9000 ({PEER}) failed for {ACCOUNT}; ask {MAIL}"
        return 400, {"type": "error", "error": {"type": "invalid_request_error", "message": said}}
    return {name: "scripted" if value == MODEL else value for name, value in body.items()}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run against an endpoint that tells much, as if it had been asked at another machine."""
    folder = tmp_path_factory.mktemp("shared")
    bent = Bent(
        leaking,
        answer=lambda body: body.replace(b'"scripted"', json.dumps(MODEL).encode()),
        refusal_headers=(("x-node", "heron-9"), ("server", "acme-gateway/1.2")),
    )
    (folder / "acme.yaml").write_text("name: acme\nextends: reference\n")
    with scripted("--face", "anthropic") as upstream, bending(upstream, bent) as url:
        asked = ("--base-url", url, "--target", "./acme.yaml", "--model", MODEL, "--out", "secret-project")
        done = called(("run", *asked, *PARTS), folder)
    assert done.returncode in (0, 1), done.stderr
    moved(folder / "secret-project", url)
    return folder / "secret-project"


def moved(folder: Path, url: str) -> None:
    """Gives the run the address of a machine in a network of one's own."""
    there = f"http://{HOST}:8000"
    store = EvidenceStore(folder)
    lines = [store.line(name).replace(url.encode(), there.encode()) for name in store]
    (folder / "evidence.jsonl.zst").unlink()
    (folder / "evidence.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    log = folder / "run.jsonl"
    log.write_bytes(log.read_bytes().replace(url.encode(), there.encode()))


def whole(folder: Path) -> str:
    store = EvidenceStore(folder)
    return "\n".join([unpack(folder / PACKED).decode(), *(store.line(name).decode() for name in store)])


def test_a_shared_run_holds_nothing_private_and_says_the_same(run: Path, tmp_path: Path, conformance: Command) -> None:
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    done = conformance("share", str(run), "--out", "copy")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {"run.jsonl.zst", "evidence.jsonl.zst"}
    told = whole(tmp_path / "copy").lower()
    assert [secret for secret in SECRETS if secret.lower() in told] == []
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before
    mine, theirs = read_log(run), read_log(tmp_path / "copy")
    assert {(row.case, row.mode): row.verdict for row in theirs.cases} == {
        (row.case, row.mode): row.verdict for row in mine.cases
    }
    assert {row.rule: (row.verdict, row.violations) for row in theirs.rules} == {
        row.rule: (row.verdict, row.violations) for row in mine.rules
    }
    again = conformance("rejudge", "copy", "--out", "again")
    assert again.returncode in (0, 1), again.stderr
    assert {(row.case, row.mode): row.verdict for row in read_log(tmp_path / "again").cases} == {
        (row.case, row.mode): row.verdict for row in mine.cases
    }


def test_what_leaves_is_shown(run: Path, conformance: Command) -> None:
    done = conformance("share", str(run), "--out", "shown")
    for secret in (HOST, MODEL, PATH.removeprefix("/srv"), PEER, MAIL):
        assert f": {secret} -> " in done.stdout, done.stdout
    assert "Nothing has been sent" in done.stdout
    assert "x-node" in done.stdout
    assert "server" in done.stdout.partition("left out")[2]
    assert "\x1b" not in done.stdout


def test_nothing_is_sent(run: Path, tmp_path: Path) -> None:
    code = """
import socket, sys
def refuse(*_, **__):
    raise AssertionError("a connection was asked for")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse
sys.argv = ["conformance", "share", sys.argv[1], "--out", sys.argv[2]]
import runpy
runpy.run_module("conformance", run_name="__main__")
"""
    words = [sys.executable, "-c", code, str(run), str(tmp_path / "copy")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert read_log(tmp_path / "copy").complete


def test_a_copy_that_would_say_something_else_is_not_made(run: Path, conformance: Command, tmp_path: Path) -> None:
    done = conformance("share", str(run), "--out", "copy", "--mask", "message")
    assert done.returncode == 2
    assert "would say something else" in done.stderr
    assert not (tmp_path / "copy").exists()


def test_a_folder_that_is_there_is_left_alone(run: Path, conformance: Command, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    done = conformance("share", str(run), "--out", "mine")
    assert done.returncode == 4
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert conformance("share", "empty").returncode == 4


def test_a_published_run_can_be_shared_and_a_model_kept(conformance: Command, tmp_path: Path, run: Path) -> None:
    done = conformance("share", str(run), "--keep-model", "--out", "copy")
    assert done.returncode == 0, done.stderr
    head = msgspec.json.decode(unpack(tmp_path / "copy" / PACKED).split(b"\n")[0])
    assert head["target"]["model"] == MODEL
    assert head["target"]["base_url"] != f"http://{HOST}:8000"
    assert head["command"] == "conformance run"
    assert "out" not in head["options"]

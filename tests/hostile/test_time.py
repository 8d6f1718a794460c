"""No more requests are in flight than were allowed, and a run ends in time, whatever the server is doing."""

import json
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from command_line import FULL, Begun, Command, ends_soon, extent

from conformance.probe.pace import CERTAIN
from conformance.runs.log import read_log

LOG = "run.jsonl"
WORDS = ("run", "--target", "none", "--model", "m", "--no-witness", "--attempts", "1")


class Server:
    """Answers `Reply with exactly` as it should after some seconds; counts what is in flight to /v1/messages."""

    def __init__(self, seconds: float = 0.0, width: int = 1000) -> None:
        self.seconds = seconds
        self.room = threading.Semaphore(width)
        self.lock = threading.Lock()
        self.flying = self.most = self.asked = 0
        self.since = 0
        """The most that were in flight since the mark was set."""
        self.hangs: tuple[str, ...] = ()
        """Beginnings of paths on which nothing is ever answered; on /v1/messages, after so many answers."""
        self.after = 0
        self.hung, self.released = threading.Event(), threading.Event()

    def taken(self, number: int) -> None:
        with self.lock:
            self.flying += number
            self.asked += number > 0
            self.most, self.since = max(self.most, self.flying), max(self.since, self.flying)


@contextmanager
def serving(server: Server) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            messages = self.path == "/v1/messages"
            if messages:
                server.taken(1)
            try:
                if self.path.startswith(server.hangs) and (not messages or server.asked > server.after):
                    server.hung.set()
                    server.released.wait(200)
                    return
                if messages:
                    with server.room:
                        time.sleep(server.seconds)
            finally:
                if messages:
                    server.taken(-1)
            self.say(body if messages else b"")

        def say(self, body: bytes) -> None:
            told = re.findall(rb"Reply with exactly: ([^\"\\]*)", body) or [b"OK"]
            message = {
                "id": f"msg_{server.asked}",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [{"type": "text", "text": told[-1].decode().strip()}],
                "stop_reason": "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": 9, "output_tokens": 3},
            }
            data = json.dumps(message).encode() if body else b"{}"
            self.send_response(200 if body else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = do_PUT = do_HEAD = do_OPTIONS = answer  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    thread = threading.Thread(target=listener.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_address[1]}"
    finally:
        server.released.set()
        listener.shutdown()
        thread.join()
        listener.server_close()


@pytest.mark.parametrize("allowed", [1, 3] if FULL else [1])
def test_never_more_requests_are_in_flight_than_were_allowed(
    allowed: int, tmp_path: Path, conformance: Command
) -> None:
    server = Server(0.02)
    select = "messages.* or streaming.two-at-once"
    with serving(server) as url:
        words = (*WORDS, "--base-url", url, "--concurrency", str(allowed), "--select", select, "--out", "out")
        ended = conformance(*words)
    assert server.most == allowed, ended.stdout + ended.stderr
    rows = read_log(tmp_path / "out").cases
    together = [row for row in rows if row.reason == "needs 2 requests in flight"]
    assert bool(together) is (allowed == 1)
    assert {row.verdict for row in together} <= {"not-run"}


def test_a_server_that_answers_one_at_a_time_is_asked_for_no_more(tmp_path: Path, bent: Begun) -> None:
    server = Server(CERTAIN + 0.2, width=1)
    with serving(server) as url:
        process = bent(
            "",
            *WORDS,
            "--base-url",
            url,
            "--concurrency",
            "8",
            "--select",
            "messages.text",
            "--out",
            "out",
        )
        log = tmp_path / "out" / LOG
        until = time.monotonic() + 120
        while time.monotonic() < until and not log.exists():
            time.sleep(0.02)
        server.since, server.seconds = 0, 0.05
        out, err = process.communicate(timeout=200)
    assert "answers one at a time (two questions together took" in err, out + err
    assert server.since == 1
    assert server.most == 2


HANGS = {
    "while it is asked who it is": (("/api/version", "/version", "/health", "/props", "/v1/models", "/"), 0, ()),
    "while the first answer is waited for": (("/v1/messages",), 0, ("--target", "none", "--model", "m")),
    "while the questions are asked": (("/v1/messages",), 3, ("--target", "none", "--model", "m")),
}


def hanging(moment: str) -> Server:
    """A server that hangs from that moment on."""
    server = Server()
    server.hangs, server.after, _ = HANGS[moment]
    return server


@pytest.mark.parametrize("moment", HANGS)
@pytest.mark.parametrize("how", extent(["budget", "a person"], ["budget"]))
def test_a_run_ends_in_time(moment: str, how: str, tmp_path: Path, bent: Begun) -> None:
    """Within two seconds on a quiet machine: so many are allowed, and some starts of the suite more."""
    _, after, words = HANGS[moment]

    def attempt(unit: float) -> float:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        server, seconds = hanging(moment), 1 + 2 * unit if how == "budget" else 0.0
        with serving(server) as url:
            budget = ("--budget", f"{seconds:.1f}s") if how == "budget" else ()
            began = time.monotonic()
            process = bent("", "run", "--base-url", url, *words, "--no-witness", *budget, "--out", "out")
            if how == "a person":
                assert server.hung.wait(100)
                process.send_signal(signal.SIGINT)
                began = time.monotonic()
            out, err = process.communicate(timeout=100)
            took = time.monotonic() - began
            assert not server.released.is_set(), "nobody waited for what hangs"
        judge(process.returncode, out + err)
        return took - seconds

    def judge(code: int, said: str) -> None:
        assert "Traceback" not in said
        if not after:
            assert code == (130 if how == "a person" else 2), said
            return
        log = read_log(tmp_path / "out")
        assert log.end is not None
        assert log.complete is (how == "budget"), said
        assert {"budget spent"} == {row.reason for row in log.cases if row.verdict == "not-run"} or how == "a person"

    ends_soon(tmp_path, attempt, seconds=2, starts=6)


@pytest.mark.parametrize("moment", extent(HANGS, ["while it is asked who it is", "while the questions are asked"]))
def test_a_search_ends_in_time(moment: str, tmp_path: Path, bent: Begun) -> None:
    _, after, words = HANGS[moment]

    def attempt(unit: float) -> float:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        server, seconds = hanging(moment), 1 + 2 * unit
        with serving(server) as url:
            began = time.monotonic()
            process = bent("", "fuzz", "--base-url", url, *words, "--time", f"{seconds:.1f}s", "--out", "out")
            out, err = process.communicate(timeout=100)
            took = time.monotonic() - began
            assert not server.released.is_set(), "nobody waited for what hangs"
        assert "Traceback" not in err
        assert process.returncode == (0 if after else 2), out + err
        assert ("the time is over" in err) if after else ("within --time" in err.splitlines()[-1])
        return took - seconds

    ends_soon(tmp_path, attempt, seconds=2, starts=6)


@pytest.mark.parametrize("how", extent([signal.SIGINT, signal.SIGTERM], [signal.SIGTERM]))
def test_a_search_that_is_ended_says_how_to_go_on(how: signal.Signals, tmp_path: Path, bent: Begun) -> None:
    moment = "while the questions are asked"
    server, words = hanging(moment), HANGS[moment][2]
    with serving(server) as url:
        process = bent("", "fuzz", "--base-url", url, *words, "--out", "out")
        until = time.monotonic() + 100
        while time.monotonic() < until and not (tmp_path / "out" / "fuzz.jsonl").exists():
            time.sleep(0.02)
        process.send_signal(how)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    assert "out keeps what was found, and --out out goes on" in err.splitlines()[-1]
    assert "0 of 500 examples" in out


EARLY = """
import os, signal, sys
class Ends:
    def find_spec(self, name, path=None, target=None):
        if name == "{module}":
            os.kill(os.getpid(), signal.{how})
sys.meta_path.insert(0, Ends())
"""
MOMENTS = (
    *("conformance.cli.main", "conformance.harmless", "argparse", "conformance.cli.commands.run"),
    *("conformance.cli.run_suite", "conformance.engine.inquiry", "conformance.targets.resolve"),
)
"""Modules that are imported one after the other in the first tenths of a second."""


@pytest.mark.parametrize("how", extent(["SIGINT", "SIGTERM"], ["SIGTERM"]))
@pytest.mark.parametrize(
    "module", extent(MOMENTS, ["conformance.cli.main", "conformance.cli.commands.run", "conformance.engine.inquiry"])
)
def test_a_signal_that_comes_while_the_suite_is_imported_is_a_line(
    module: str, how: str, bent: Begun, tmp_path: Path
) -> None:
    process = bent(EARLY.format(module=module, how=how), "run", "--base-url", "http://127.0.0.1:9", "--out", "out")
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130, out + err
    assert (out, err) == ("", "conformance: interrupted\n")
    assert not (tmp_path / "out").exists()


LOST = """
import os, signal, weakref
from conformance.engine.ledger import Ledger
judge = Ledger.judge_case
class Held: pass
def judged(ledger, question):
    row, held = judge(ledger, question), Held()
    kept = weakref.ref(held, lambda _: os.kill(os.getpid(), signal.SIGTERM))
    del held
    return row
Ledger.judge_case = judged
"""


def test_a_signal_that_comes_in_a_callback_of_the_interpreter_is_not_lost(
    bent: Begun, reference: tuple[str, ...], tmp_path: Path
) -> None:
    """Python drops what a handler raises there, and the run went on to its end as if nobody had ended it."""
    process = bent(LOST, "run", *reference, "--select", "messages.text", "--no-witness", "--out", "out")
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130, said
    assert len(read_log(tmp_path / "out").cases) == 1

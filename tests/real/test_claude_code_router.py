"""claude-code-router 2.0.0 before the scripted model: all that it does otherwise is known, and a new fault is not."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from conftest import free_port, running

from conformance.runs.log import read_log
from conformance.targets.gateways import CLAUDE_CODE_ROUTER

Run = Callable[..., tuple[int, str, Path]]
PART = ("--select", "messages.*")


@pytest.fixture(scope="module")
def router(openai_face: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The router, with the configuration that `conformance env` prints; its address."""
    folder = tmp_path_factory.mktemp("router")
    subprocess.run(["npm", "install", "--silent", CLAUDE_CODE_ROUTER], cwd=folder, check=True, timeout=120)
    words = ["env", "--target", "claude-code-router", "--model", "scripted", "--upstream", f"{openai_face}/v1"]
    printed = subprocess.run([sys.executable, "-m", "conformance", *words], capture_output=True, text=True, check=True)
    configuration = {**json.loads(printed.stdout), "PORT": free_port()}
    (folder / ".claude-code-router").mkdir()
    (folder / ".claude-code-router" / "config.json").write_text(json.dumps(configuration))
    program = folder / "node_modules" / "@musistudio" / "claude-code-router" / "dist" / "cli.js"
    url = f"http://127.0.0.1:{configuration['PORT']}"
    with running(["node", str(program), "start"], url, folder, HOME=str(folder), UPSTREAM_API_KEY="none"):
        yield url


def test_all_of_it_is_known(router: str, conformance: Run) -> None:
    code, said, out = conformance("--target", "claude-code-router", "--base-url", router, "--model", "scripted")
    log = read_log(out)
    rows = [*log.cases, *log.rules]
    assert [row for row in rows if row.status in ("new", "regression", "improvement")] == [], said[-2000:]
    assert code == 0, said[-2000:]
    assert {row.rule for row in log.rules if row.status == "known-gap"} >= {"error.envelope", "usage.input-counted"}


def test_a_fault_in_front_of_it_is_new(router: str, conformance: Run) -> None:
    target = ("--target", "claude-code-router", "--model", "scripted", *PART)
    code, said, _ = conformance(*target, "--base-url", router)
    assert code == 0, said[-2000:]
    with spoiling(router, b'"type":"message",', b'"type":"massage",') as url:
        code, said, _ = conformance(*target, "--base-url", url)
    assert code == 1
    assert "message.type" in said or "massage" in said


@contextmanager
def spoiling(upstream: str, right: bytes, wrong: bytes) -> Iterator[str]:
    """A proxy that replaces bytes in every answer."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "accept-encoding")}
            asked = urllib.request.Request(upstream + self.path, body or None, headers, method=self.command)
            try:
                with urllib.request.urlopen(asked) as answer:
                    status, told, content = answer.status, answer.headers, answer.read()
            except urllib.error.HTTPError as refusal:
                status, told, content = refusal.code, refusal.headers, refusal.read()
            content = content.replace(right, wrong)
            self.send_response(status)
            self.send_header("content-type", told.get("content-type", "text/plain"))
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_HEAD = answer  # noqa: N815

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

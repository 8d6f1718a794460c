"""Server processes of a test, the scripted model among them, and a server that says what a test wants.

Nothing outlives its `with`.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

START_SECONDS = 300


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(command: list[str], ready: str, folder: Path, **environment: str) -> Iterator[None]:
    """A server process, ready once an address answers at all; its output stays in the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANTHROPIC", "OPENAI"))}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**kept, **environment}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            for _ in range(START_SECONDS * 5):
                if _answers(ready):
                    break
                assert process.poll() is None, (folder / "server.log").read_text()[-3000:]
                time.sleep(0.2)
            else:
                raise AssertionError(f"{command[0]} did not start: {(folder / 'server.log').read_text()[-3000:]}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


@contextmanager
def scripted(*words: str) -> Iterator[str]:
    """The scripted model, `scripted("--face", "openai")`; its address. It ends with the tests, however they end."""
    command = [sys.executable, "-m", "conformance.scripted", "serve", *words, "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("listening on http://127.0.0.1:"), line
            yield line.split()[-1]
        finally:
            process.kill()


class Stub:
    """A server on 127.0.0.1: `routes` map `METHOD /path` to what is answered; `asked` is what came."""

    def __init__(self) -> None:
        self.routes: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 65536  # one segment for headers and body: no delayed acknowledgements

            def answer(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                key = f"{self.command} {self.path}"
                stub.asked.append((key, {name.lower(): value for name, value in self.headers.items()}, body))
                reply = stub.routes.get(key, (404, {}, "404 page not found"))
                status, headers, content = reply(body) if callable(reply) else reply
                data = (
                    content
                    if isinstance(content, bytes)
                    else (content.encode() if isinstance(content, str) else json.dumps(content).encode())
                )
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_DELETE = do_HEAD = answer  # noqa: N815

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def says(self, **routes: Any) -> "Stub":
        """Answers 200 with JSON: `GET_api_version={...}` for `GET /api/version`."""
        for name, content in routes.items():
            method, _, path = name.partition("_")
            self.routes[f"{method} /{path.replace('_', '/')}"] = content if callable(content) else (200, {}, content)
        return self

    def close(self) -> None:
        """Stops the server; once it has stopped, nothing is done."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

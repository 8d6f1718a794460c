"""A loopback relay between a client and an endpoint, which records the requests without their keys."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host"})
SECRET = frozenset({"authorization", "x-api-key"})
PATIENCE = 400.0
"""Seconds without a byte of the endpoint: more than the 300 s after which the client itself gives up."""
PIECE = 65536


class Relayed:
    """The requests of a client in the order in which they came."""

    def __init__(self, base_url: str) -> None:
        self.upstream = urlsplit(base_url)
        self.requests: list[dict[str, Any]] = []
        self.url = ""
        self._lock = threading.Lock()

    def keep(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> None:
        """Remembers a request, without the key that it carries."""
        kept = [(name, "(key)" if name.lower() in SECRET else value) for name, value in headers]
        with self._lock:
            self.requests.append({"method": method, "path": path, "headers": kept, "body": _read(body)})

    def posts(self) -> int:
        """The number of turns so far; requests for titles and counts, which declare no tools, are none."""
        return sum(one["method"] == "POST" and _is_turn(one) for one in self.requests)


def _is_turn(request: dict[str, Any]) -> bool:
    body = request["body"]
    return "/count_tokens" not in request["path"] and not (isinstance(body, dict) and body.get("tools") == [])


def _read(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")


@contextmanager
def relay(base_url: str) -> Iterator[Relayed]:
    """A relay in front of an endpoint, on a port that the system chooses."""
    relayed = Relayed(base_url)
    server = _Server(relayed)
    relayed.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield relayed
    finally:
        server.shutdown()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, relayed: Relayed) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.relayed = relayed


class _Handler(BaseHTTPRequestHandler):
    """Passes on what it gets, piece by piece; an answer ends where the endpoint's connection ends its own."""

    protocol_version = "HTTP/1.1"
    server: _Server
    _upstream: http.client.HTTPConnection | None = None

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = list(self.headers.items())
        self.server.relayed.keep(self.command, self.path, headers, body)
        try:
            sent = {name: value for name, value in headers if name.lower() not in HOP}
            self._behind().request(self.command, self.server.relayed.upstream.path.rstrip("/") + self.path, body, sent)
            self._answer(self._behind().getresponse())
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # what breaks behind the relay breaks in front of it

    def _behind(self) -> http.client.HTTPConnection:
        """The connection to the endpoint that belongs to the client's, so that what is left on it is met again."""
        if self._upstream is None:
            behind = self.server.relayed.upstream
            self._upstream = http.client.HTTPConnection(behind.hostname or "", behind.port or 80, timeout=PATIENCE)
        return self._upstream

    def finish(self) -> None:
        if self._upstream is not None:
            self._upstream.close()
        super().finish()

    def _answer(self, answer: http.client.HTTPResponse) -> None:
        self.send_response_only(answer.status, answer.reason)
        chunked = answer.headers.get("content-length") is None and self.command != "HEAD"
        for name, value in answer.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        if chunked:
            self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        if self.command == "HEAD":
            answer.read()  # of nothing, but the connection is free again only then
            return
        while piece := answer.read1(PIECE):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            self.wfile.flush()
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_HEAD = _pass_on  # noqa: N815 - the names that the base class looks up

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Says nothing: the terminal belongs to the session."""

"""Proxies that do one thing wrong: before the reference endpoint, and before servers that others wrote."""

import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Body = dict[str, Any]
Bend = Callable[[Body], Body | tuple[int, Body]]
"""Changes the request's object, or refuses it with a status and an object."""


class Bent:
    """What a proxy does wrong: to requests, to the text of answers, to headers of refusals, to whom it knows not."""

    def __init__(
        self,
        request: Bend = lambda body: body,
        answer: Callable[[bytes], bytes] = lambda body: body,
        refusal_headers: tuple[tuple[str, str], ...] = (),
        stranger: Callable[[Mapping[str, str]], Body | None] = lambda _: None,
    ) -> None:
        """`stranger` gives the body of a 403 for headers that it does not let in."""
        self.request, self.answer, self.refusal_headers, self.stranger = request, answer, refusal_headers, stranger


_OF_THIS_HOP = ("host", "content-length", "transfer-encoding")


def _whole_body(handler: BaseHTTPRequestHandler) -> bytes:
    """The body of a request, told by its length or in chunks, which this server's library does not read."""
    if handler.headers.get("transfer-encoding", "").lower() != "chunked":
        return handler.rfile.read(int(handler.headers.get("content-length") or 0))
    pieces = []
    while size := int(handler.rfile.readline().partition(b";")[0], 16):
        pieces.append(handler.rfile.read(size))
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        pass
    return b"".join(pieces)


@contextmanager
def bending(upstream: str, bent: Bent) -> Iterator[str]:
    """The address of a proxy before `upstream` while the block runs."""
    origin = urlsplit(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            body = _whole_body(self)
            if (unknown := bent.stranger(dict(self.headers))) is not None:
                return self._answer(403, [("content-type", "application/json")], json.dumps(unknown).encode())
            asked: Any = None
            with suppress(ValueError):
                asked = json.loads(body)
            if isinstance(asked, dict):
                changed = bent.request(asked)
                if isinstance(changed, tuple):
                    status, refusal = changed
                    return self._answer(status, [("content-type", "application/json")], json.dumps(refusal).encode())
                body = json.dumps(changed).encode()
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OF_THIS_HOP}
            with closing(http.client.HTTPConnection(origin.hostname or "", origin.port, timeout=60)) as connection:
                connection.request(self.command, origin.path + self.path, body or None, headers)
                answer = connection.getresponse()
                data = bent.answer(answer.read())
            kept = [
                (name, value)
                for name, value in answer.getheaders()
                if name.lower() not in ("content-length", "transfer-encoding", "connection")
            ]
            self._answer(answer.status, kept, data)
            return None

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in (*headers, *(bent.refusal_headers if status >= 400 else ())):
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if self.command != "HEAD" else b"")

        do_GET = do_POST = do_HEAD = do_OPTIONS = do_DELETE = do_PUT = do_PATCH = _forward  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def spoiling(upstream: str, right: bytes, wrong: bytes) -> Iterator[str]:
    """A proxy that replaces bytes in every answer."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536

        def answer(self) -> None:
            body = _whole_body(self)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in (*_OF_THIS_HOP, "accept-encoding")}
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

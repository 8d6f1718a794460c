"""A server that says what a test wants, over a real socket."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


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

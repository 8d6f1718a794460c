"""A fault put in front of a server that others wrote."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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

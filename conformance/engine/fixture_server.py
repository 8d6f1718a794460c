"""Serves the fixtures on loopback, for cases whose question is whether an endpoint fetches a URL."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from conformance.files import LARGEST_FIXTURE, resolved


class _Quiet(SimpleHTTPRequestHandler):
    """Files only: neither listings nor a line per request."""

    def translate_path(self, path: str) -> str:
        """A plain file of the folder, of a size that cases send; U+FFFD is the character that no name has."""
        file = Path(super().translate_path(path.replace("%00", "%EF%BF%BD")))
        inside = resolved(file).is_relative_to(resolved(Path(self.directory)))
        served = inside and file.is_file() and file.stat().st_size <= LARGEST_FIXTURE
        return str(file) if served else str(file.with_name("\ufffd"))

    def list_directory(self, path: Any) -> None:  # noqa: ARG002 - the signature is the library's
        self.send_error(404)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the signature is the library's
        pass


class FixtureServer:
    """A folder at `url`, for as long as the `with` block lasts."""

    def __init__(self, folder: Path) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="conformance-fixtures", daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

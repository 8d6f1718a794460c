"""Serves an ASGI application on 127.0.0.1 until it is told to stop."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager

from uvicorn.config import Config
from uvicorn.server import Server

from conformance.scripted.protocol import Application, UsageError
from conformance.scripted.wire import WireProtocol

_KEEP_ALIVE = 75
"""Seconds an idle connection is kept: longer than a client keeps it, so that the client closes first."""


def serve(application: Application, *, port: int = 0, until_stdin_closes: bool = False) -> None:
    """Serve until SIGINT or SIGTERM, or until stdin closes where that is asked for.

    Port 0 takes a free one. `listening on http://127.0.0.1:PORT` goes to stdout as soon as requests are accepted. The
    application finds the raw socket in its scope (`conformance.scripted.wire`).
    """
    config = Config(
        application,
        loop="asyncio",
        http=WireProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="error",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=0,
        backlog=512,
    )
    server = _Server(config)
    with _bound(port) as listener:
        if until_stdin_closes:
            threading.Thread(target=server.stop_when_stdin_closes, daemon=True).start()
        server.run(sockets=[listener])


class _Server(Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Hang up at once: what is still being answered (a silence lasts a minute) is nobody's loss any more."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        for connection in self.server_state.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Stopping is what was asked for: the process ends with 0, not by raising the signal again as uvicorn does."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        yield

    def _stop(self, *_: object) -> None:
        self.should_exit = self.force_exit = True

    def stop_when_stdin_closes(self) -> None:
        while os.read(0, 1 << 16):  # not sys.stdin, whose lock would be held when the interpreter ends
            pass
        self._stop()


def _bound(port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it, each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        listener.close()
        raise UsageError(
            f"cannot listen on port {port} ({error.strerror}): choose another with --port, or 0 for any that is free"
        ) from None
    return listener

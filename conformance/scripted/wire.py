"""The raw socket under an answer, for what no ASGI message can express.

Every HTTP scope carries a `Wire` among its extensions; `wire_of(scope)` takes it out. An
application that never asks for it is served by uvicorn as any other. One that does writes the bytes of its answer
itself, status line and chunk sizes included, so that it can commit what uvicorn would never do: a wrong Content-Length,
an HTTP/1.0 answer, chunk borders at any byte, bytes after the end, a connection that stays open or is reset:

    wire = wire_of(scope)
    await wire.write(b"HTTP/1.1 200 OK\\r\\ncontent-length: 99\\r\\n\\r\\n{}")
    wire.close()

Read the request (`receive`) before the first `write`. Each request ends with exactly one of `finish` (the connection
is reused), `close` (what was written is flushed, then FIN) and `abort` (RST; what was not yet sent is lost). To answer
with ASGI messages first and cut later is fine too: `close` and `abort` may follow a body message with `more_body`.
"""

import socket
import struct
from collections.abc import MutableMapping
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_EXTENSION = "conformance.wire"
_PARTS = ("disconnected", "transport", "flow", "response_started", "response_complete", "message_event", "on_response")
"""What is used of uvicorn's request cycle, which is no public interface: here and nowhere else."""


class Wire:
    """One answer's hold on its connection."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        if missing := [part for part in _PARTS if not hasattr(cycle, part)]:
            raise RuntimeError(
                f"uvicorn {uvicorn.__version__} has changed its request cycle (no {', '.join(missing)}): "
                "install an earlier one, or mend conformance/scripted/wire.py"
            )
        self._cycle = cycle

    @property
    def disconnected(self) -> bool:
        """Whether the client has gone away."""
        return self._cycle.disconnected or self._cycle.transport.is_closing()

    async def write(self, data: bytes) -> None:
        """Send bytes as they are; each call is one write to the socket, with Nagle's algorithm off."""
        self._cycle.response_started = True
        if self.disconnected:
            return
        await self._cycle.flow.drain()
        self._cycle.transport.write(data)

    def finish(self) -> None:
        """The answer is complete, and the connection takes the next request."""
        self._complete()
        self._cycle.on_response()

    def close(self) -> None:
        """Flush, then close the connection."""
        self._complete()
        self._cycle.transport.close()

    def abort(self) -> None:
        """Reset the connection."""
        self._complete()
        raw = self._cycle.transport.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._cycle.transport.abort()

    def _complete(self) -> None:
        self._cycle.response_started = True
        self._cycle.response_complete = True
        self._cycle.message_event.set()


def wire_of(scope: MutableMapping[str, Any]) -> Wire:
    """The raw socket of a request."""
    wire = scope["extensions"][_EXTENSION]["wire"]
    assert isinstance(wire, Wire)
    return wire


class WireProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, which also hands out the socket."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()  # makes the cycle; its task runs only after this callback
        self.scope["extensions"] = {_EXTENSION: {"wire": Wire(self.cycle)}}

"""Serves an application that writes the bytes of its answers itself."""

import asyncio
from typing import Any

from conformance.scripted.server import serve
from conformance.scripted.wire import wire_of


async def bending(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    if scope["path"] == "/asgi":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
        return
    wire = wire_of(scope)
    await wire.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
    match scope["path"]:
        case "/finish":
            await wire.write(b"cd")
            wire.finish()
        case "/close":
            wire.close()
        case "/abort":
            await asyncio.sleep(0.05)
            wire.abort()


if __name__ == "__main__":
    serve(bending)

"""Sends an answer: as ASGI messages, or byte by byte where no ASGI message can say it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from http import HTTPStatus
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from conformance.scripted.anthropic.answer import Answer, Piece, paced
from conformance.scripted.wire import wire_of


def needs_socket(answer: Answer) -> bool:
    """Whether an answer is framed or ended otherwise than the server would."""
    return answer.framing != "none" or answer.ending == "cut" or answer.http_version != "1.1"


async def send_raw(answer: Answer, scope: Scope) -> bool:
    """Write status line, headers and body as the answer says; a body that the connection delimits closes it."""
    wire = wire_of(scope)
    await wire.write(_head(answer))
    for piece, wait in paced(answer.pieces):
        if wait > 0:
            await asyncio.sleep(wait)
        if wire.disconnected:
            return False
        if scope["method"] != "HEAD":
            await wire.write(_chunk(piece) if answer.framing in ("chunked", "none") else piece.data)
    if answer.ending == "open":
        while not wire.disconnected:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # the socket offers no event to wait for
    if answer.ending == "end" and answer.framing in ("chunked", "none") and scope["method"] != "HEAD":
        await wire.write(b"0\r\n\r\n")
    if answer.ending == "end" and answer.framing != "close" and not _wants_close(scope):
        wire.finish()
    else:
        wire.close()
    return True


def _wants_close(scope: Scope) -> bool:
    """Whether the client asked for the connection to be closed after the answer."""
    asked = [value.lower() for name, value in scope["headers"] if name == b"connection"]
    return b"close" in asked or scope["http_version"] == "1.0"


def _head(answer: Answer) -> bytes:
    kept = [(name, value) for name, value in answer.headers if answer.framing == "length" or name != "content-length"]
    names = {name for name, _ in kept}
    if answer.framing == "length" and "content-length" not in names:
        kept.append(("content-length", str(len(answer.body))))
    if answer.framing in ("chunked", "none"):
        kept.append(("transfer-encoding", "chunked"))
    if answer.framing == "close":
        kept.append(("connection", "close"))
    lines = [
        f"HTTP/{answer.http_version} {answer.status} {_phrase(answer.status)}",
        *(f"{name}: {value}" for name, value in kept),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:  # 529 and the like have none
        return ""


def _chunk(piece: Piece) -> bytes:
    return b"%x\r\n%s\r\n" % (len(piece.data), piece.data)


T = TypeVar("T")


async def send_answer(answer: Answer, scope: Scope, receive: Receive, send: Send) -> bool:
    """Write an answer, each piece when it is due; False when the client went away before the end."""
    if needs_socket(answer) and "conformance.wire" in scope.get("extensions", {}):
        return await send_raw(answer, scope)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.live is not None:
        return await _send_live(answer.live, receive, send)
    for piece, wait in paced(answer.pieces):
        if await _gone_within(wait, receive):
            return False
        await send({"type": "http.response.body", "body": piece.data, "more_body": True})
    if answer.ending == "open":
        await receive()
        return False
    await send({"type": "http.response.body", "body": b""})
    return True


async def _gone_within(seconds: float, receive: Receive) -> bool:
    """Wait; True as soon as the client has gone."""
    if seconds <= 0:
        return False
    try:
        async with asyncio.timeout(seconds):
            message = await receive()
            return bool(message["type"] == "http.disconnect")
    except TimeoutError:
        return False


async def _send_live(pieces: AsyncIterator[bytes], receive: Receive, send: Send) -> bool:
    """Send pieces as they come; where the client goes away first, whoever makes them is cancelled."""

    async def all_of_them() -> None:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    try:
        await while_connected(all_of_them(), receive)
    except ClientDisconnect:
        return False
    return True


async def while_connected(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """The result of some work, which is cancelled when the client goes away: ClientDisconnect."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        gone.cancel()
        if task.cancel():
            await asyncio.wait((task,))  # so that its connections are closed


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

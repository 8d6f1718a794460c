"""Sends an answer: as ASGI messages, or byte by byte where no ASGI message can say it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from conformance.scripted.anthropic.answer import Answer, paced
from conformance.scripted.anthropic.raw import needs_socket, send_raw

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

"""Sends an answer: as ASGI messages, or byte by byte where no ASGI message can say it."""

import asyncio

from starlette.types import Receive, Scope, Send

from conformance.scripted.anthropic.answer import Answer, paced
from conformance.scripted.anthropic.raw import needs_socket, send_raw


async def send_answer(answer: Answer, scope: Scope, receive: Receive, send: Send) -> bool:
    """Write an answer, each piece when it is due; False when the client went away before the end."""
    if needs_socket(answer) and "conformance.wire" in scope.get("extensions", {}):
        return await send_raw(answer, scope)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
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

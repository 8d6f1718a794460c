"""Writes answers to the socket byte by byte, for what no ASGI message can express."""

import asyncio
from http import HTTPStatus

from starlette.types import Scope

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

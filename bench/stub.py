"""A server that costs next to nothing: it answers every request with the same message, or the same stream.

`python -m bench.stub LATENCY EVENTS` prints its port and serves until it is ended.
"""

import asyncio
import json
import sys
from typing import Any

MESSAGE: dict[str, Any] = {
    "id": "msg_bench",
    "type": "message",
    "role": "assistant",
    "model": "bench",
    "content": [{"type": "text", "text": "measured"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 5},
}


def answer(body: bytes, media_type: str) -> bytes:
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-type: {media_type}\r\nrequest-id: req_bench\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def stream(events: int) -> list[bytes]:
    """A correct stream of that many events in HTTP chunks of their own, as a model would send them."""
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word "}}
    told: list[dict[str, Any]] = [
        {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *[delta] * (events - 5),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": events},
        },
        {"type": "message_stop"},
    ]
    frames = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in told]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nrequest-id: req_bench\r\n"
    return [
        head + b"transfer-encoding: chunked\r\n\r\n",
        *(b"%x\r\n%b\r\n" % (len(frame), frame) for frame in frames),
        b"0\r\n\r\n",
    ]


class Stub(asyncio.Protocol):
    """Answers on one connection; pieces of a stream leave ten at a time."""

    def __init__(self, latency: float, message: bytes, pieces: list[bytes]) -> None:
        self._latency, self._message = latency, message
        self._bursts = [b"".join(pieces[start : start + 10]) for start in range(0, len(pieces), 10)]
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, gap, rest = self._buffer.partition(b"\r\n\r\n")
        if not gap:
            return
        _, _, tail = head.lower().partition(b"content-length:")
        length = int(tail.split(b"\r\n", 1)[0] or 0)
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        streams = b'"stream":true' in rest or b'"stream": true' in rest
        asyncio.get_running_loop().call_later(self._latency, self._stream if streams else self._say)

    def _say(self) -> None:
        self._transport.write(self._message)

    def _stream(self, number: int = 0) -> None:
        self._transport.write(self._bursts[number])
        if number + 1 < len(self._bursts):
            asyncio.get_running_loop().call_soon(self._stream, number + 1)


async def serve(latency: float, events: int) -> None:
    message, pieces = answer(json.dumps(MESSAGE).encode(), "application/json"), stream(events)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Stub(latency, message, pieces), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1]), int(sys.argv[2])))

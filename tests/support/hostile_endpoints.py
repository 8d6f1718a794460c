"""What hostile endpoints are made of: good answers, ways of bending and of sending them; and what each comes to."""

import asyncio
import json
import random
import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.runs.log import CaseRow, RuleRow

ODD = "\x1b[31m\x1b]0;t\x07\x00\x9b\u202e\u2066 </script><script>alert(1)</script>\n::error::x\n##[error]x"
DATE = "Wed, 99 Oct 99999999999999 99:99:99 +9999999999999"


class Sizes:
    """How large the answers are that are large and stay within all limits: whole, or a part of it where time counts."""

    part = 1


def many(number: int) -> int:
    return number // Sizes.part


@dataclass
class Asked:
    """One request as the endpoint sees it."""

    body: dict[str, Any]
    raw: bytes
    canary: str = ""
    """The address of a server that nobody is to ask."""

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is True

    @property
    def text(self) -> str:
        """What the scripted model would say."""
        told = re.findall(r"Reply with exactly: ([^\"\\]*)", json.dumps(self.body))
        return told[-1].strip() if told else "OK"


Pieces = AsyncIterator[bytes]
Attack = Callable[[Asked], "bytes | Pieces"]


def response(
    body: bytes, *headers: str, status: str = "200 OK", kind: str = "application/json", length: int | None = None
) -> bytes:
    """A whole answer with a content-length."""
    size = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", "request-id: req_1", f"content-length: {size}", *headers]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


def message(text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"msg_{random.getrandbits(64):016x}",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 9, "output_tokens": 3},
    } | more


def event(data: dict[str, Any]) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


def start(**more: Any) -> bytes:
    return event({"type": "message_start", "message": message("", content=[], stop_reason=None) | more})


BLOCK = event({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})


def delta(text: str) -> bytes:
    return event({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}})


def end(**more: Any) -> bytes:
    ending = {"stop_reason": "end_turn", "stop_sequence": None} | more
    return (
        event({"type": "content_block_stop", "index": 0})
        + event({"type": "message_delta", "delta": ending, "usage": {"output_tokens": 3}})
        + event({"type": "message_stop"})
    )


def body_of(asked: Asked, text: str | None = None) -> bytes:
    """The body of a good answer, in the mode that was asked for."""
    said = asked.text if text is None else text
    if asked.streams:
        return start() + BLOCK + delta(said) + end()
    return json.dumps(message(said)).encode()


def kind_of(asked: Asked) -> str:
    return "text/event-stream" if asked.streams else "application/json"


def good(asked: Asked) -> bytes:
    return response(body_of(asked), kind=kind_of(asked))


def chunked(asked: Asked, *headers: str, last: bytes = b"0\r\n\r\n", extension: str = "") -> bytes:
    lines = ["HTTP/1.1 200 OK", f"content-type: {kind_of(asked)}", "request-id: req_1", "transfer-encoding: chunked"]
    body = body_of(asked)
    head = "\r\n".join([*lines, *headers]).encode() + b"\r\n\r\n"
    return head + f"{len(body):x}{extension}\r\n".encode() + body + b"\r\n" + last


def refusal(message_: Any, status: str = "400 Bad Request", *headers: str, **more: Any) -> bytes:
    error = {"type": "invalid_request_error", "message": message_} | more
    return response(json.dumps({"type": "error", "error": error}).encode(), *headers, status=status)


def redirected(asked: Asked, status: int, to: str) -> bytes:
    host = asked.canary[7:]
    named = to.replace("{canary by name}", asked.canary.replace("127.0.0.1", "localhost"))
    return response(
        b"", f"location: {named.replace('{canary host}', host).replace('{canary}', asked.canary)}", status=f"{status} X"
    )


def bytes_refusal(message_: bytes, status: str = "400 Bad Request") -> bytes:
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"' + message_ + b'"}}'
    return response(body, status=status)


async def slowly(*pieces: bytes, pause: float = 0.3) -> Pieces:
    for piece in pieces:
        yield piece
        await asyncio.sleep(pause)


async def endless(head: bytes, piece: bytes, pause: float = 0.0) -> Pieces:
    yield head
    while True:
        yield piece
        await asyncio.sleep(pause)


async def then_silence(*pieces: bytes) -> Pieces:
    for piece in pieces:
        yield piece
    await asyncio.sleep(60)


def stream_head(*headers: str) -> bytes:
    return "\r\n".join(
        ["HTTP/1.1 200 OK", "content-type: text/event-stream", "request-id: req_1", *headers]
    ).encode() + (b"\r\n\r\n")


def with_values(asked: Asked, value: str) -> bytes:
    """A good answer whose usage is this JSON text."""
    if asked.streams:
        odd = start().replace(b'"input_tokens": 9', b'"input_tokens": ' + value.encode())
        return response(odd + BLOCK + delta(asked.text) + end(), kind=kind_of(asked))
    body = json.dumps(message(asked.text)).replace('"input_tokens": 9', f'"input_tokens": {value}')
    return response(body.encode())


def confused(asked: Asked, seed: int) -> bytes:
    """A good answer, each value replaced at random."""
    chance = random.Random(seed)

    def bend(value: Any) -> Any:
        if chance.random() < 0.4:
            return chance.choice([None, True, -1, 1.5, "", [], {}, "x", 10**17])
        if isinstance(value, dict):
            return {key: bend(one) for key, one in value.items()}
        return [bend(one) for one in value] if isinstance(value, list) else value

    if not asked.streams:
        return response(json.dumps(bend(message(asked.text))).encode())
    events = [json.loads(line[6:]) for line in body_of(asked).decode().split("\n") if line.startswith("data: ")]
    frames = [f"event: {one['type']}\ndata: {json.dumps(bend(one))}\n\n" for one in events]
    return response("".join(frames).encode(), kind=kind_of(asked))


def replaced(asked: Asked, old: bytes, new: bytes) -> bytes:
    """A good answer with other bytes in its body, and the length of those."""
    return response(body_of(asked).replace(old, new, 1), kind=kind_of(asked))


def used(asked: Asked, block: dict[str, Any], text: str) -> bytes:
    """A good answer that calls a tool with this JSON text."""
    if not asked.streams:
        called = json.dumps(message("", content=[block], stop_reason="tool_use"))
        return response(called.replace('"input": {}', f'"input": {text}').encode())
    begun = event({"type": "content_block_start", "index": 0, "content_block": block})
    piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": text}}
    return response(start() + begun + event(piece) + end(stop_reason="tool_use"), kind=kind_of(asked))


CALL = {"type": "tool_use", "id": "toolu_1", "name": "echo", "input": {}}


def odd_message(asked: Asked) -> bytes:
    if asked.streams:
        odd = start(id=ODD, model=ODD) + BLOCK + delta(ODD) + end(stop_reason=ODD)
        return response(odd, kind=kind_of(asked))
    return response(json.dumps(message(ODD, id=ODD, type=ODD, model=ODD, stop_reason=ODD) | {ODD: ODD}).encode())


def poison(asked: Asked) -> bytes:
    return response(json.dumps(message("POISON")).encode())


def _bomb(megabytes: int) -> bytes:
    """Zeros in gzip, made piece by piece: the test needs no room for them either."""
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    return b"".join(packer.compress(bytes(1_000_000)) for _ in range(megabytes)) + packer.flush()


BOMB = _bomb(200)


def body_of_values(asked: Asked, value: str, number: int) -> bytes:
    """A good answer with so many values in an array that no client knows."""
    extra = f'"extra": [{",".join([value] * number)}], '.encode()
    return response(body_of(asked).replace(b'"usage": ', extra + b'"usage": ', 1), kind=kind_of(asked))


def blocks(number: int, first: str = '{"type": "text", "text": ""}') -> bytes:
    """So many content blocks, begun and ended."""
    return b"".join(
        f'event: content_block_start\ndata: {{"type":"content_block_start","index":{n},"content_block":{first}}}\n\n'
        f'event: content_block_stop\ndata: {{"type":"content_block_stop","index":{n}}}\n\n'.encode()
        for n in range(number)
    )


def in_stream(asked: Asked, body: bytes) -> bytes:
    """A stream with this between its start and its end; a good answer where none was asked for."""
    return response(start() + body + end()[end().index(b"event: message_delta") :], kind=kind_of(asked))


ENDING = event({"type": "message_delta", "delta": {"stop_reason": None}, "usage": {"output_tokens": 3}})


def block_of_type(number: int) -> bytes:
    """A content block of a type of its own, and a delta that does not belong into it."""
    kind = f"made_up_{number}_tool_result"
    begun = {"type": "content_block_start", "index": number, "content_block": {"type": kind}}
    text = {"type": "content_block_delta", "index": number, "delta": {"type": "text_delta", "text": "x"}}
    return event(begun) + event(text) + event({"type": "content_block_stop", "index": number})


def chunks_of_a_byte(asked: Asked, number: int) -> bytes:
    """A good answer with so much white space, or comment, before its end, all of it in chunks of one byte."""
    body = body_of(asked)
    body = (b": " + b"x" * number + b"\n\n" + body) if asked.streams else b" " * number + body
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind_of(asked)}\r\nrequest-id: r\r\ntransfer-encoding: chunked\r\n\r\n"
    return head.encode() + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"


ATTACKED, INNOCENT = "messages.text", "messages.two-words"
"""The question that an endpoint attacks, and one that it answers well."""
TABLE = Path(__file__).parent.parent / "hostile" / "outcomes.psv"
Rows = list[CaseRow | RuleRow]


def told(row: CaseRow) -> str:
    """`broken (readable oversized)`, `not-run (too slow)`, `supported`."""
    if row.findings:
        first = row.findings[0]
        return f"{row.verdict} ({first.id} {first.key.split(' ')[-1]})"
    return f"{row.verdict} ({row.reason})" if row.verdict == "not-run" else row.verdict


def outcome(rows: Rows) -> str:
    """A line of the table, without the endpoint's name."""
    cases = {row.mode: told(row) for row in rows if isinstance(row, CaseRow) and row.case == ATTACKED}
    red = [
        f"{row.rule} {'+'.join(sorted({one.key.split(' ')[-1] for one in row.findings}))}"
        for row in rows
        if isinstance(row, RuleRow) and row.verdict in ("broken", "partial")
    ]
    return " | ".join((cases["stream"], cases["json"], ", ".join(sorted(red)))).rstrip()


def _table() -> Iterator[tuple[str, str]]:
    for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]:
        name, _, rest = line.partition(" | ")
        yield name, rest.strip()


OUTCOMES = dict(_table())

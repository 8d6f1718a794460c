"""The catalogue of hostile endpoints: each a small function from what was asked to the bytes that are sent."""

import asyncio
import gzip
import json
import random
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

ODD = "\x1b[31m\x1b]0;t\x07\x00\x9b\u202e\u2066 </script><script>alert(1)</script>\n::error::x\n##[error]x"
DATE = "Wed, 99 Oct 99999999999999 99:99:99 +9999999999999"


@dataclass
class Asked:
    """One request as the endpoint sees it."""

    body: dict[str, Any]
    raw: bytes

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
        "id": f"msg_{random.getrandbits(64):x}",
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


def odd_message(asked: Asked) -> bytes:
    if asked.streams:
        odd = start(id=ODD, model=ODD) + BLOCK + delta(ODD) + end(stop_reason=ODD)
        return response(odd, kind=kind_of(asked))
    return response(json.dumps(message(ODD, id=ODD, type=ODD, model=ODD, stop_reason=ODD) | {ODD: ODD}).encode())


def poison(asked: Asked) -> bytes:
    return response(json.dumps(message("POISON")).encode())


BOMB = gzip.compress(b"\0" * 200_000_000, 1)


@dataclass
class Row:
    """One hostile endpoint, and what must come out of it."""

    attack: Attack
    verdicts: tuple[str, ...] = ("broken",)
    """The verdicts that the attacked question may have."""
    rules: frozenset[str] = field(default_factory=frozenset)
    """Rules of which at least one must be red."""
    says: str = ""
    """What the reason, or a finding, must say."""


def row(attack: Attack, *verdicts: str, rules: str = "", says: str = "") -> Row:
    return Row(attack, verdicts or ("broken",), frozenset(rules.split()), says)


ANY = ("broken", "ignored", "inconclusive", "supported", "partial", "refused", "not-run")

CATALOGUE: dict[str, Row] = {
    "good": row(good, "supported"),
    # sizes and times
    "drip": row(lambda a: slowly(*(bytes([one]) for one in good(a)[:40]), pause=0.2), "not-run", says="slow"),
    "endless_headers": row(lambda a: endless(b"HTTP/1.1 200 OK\r\n", b"x-a: " + b"b" * 500 + b"\r\n")),
    "big_headers_60k": row(lambda a: response(body_of(a), *("x-a: " + "b" * 900,) * 60, kind=kind_of(a)), "supported"),
    "gb_declared_close": row(lambda a: response(b"0123456789", length=10**9), rules="http.complete"),
    "gb_declared_hang": row(lambda a: then_silence(response(b"0123456789", length=10**9)), says="no further byte"),
    "gzip_bomb": row(lambda a: response(BOMB, "content-encoding: gzip"), says="unpacks to more"),
    "gzip_double": row(lambda a: response(gzip.compress(BOMB), "content-encoding: gzip, gzip")),
    "gzip_lie": row(lambda a: response(body_of(a), "content-encoding: gzip"), rules="http.complete"),
    "br_garbage": row(lambda a: response(b"\x8f" * 500, "content-encoding: br"), rules="http.content-encoding"),
    "tiny_events": row(lambda a: response(start() + BLOCK + delta("x") * 9000 + end(), kind="text/event-stream"), *ANY),
    "events_without_end": row(lambda a: endless(stream_head() + start() + BLOCK, b"data: {}\n\n" * 500)),
    "comments_flood": row(lambda a: endless(stream_head() + start() + BLOCK, b": x\n" * 5000)),
    "empty_lines_flood": row(lambda a: endless(stream_head() + start(), b"\n" * 20_000)),
    "big_event": row(lambda a: response(start() + BLOCK + delta("x" * 9_000_000) + end(), kind=kind_of(a))),
    "big_event_3m": row(lambda a: response(start() + BLOCK + delta("x " * 1_500_000) + end(), kind=kind_of(a)), *ANY),
    "million_blocks": row(
        lambda a: response(json.dumps(message("", content=[{"type": "text", "text": ""}] * 90_000)).encode()), *ANY
    ),
    "big_strings": row(
        lambda a: response(json.dumps(message("x" * 800_000, id="x" * 800_000, stop_reason="x" * 800_000)).encode()),
        *ANY,
    ),
    "hang_mid": row(lambda a: then_silence(good(a)[:-40]), says="no further byte"),
    "hang_silent": row(lambda a: then_silence(b""), "not-run", says="slow"),
    "close_silent": row(lambda a: b"", rules="http.complete"),
    "pings": row(lambda a: endless(stream_head() + start(), event({"type": "ping"}), 0.1), says="no end within"),
    "chunk_no_end": row(lambda a: chunked(a, last=b""), rules="http.complete"),
    "empty_200": row(lambda a: response(b""), rules="message.object stream.answered"),
    # JSON and text
    "invalid_utf8": row(lambda a: good(a).replace(b'"end_turn"', b'"\xff\xfe\xc0\x80"', 1)),
    "invalid_utf8_text": row(
        lambda a: good(a).replace(a.text.encode(), b"\xff\xfe" + b"x" * (len(a.text) - 2)),
        *ANY,
        rules="message.object stream.whole-characters",
    ),
    "control_characters": row(lambda a: response(body_of(a, "".join(map(chr, range(32)))), kind=kind_of(a)), *ANY),
    "nested_100k": row(
        lambda a: response(
            start() + b"data: " + b"[" * 100_000 + b"\n\n" if a.streams else b"[" * 100_000 + b"]" * 100_000,
            kind=kind_of(a),
        )
    ),
    "nested_error_event": row(
        lambda a: response(start() + b'data: {"error":' + b"[" * 100_000 + b"\n\n", kind="text/event-stream")
    ),
    "nested_900_twice": row(lambda a: response((b"[" * 900 + b"]" * 900) * 2, kind=kind_of(a))),
    "num_huge": row(lambda a: with_values(a, "9" * 5000), *ANY),
    "num_nan": row(lambda a: with_values(a, "NaN"), *ANY),
    "num_infinite": row(lambda a: with_values(a, "-Infinity"), *ANY),
    "num_negative": row(lambda a: with_values(a, "-5"), *ANY, rules="usage.input-tokens"),
    "num_float": row(lambda a: with_values(a, "0.5"), *ANY, rules="usage.input-tokens"),
    "num_1e308": row(lambda a: with_values(a, "1e308"), *ANY, rules="usage.input-tokens"),
    "num_1e999": row(lambda a: with_values(a, "1e999"), *ANY),
    "lone_surrogate": row(lambda a: response(body_of(a).replace(a.text.encode(), b"\\ud800"), kind=kind_of(a)), *ANY),
    **{f"type_confusion_{n}": row(lambda a, n=n: confused(a, n), *ANY) for n in range(12)},  # type: ignore[misc]
    "values_one_by_one": row(lambda a: response(b"1 " * 200_000)),
    # redirects
    **{
        f"redirect_{status}": row(
            lambda a, s=status: response(b"", "location: http://127.0.0.1:9/steal", status=f"{s} X"),  # type: ignore[misc]
            *ANY,
            rules="http.status",
        )
        for status in (301, 302, 303, 307, 308)
    },
    "redirect_to_a_file": row(lambda a: response(b"", "location: file:///etc/passwd", status="302 X"), *ANY),
    "redirect_nowhere": row(lambda a: response(b"", "location:", status="302 X"), *ANY),
    "set_cookie": row(
        lambda a: response(body_of(a), "set-cookie: a=b", "alt-svc: h3=':1'", "refresh: 0", kind=kind_of(a)),
        "supported",
    ),
    # HTTP
    "http10": row(
        lambda a: (
            b"HTTP/1.0 200 OK\r\nrequest-id: r\r\ncontent-type: " + kind_of(a).encode() + b"\r\n\r\n" + body_of(a)
        ),
        "supported",
    ),
    "http09": row(lambda a: body_of(a)),
    "not_http": row(lambda a: b"SSH-2.0-OpenSSH_9.2 \x1b[31m\x00\xff\r\n"),
    "chunk_extension": row(lambda a: chunked(a, extension=';a="b";x' * 10), "supported"),
    "trailers": row(lambda a: chunked(a, last=b"0\r\ncontent-type: text/html\r\nset-cookie: a=b\r\n\r\n"), "supported"),
    "chunk_size_huge": row(lambda a: then_silence(stream_head("transfer-encoding: chunked") + b"F" * 24 + b"\r\n")),
    "chunk_extension_endless": row(lambda a: endless(stream_head("transfer-encoding: chunked") + b"5;", b"a" * 4096)),
    "two_lengths": row(lambda a: good(a).replace(b"content-length", b"content-length: 5\r\ncontent-length", 1)),
    "folded": row(lambda a: good(a).replace(b"request-id: ", b"x-f: a\r\n b\r\nrequest-id: ", 1), "supported"),
    "length_too_short": row(
        lambda a: response(body_of(a), kind=kind_of(a), length=len(body_of(a)) - 10), *ANY, rules="http.nothing-after"
    ),
    "unsolicited": row(lambda a: good(a) + poison(a), "supported", rules="http.nothing-after"),
    "no_content_with_a_body": row(
        lambda a: b"HTTP/1.1 204 No Content\r\n\r\n" + body_of(a), *ANY, rules="http.nothing-after http.status"
    ),
    "early_hints": row(lambda a: b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 500 + good(a), "supported"),
    "continue_flood": row(lambda a: endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50), "not-run", says="slow"),
    "status_999": row(lambda a: response(b"{}", status="999 X"), *ANY),
    "status_words": row(lambda a: b"HTTP/1.1 abc OK\r\n\r\n"),
    "header_line_break": row(lambda a: b"HTTP/1.1 200 OK\r\nx-a: b\rset-cookie: c\r\n\r\n"),
    "header_bytes": row(lambda a: good(a).replace(b"request-id: ", b"x-a: \xff\xe9\r\nrequest-id: ", 1), "supported"),
    "type_lie": row(
        lambda a: response(body_of(a), kind="image/png"), *ANY, rules="http.content-type-json stream.content-type"
    ),
    "type_long": row(lambda a: response(body_of(a), kind="text/plain; " + "charset=" * 3000), *ANY),
    "echo_all": row(lambda a: response(a.raw, kind="text/plain"), *ANY),
    # errors, limits, trouble
    "odd_error": row(lambda a: refusal(ODD, type=ODD), "refused", rules="error.type"),
    "odd_200": row(odd_message, *ANY),
    "redos_call": row(lambda a: refusal("at a (" * 8000), "refused"),
    "redos_lines": row(lambda a: refusal("\n" * 1_000_000), "refused"),
    "bad_utf8_400": row(lambda a: bytes_refusal(b"caf\xe9"), "refused", rules="error.envelope"),
    "bad_utf8_500": row(lambda a: bytes_refusal(b"caf\xe9", "500 X")),
    "retry_after_day": row(lambda a: refusal("busy", "429 X", "retry-after: 86400"), "not-run", says="rate limited"),
    "retry_after_bad_date": row(
        lambda a: refusal("busy", "429 X", f"retry-after: {DATE}"), "not-run", rules="http.retry-after"
    ),
    "retry_after_far": row(lambda a: refusal("busy", "429 X", "retry-after: Thu, 01 Jan 2099 00:00:00 GMT"), "not-run"),
    "limit_digits": row(
        lambda a: response(
            body_of(a),
            f"anthropic-ratelimit-requests-limit: {'9' * 5000}",
            f"anthropic-ratelimit-requests-remaining: {'9' * 5000}",
            kind=kind_of(a),
        ),
        "supported",
        rules="http.rate-limit-headers",
    ),
    "limit_before_time": row(
        lambda a: response(
            body_of(a),
            f"date: {DATE}",
            "anthropic-ratelimit-requests-limit: 10",
            "anthropic-ratelimit-requests-remaining: 5",
            "anthropic-ratelimit-requests-reset: 0001-01-01T00:00:00+23:59",
            kind=kind_of(a),
        ),
        "supported",
        rules="http.rate-limit-headers",
    ),
    "length_of_digits": row(lambda a: good(a).replace(b"content-length: ", b"content-length: " + b"0" * 5000, 1), *ANY),
}

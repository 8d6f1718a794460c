"""Variants of how the same bytes are carried, and of how server-sent events are written.

Sources: RFC 9112 (message framing), RFC 9110 (content coding),
https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

import json
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise

from conformance.scripted.anthropic.rewriting import rewritten
from conformance.scripted.variants.variant import Answer, Call, Piece, VariantGroup, replace

TRANSPORT = VariantGroup("transport")

_GZIP = 31
"""zlib's window bits for a gzip member."""
_ESCAPE = re.compile(rb"\\u[0-9a-f]{4}")


def _recut(answer: Answer, cut: Callable[[bytes], list[int]]) -> Answer:
    """Each piece in parts that end where `cut` says; what HTTP chunks does likewise."""

    def parts(piece: Piece) -> Iterator[Piece]:
        borders = [0, *cut(piece.data), len(piece.data)]
        for start, end in pairwise(borders):
            if end > start:
                yield replace(piece, data=piece.data[start:end])

    if not answer.pieces:
        return answer
    return replace(answer, pieces=tuple(part for piece in answer.pieces for part in parts(piece)), framing="chunked")


@TRANSPORT.answer("cut-in-characters", "chunks end inside a UTF-8 character")
def in_characters(answer: Answer, _: Call) -> Answer:
    return _recut(answer, lambda data: [at for at, byte in enumerate(data) if byte & 0xC0 == 0x80])


@TRANSPORT.answer("cut-in-names", "chunks end inside `event:` and `data:`", needs="stream")
def in_names(answer: Answer, _: Call) -> Answer:
    if not answer.is_stream:
        return answer
    return _recut(answer, lambda data: sorted({3, data.find(b"data:") + 2, len(data) - 1}))


@TRANSPORT.answer("cut-in-escapes", "chunks end inside a JSON escape")
def in_escapes(answer: Answer, _: Call) -> Answer:
    import json

    escaped = rewritten(answer, lambda document, _: json.dumps(document))
    return _recut(escaped, lambda data: [match.start() + 3 for match in _ESCAPE.finditer(data)])


@TRANSPORT.answer("cut-anywhere", "chunks are seven bytes long")
def anywhere(answer: Answer, _: Call) -> Answer:
    return _recut(answer, lambda data: list(range(7, len(data), 7)))


@TRANSPORT.answer("joined", "several events come in one chunk, which ends inside another", needs="stream")
def joined(answer: Answer, _: Call) -> Answer:
    if not answer.is_stream:
        return answer
    pieces: list[Piece] = []
    held = b""
    for number, piece in enumerate(answer.pieces):
        held += piece.data
        if number % 3 == 2:
            pieces.append(replace(piece, data=held[:-5]))
            held = held[-5:]
    return replace(answer, pieces=(*pieces, Piece(held, answer.pieces[-1].at)), framing="chunked")


@TRANSPORT.answer("gzip", "bodies are compressed where the client takes gzip")
def compressed(answer: Answer, call: Call) -> Answer:
    if "gzip" not in call.headers.get("accept-encoding", "") or not answer.pieces:
        return answer
    compressor = zlib.compressobj(wbits=_GZIP)
    pieces = [
        replace(piece, data=compressor.compress(piece.data) + compressor.flush(zlib.Z_SYNC_FLUSH))
        for piece in answer.pieces
    ]
    pieces.append(Piece(compressor.flush(), pieces[-1].at))
    headers = [(name, value) for name, value in answer.headers if name != "content-length"]
    headers += [("content-encoding", "gzip"), ("vary", "accept-encoding")]
    return replace(answer, pieces=tuple(pieces), headers=tuple(headers))


@TRANSPORT.answer("chunked", "JSON bodies are chunked, without a length")
def chunked(answer: Answer, _: Call) -> Answer:
    return replace(answer, framing="chunked") if answer.pieces else answer


@TRANSPORT.answer("content-length", "streams announce their length")
def announced(answer: Answer, _: Call) -> Answer:
    return replace(answer, framing="length") if answer.pieces else answer


@TRANSPORT.answer("close", "bodies end with the connection")
def closed(answer: Answer, _: Call) -> Answer:
    return replace(answer, framing="close") if answer.pieces else answer


@TRANSPORT.answer("http10", "answers are HTTP/1.0")
def http10(answer: Answer, _: Call) -> Answer:
    return replace(answer, framing="close", http_version="1.0") if answer.pieces else answer


@TRANSPORT.answer("header-case", "the names of headers are capitalised")
def capitalised(answer: Answer, _: Call) -> Answer:
    if not answer.pieces:
        return answer
    headers = tuple((name.title(), value) for name, value in answer.headers if name != "content-length")
    return replace(answer, headers=headers, framing="chunked")


FRAMING = VariantGroup("framing")


@FRAMING.stream_bytes("crlf", "lines end with CR LF")
def crlf(frame: bytes, _: int) -> bytes:
    return frame.replace(b"\n", b"\r\n")


@FRAMING.stream_bytes("cr", "lines end with CR")
def cr(frame: bytes, _: int) -> bytes:
    return frame.replace(b"\n", b"\r")


@FRAMING.stream_bytes("mixed-line-ends", "lines end now with CR LF, now with LF")
def mixed(frame: bytes, number: int) -> bytes:
    return frame.replace(b"\n", b"\r\n") if number % 2 else frame


@FRAMING.stream_bytes("comments", "comment lines stand between events and inside them")
def comments(frame: bytes, _: int) -> bytes:
    return b": keep-alive\n\n" + frame.replace(b"\n", b"\n: within\n", 1)


@FRAMING.stream_bytes("no-space", "no space follows the colon")
def no_space(frame: bytes, _: int) -> bytes:
    name, data = frame.split(b"\n", 1)
    return name.replace(b"event: ", b"event:") + b"\n" + data.replace(b"data: ", b"data:", 1)


@FRAMING.stream_bytes("id-and-retry", "events have id: and retry: fields")
def id_and_retry(frame: bytes, number: int) -> bytes:
    return b"id: %d\nretry: 3000\n" % number + frame


@FRAMING.stream_bytes("unknown-fields", "events have fields that the standard does not know")
def unknown_fields(frame: bytes, _: int) -> bytes:
    return b"origin: upstream\nflag\n" + frame


@FRAMING.stream_bytes("data-first", "the data stands before the name of the event")
def data_first(frame: bytes, _: int) -> bytes:
    name, data = frame.rstrip(b"\n").split(b"\n", 1)
    return data + b"\n" + name + b"\n\n"


@FRAMING.stream_bytes("data-lines", "the data of an event is spread over several lines")
def data_lines(frame: bytes, _: int) -> bytes:
    head, data = frame.decode().rstrip("\n").split("data: ", 1)
    lines = json.dumps(json.loads(data), indent=1, ensure_ascii=False).split("\n")
    return (head + "\n".join(f"data: {line}" for line in lines) + "\n\n").encode()


@FRAMING.stream_bytes("blank-lines", "several blank lines stand between events")
def blank_lines(frame: bytes, _: int) -> bytes:
    return b"\n\n" + frame + b"\n"

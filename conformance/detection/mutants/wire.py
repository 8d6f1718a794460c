"""Mutants of the bytes: framing, encoding, headers, status, the end of the connection."""

from collections.abc import Callable, Iterator

from msgspec.structs import replace

from conformance.detection.mutants.events import sent
from conformance.detection.mutants.mutant import Mutant, mutant_of, with_body, with_header, with_sent
from conformance.judge.answer import Answer, read
from conformance.judge.rules.http import METHOD_NOT_ALLOWED
from conformance.probe.exchange import AFTER_THE_END

Change = Callable[[bytes], bytes]


def _bytes(answer: Answer, slug: str, change: Change, *aim: str, note: bool = False, equivalent: str = "") -> Mutant:
    return mutant_of(
        answer, slug, with_body(answer.exchange, change(answer.exchange.body)), *aim, note=note, equivalent=equivalent
    )


EVENTS = (
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
)


def frames(answer: Answer) -> Iterator[Mutant]:
    """Each way in which an event can be framed wrongly."""
    answer = read(with_sent(answer.exchange, sent(answer)), "stream")  # in the one writing that the changes know
    for name in dict(sent(answer)).keys() & set(EVENTS):
        line = f"event: {name}\n".encode()
        yield _bytes(answer, f"{name} without its event line", _replaced(line, b""), "stream.event-name")
        yield _bytes(answer, f"{name} under another name", _replaced(line, line[:-1] + b"d\n"), "stream.event-name")
        yield from _data(answer, name)
    yield _bytes(answer, "[DONE] at the end", lambda body: body + b"data: [DONE]\n\n", "stream.no-done")
    yield _bytes(answer, "[DONE] as an event", lambda body: body + b"event: done\ndata: [DONE]\n\n", "stream.no-done")
    yield _bytes(answer, "the last blank line missing", lambda body: body[:-1], "stream.blank-line")
    yield _bytes(answer, "cut inside the last event", lambda body: body[:-20], "stream.stop")
    yield _bytes(
        answer,
        "no blank lines",
        lambda body: body.replace(b"\n\n", b"\n"),
        "stream.data-json",
        "stream.stop",
        "stream.answered",
    )
    yield _bytes(answer, "a blank event", lambda body: body + b"event: \n\n", "stream.event-data")
    yield _bytes(answer, "an event of empty data", lambda body: b"data:\n\n" + body, "stream.event-data")
    yield _bytes(answer, "comments only, no ping", _commented, "stream.comment-keep-alive", note=True)
    yield _bytes(
        answer,
        "data on two lines",
        lambda body: body.replace(b'"type": ', b'"type":\ndata: ', 1),
        "stream.one-line-data",
        note=True,
    )
    yield _bytes(answer, "a byte that is no UTF-8", _in_text(b"\xe9"), "stream.whole-characters")
    yield _bytes(answer, "half of a surrogate pair", _in_text(b"\\ud83d"), "stream.whole-characters")
    yield _bytes(answer, "events in one line", lambda body: body.replace(b"\n", b" "), "stream.answered", "stream.stop")


def _replaced(old: bytes, new: bytes) -> Change:
    return lambda body: body.replace(old, new)


def _data(answer: Answer, name: str) -> Iterator[Mutant]:
    head = f"event: {name}\ndata: ".encode()
    changes: list[tuple[str, Callable[[bytes], bytes], tuple[str, ...]]] = [
        ("no JSON", lambda data: data[:-1], ("stream.data-json",)),
        ("JSON twice", lambda data: data + data, ("stream.data-json", "stream.index")),
        ("JSON in a string", lambda data: b'"' + data.replace(b'"', b'\\"') + b'"', ("stream.data-json",)),
        ("JSON in an array", lambda data: b"[" + data + b"]", ("stream.data-json",)),
        ("NaN", lambda data: data[:-1] + b', "x": NaN}', ("stream.data-json",)),
        ("null", lambda _: b"null", ("stream.data-json",)),
        ("empty data", lambda _: b"", ("stream.event-data",)),
    ]
    for slug, change, aim in changes:
        yield _bytes(answer, f"{name} with {slug}", _first_data(head, change), *aim)


def _first_data(head: bytes, change: Callable[[bytes], bytes]) -> Change:
    def changed(body: bytes) -> bytes:
        before, found, after = body.partition(head)
        data, _, rest = after.partition(b"\n")
        return before + found + change(data) + b"\n" + rest

    return changed


def _in_text(piece: bytes) -> Change:
    """Puts bytes into the first string of the answer's content; at the end of a string where there is none."""
    marks = (b'"text": "', b'"thinking": "', b'"partial_json": "{', b'"signature": "', b'"model": "')

    def changed(body: bytes) -> bytes:
        for mark in marks:
            before, found, after = body.partition(b'_delta", ' + mark)
            if found:
                return before + found + piece + after
        return body.replace(marks[-1], marks[-1] + piece, 1)

    return changed


def _commented(body: bytes) -> bytes:
    return b": keep-alive\n\n" + body.replace(b'event: ping\ndata: {"type": "ping"}\n\n', b"")


def stream_bodies(answer: Answer) -> Iterator[Mutant]:
    """Bodies in place of a stream."""
    for slug, body in (
        ("a JSON message", b'{"id": "msg_1", "type": "message", "role": "assistant", "content": []}'),
        ("a page", b"<!doctype html><html></html>"),
        ("nothing", b""),
        ("plain words", b"upstream connect error"),
        ("a JSON array", b"[]"),
    ):
        yield mutant_of(answer, f"{slug} instead of a stream", with_body(answer.exchange, body), "stream.answered")
    alien = b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[]}\n\ndata: [DONE]\n\n'
    yield mutant_of(
        answer, "the stream of another API", with_body(answer.exchange, alien), "stream.event-name", "stream.data-type"
    )
    yield mutant_of(answer, "an error instead of a stream", with_body(answer.exchange, ERROR), "error.in-success")


EDGE = 413
"""The status that may come from the edge of the network, with any body."""
ERROR = b'{"type": "error", "error": {"type": "api_error", "message": "upstream failed"}}'


def json_bodies(answer: Answer) -> Iterator[Mutant]:
    """Bodies in place of a JSON answer."""
    if answer.status == EDGE:
        return
    law = {"message": ("message.object",), "error": ("error.envelope",)}.get(answer.scope, ("endpoint.json",))
    whole: list[tuple[str, Change]] = [
        ("a page", lambda _: b"<!doctype html><html></html>"),
        ("nothing", lambda _: b""),
        ("plain words", lambda _: b"upstream connect error"),
        ("JSON in an array", lambda body: b"[" + body + b"]"),
        ("JSON in a string", lambda body: b'"' + body.replace(b'"', b'\\"') + b'"'),
        ("null", lambda _: b"null"),
        ("half of it", lambda body: body[: len(body) // 2]),
        ("the same twice", lambda body: body + body),
        ("a byte order mark before it", lambda body: b"\xef\xbb\xbf" + body),
        ("NaN in it", lambda body: body[:-1] + b', "x": NaN}'),
        ("an event stream", lambda body: b"event: message\ndata: " + body + b"\n\n"),
    ]
    for slug, change in whole:
        yield _bytes(answer, f"{slug} instead of JSON", change, *law)
    if answer.scope != "error":
        shape = {
            "message": "message.object",
            "count": "count.input-tokens",
            "models": "models.list",
            "model": "models.info",
            "files": "files.file",
        }
        yield _bytes(answer, "an error instead of an answer", lambda _: ERROR, "error.in-success")
        yield _bytes(answer, "an empty object", lambda _: b"{}", shape.get(answer.scope, "batches.batch"))


def headers(answer: Answer) -> Iterator[Mutant]:
    """Each header of an answer, missing and wrong."""
    kind = "stream.content-type" if answer.scope == "stream" else "http.content-type-json"
    kind = "error.content-type" if answer.scope == "error" else kind
    exchange = answer.exchange
    values: list[tuple[str, str | None, str]] = [
        ("content-type", None, kind),
        ("content-type", "", kind),
        ("content-type", "text/plain", kind),
        ("content-type", "application/octet-stream", kind),
        ("content-type", "application/json" if answer.scope == "stream" else "text/event-stream", kind),
        ("content-length", "1", "http.content-length"),
        ("content-length", "many", "http.content-length"),
        ("content-length", "999999", "http.content-length"),
        ("request-id", None, "http.request-id"),
        ("request-id", "", "http.request-id"),
        ("anthropic-ratelimit-requests-remaining", "many", "http.rate-limit-headers"),
        ("anthropic-ratelimit-tokens-reset", "60", "http.rate-limit-headers"),
    ]
    limited = with_header(exchange, "anthropic-ratelimit-requests-limit", "50")
    more = with_header(limited, "anthropic-ratelimit-requests-remaining", "51")
    yield mutant_of(answer, "more left than the limit", more, "http.rate-limit-headers")
    dated = with_header(exchange, "date", "Thu, 01 Jan 2026 00:02:00 GMT")
    past = with_header(dated, "anthropic-ratelimit-requests-reset", "2026-01-01T00:00:30Z")
    yield mutant_of(answer, "a reset that is over", past, "http.rate-limit-headers")
    if answer.status == METHOD_NOT_ALLOWED:
        yield mutant_of(answer, "no allow header", with_header(exchange, "allow", None), "http.allow")
    if answer.scope == "stream":
        values.append(("content-type", "text/event-stream; charset=iso-8859-1", kind))
    if answer.scope == "error":
        values += [("retry-after", given, "http.retry-after") for given in ("soon", "-1", "1.5", "")]
    for name, value, law in values:
        slug = f"{name} {'missing' if value is None else repr(value)}"
        yield mutant_of(answer, slug, with_header(exchange, name, value), law)
    accepting = replace(exchange, request=replace(exchange.request, headers=(("accept-encoding", "gzip"),)))
    yield mutant_of(
        answer,
        "content-encoding not accepted",
        with_header(accepting, "content-encoding", "br"),
        "http.content-encoding",
    )


def connections(answer: Answer) -> Iterator[Mutant]:
    """The ways in which a connection goes wrong, and a status that is none of the API's."""
    exchange = answer.exchange
    half = exchange.body[: len(exchange.body) // 2]
    yield mutant_of(answer, "cut in the middle", replace(with_body(exchange, half), outcome="cut"), "http.complete")
    yield mutant_of(answer, "no HTTP", replace(with_body(exchange, b""), outcome="malformed"), "http.complete")
    reset = replace(with_body(exchange, b""), outcome="reset", status=None, headers=())
    yield mutant_of(answer, "closed before an answer", reset, "http.complete")
    more = replace(exchange, notes=(*exchange.notes, f"{AFTER_THE_END}12: 'HTTP/1.1 200'"))
    yield mutant_of(answer, "another answer behind it", more, "http.nothing-after")
    yield mutant_of(answer, "another HTTP", replace(exchange, http_version="HTTP/2.0"), "http.version")
    if answer.scope == "stream":
        yield mutant_of(answer, "held open", replace(exchange, outcome="unfinished"), "stream.body-ends")
    if answer.scope in ("message", "stream", "count"):
        for status in (201, 202, 204, 302):
            changed = replace(exchange, status=status)
            yield mutant_of(answer, f"status {status}", changed, "http.status")

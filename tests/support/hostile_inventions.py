"""Hostile endpoints that were made up beside those that were seen: odd framing, odd events, odd JSON, odd names."""

import gzip
import json

from hostile_endpoints import (
    BLOCK,
    Asked,
    Attack,
    body_of,
    chunked,
    delta,
    end,
    event,
    good,
    kind_of,
    message,
    refusal,
    replaced,
    response,
    start,
    stream_head,
)

HTML = "<svg/onload=alert(1)>|`*_[x](javascript:alert(2))![](http://127.0.0.1:9/x.png)\n# H\n::error::x\n```"


def _headed(asked: Asked, lines: bytes) -> bytes:
    """A good answer with these lines among its headers, as they are."""
    return good(asked).replace(b"request-id: ", lines + b"\r\nrequest-id: ", 1)


def _events(asked: Asked, body: bytes) -> bytes:
    """This stream, where one was asked for."""
    return response(body, kind=kind_of(asked)) if asked.streams else good(asked)


def _whole(asked: Asked) -> bytes:
    return start() + BLOCK + delta(asked.text) + end()


def _letter_by_letter(body: bytes) -> bytes:
    """The same events, the data of each in a line for each of its parts."""
    return body.replace(b", ", b",\ndata: ")


INVENTIONS: dict[str, Attack] = {
    "header_name_with_a_blank": lambda a: _headed(a, b"x a : b"),
    "header_without_a_name": lambda a: _headed(a, b": b"),
    "header_with_nul": lambda a: _headed(a, b"x-a: b\x00c"),
    "thousands_of_headers": lambda a: _headed(a, b"\r\n".join([b"x: y"] * 5000)),
    "status_without_a_reason": lambda a: good(a).replace(b"200 OK", b"200", 1),
    "status_in_small_letters": lambda a: good(a).replace(b"HTTP/1.1", b"http/1.1", 1),
    "head_of_line_feeds": lambda a: good(a).partition(b"\r\n\r\n")[0].replace(b"\r\n", b"\n") + b"\n\n" + body_of(a),
    "blank_lines_first": lambda a: b"\r\n\r\n" + good(a),
    "chunk_negative": lambda a: stream_head("transfer-encoding: chunked") + b"-5\r\nhello\r\n0\r\n\r\n",
    "chunk_in_python": lambda a: stream_head("transfer-encoding: chunked") + b"0x5\r\nhello\r\n0\r\n\r\n",
    "chunk_too_short": lambda a: stream_head("transfer-encoding: chunked") + b"2\r\nhello\r\n0\r\n\r\n",
    "coding_in_a_chain": lambda a: chunked(a).replace(b"encoding: chunked", b"encoding: gzip, chunked", 1),
    "coding_twice": lambda a: chunked(a, "transfer-encoding: chunked"),
    "length_as_a_list": lambda a: good(a).replace(b"content-length: ", b"content-length: 5, ", 1),
    "trailers_without_end": lambda a: chunked(a, last=b"0\r\n" + b"x-a: b\r\n" * 80_000 + b"\r\n"),
    "encoding_of_no_name": lambda a: response(body_of(a), "content-encoding: ,,", kind=kind_of(a)),
    "gzip_in_pieces": lambda a: response(
        b"".join(gzip.compress(bytes([one])) for one in body_of(a)), "content-encoding: gzip", kind=kind_of(a)
    ),
    "gzip_of_nothing": lambda a: response(
        gzip.compress(b"") * 20_000 + gzip.compress(body_of(a)), "content-encoding: gzip", kind=kind_of(a)
    ),
    "gzip_cut": lambda a: response(gzip.compress(body_of(a))[:-9], "content-encoding: gzip", kind=kind_of(a)),
    "data_in_many_lines": lambda a: _events(a, _letter_by_letter(_whole(a))),
    "data_in_capitals": lambda a: _events(a, _whole(a).replace(b"data: ", b"DATA: ")),
    "data_without_a_colon": lambda a: _events(
        a, _whole(a).replace(b"event: ping", b"").replace(b"\n\n", b"\ndata\n\n")
    ),
    "two_messages": lambda a: _events(a, _whole(a) * 2),
    "a_message_inside_a_message": lambda a: _events(a, start() + BLOCK + _whole(a) + delta(a.text) + end()),
    "index_beyond_all": lambda a: _events(a, _whole(a).replace(b'"index": 0', b'"index": 1000000000000000')),
    "index_below_zero": lambda a: _events(a, _whole(a).replace(b'"index": 0', b'"index": -1')),
    "an_error_after_the_end": lambda a: _events(
        a, _whole(a) + event({"type": "error", "error": {"type": "api_error", "message": HTML}})
    ),
    "json_before_the_stream": lambda a: _events(a, json.dumps(message(a.text)).encode() + b"\n\n" + _whole(a)),
    "keys_of_programs": lambda a: replaced(
        a, b'"role"', b'"__proto__": {"x": 1}, "constructor": 1, "__class__": 1, "role"'
    ),
    "keys_twice_at_the_end": lambda a: replaced(
        a, b'"role"', b", ".join(b'"k%d": 1' % n for n in range(30_000)) + b', "k29999": 1, "role"'
    ),
    "number_next_to_nothing": lambda a: replaced(a, b'"input_tokens": 9', b'"input_tokens": 1e-999999'),
    "number_of_many_digits": lambda a: replaced(a, b'"input_tokens": 9', b'"input_tokens": 0.' + b"1" * 100_000),
    "nested_under_the_limit": lambda a: replaced(a, b'"role"', b'"x": ' + b"[" * 190 + b"]" * 190 + b', "role"'),
    "an_id_that_is_a_path": lambda a: replaced(a, b'"id": "', b'"id": "../../../../etc/passwd#?'),
    "a_page_in_a_message": lambda a: refusal(HTML, type=HTML, request_id=HTML),
    "a_refusal_for_a_browser": lambda a: response(
        b"<html>", 'www-authenticate: Basic realm="\x1b[31m::error::x"', status="401 X", kind="text/html"
    ),
    "cookies_by_the_dozen": lambda a: response(
        body_of(a), *(f"set-cookie: a{n}=b; path=/" for n in range(60)), kind=kind_of(a)
    ),
    "a_place_in_a_good_answer": lambda a: response(body_of(a), f"location: {a.canary}/steal", kind=kind_of(a)),
    "an_upgrade_in_a_good_answer": lambda a: response(
        body_of(a), "connection: upgrade", "upgrade: websocket", kind=kind_of(a)
    ),
    "sent_early": lambda a: b"HTTP/1.1 102 Processing\r\n\r\n" + b"HTTP/1.1 199 X\r\n\r\n" + good(a),
}
"""By name; `outcomes.psv` says what each comes to."""

"""The catalogue of hostile endpoints: each a small function from what was asked to the bytes that are sent."""

import gzip
import json
import zlib
from functools import partial

from hostile_endpoints import (
    BLOCK,
    BOMB,
    CALL,
    DATE,
    ENDING,
    ODD,
    Asked,
    Attack,
    block_of_type,
    blocks,
    body_of,
    body_of_values,
    bytes_refusal,
    chunked,
    chunks_of_a_byte,
    confused,
    delta,
    end,
    endless,
    event,
    good,
    in_stream,
    kind_of,
    many,
    message,
    odd_message,
    poison,
    redirected,
    refusal,
    replaced,
    response,
    slowly,
    start,
    stream_head,
    then_silence,
    used,
    with_values,
)
from hostile_inventions import INVENTIONS, MORE

SCRIPTS = (
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "<svg onload=alert(3)>",
    "[x](javascript:alert(4))",
    "]]><!DOCTYPE x>",
    '"><iframe srcdoc="<script>alert(5)</script>">',
    "<base href=http://127.0.0.1:9/>",
    "<meta http-equiv=refresh content=0>",
)

DEFLATED = zlib.compress(bytes(50_000_000), 1)


def _busy(asked: Asked, wait: str) -> bytes:
    return refusal("busy", "429 X", f"retry-after: {wait}")


CATALOGUE: dict[str, Attack] = {
    # sizes and times
    "good": good,
    "drip_head": lambda a: slowly(*(bytes([one]) for one in good(a)[:40]), pause=0.2),
    "endless_headers": lambda a: endless(b"HTTP/1.1 200 OK\r\n", b"x-a: " + b"b" * 500 + b"\r\n"),
    "big_headers_60k": lambda a: response(body_of(a), *("x-a: " + "b" * 900,) * 60, kind=kind_of(a)),
    "gb_declared_close": lambda a: response(b"0123456789", length=10**9),
    "gb_declared_hang": lambda a: then_silence(response(b"0123456789", length=10**9)),
    "gzip_bomb": lambda a: response(BOMB, "content-encoding: gzip"),
    "gzip_double": lambda a: response(gzip.compress(BOMB), "content-encoding: gzip, gzip"),
    "gzip_lie": lambda a: response(body_of(a), "content-encoding: gzip"),
    "br_garbage": lambda a: response(b"\x8f" * 500, "content-encoding: br"),
    "tiny_events": lambda a: response(start() + BLOCK + delta("x") * 9000 + end(), kind="text/event-stream"),
    "events_without_end": lambda a: endless(stream_head() + start() + BLOCK, b"data: {}\n\n" * 500),
    "comments_flood": lambda a: endless(stream_head() + start() + BLOCK, b": x\n" * 5000),
    "empty_lines_flood": lambda a: endless(stream_head() + start(), b"\n" * 20_000),
    "big_event": lambda a: response(start() + BLOCK + delta("x" * 9_000_000) + end(), kind=kind_of(a)),
    "big_event_3m": lambda a: response(start() + BLOCK + delta("x " * many(1_500_000)) + end(), kind=kind_of(a)),
    "million_blocks": lambda a: response(
        json.dumps(message("", content=[{"type": "text", "text": ""}] * 90_000)).encode()
    ),
    "big_strings": lambda a: response(
        json.dumps(message("x" * many(800_000), id="x" * many(800_000), stop_reason="x" * many(800_000))).encode()
    ),
    "hang_mid": lambda a: then_silence(good(a)[:-40]),
    "hang_silent": lambda a: then_silence(b""),
    "close_silent": lambda a: b"",
    "pings": lambda a: endless(stream_head() + start(), event({"type": "ping"}), 0.1),
    "chunk_no_end": lambda a: chunked(a, last=b""),
    "empty_200": lambda a: response(b""),
    "drip": lambda a: slowly(good(a)[:-30], *(bytes([one]) for one in good(a)[-30:]), pause=0.5),
    "endless_stream": lambda a: endless(stream_head() + start() + BLOCK, delta("x " * 50) * 100),
    "endless_paced": lambda a: endless(stream_head() + start() + BLOCK, delta("x " * 50), 0.2),
    "endless_headers_slow": lambda a: endless(b"HTTP/1.1 200 OK\r\n", b"x-a: b\r\n", 0.3),
    "gzip_tail": lambda a: response(
        gzip.compress(body_of(a)) + b"GARBAGE" * 10, "content-encoding: gzip", kind=kind_of(a)
    ),
    "gzip_padded": lambda a: response(
        gzip.compress(body_of(a)) + b"\0" * 512, "content-encoding: gzip", kind=kind_of(a)
    ),
    "deflate_bomb": lambda a: response(DEFLATED, "content-encoding: deflate"),
    "deflate_tail": lambda a: response(
        zlib.compress(body_of(a)) + b"GARBAGE", "content-encoding: deflate", kind=kind_of(a)
    ),
    "comment_3m": lambda a: (
        response(start() + b": " + b"x" * many(3_000_000) + b"\n" + BLOCK + delta(a.text) + end(), kind=kind_of(a))
        if a.streams
        else good(a)
    ),
    "big_text_3m": lambda a: response(body_of(a, "x " * many(1_500_000)), kind=kind_of(a)),
    "wide_text": lambda a: response(body_of(a, "\U0001f600" + "x " * many(1_500_000)), kind=kind_of(a)),
    "many_words": lambda a: response(body_of(a, "ab " * many(1_200_000)), kind=kind_of(a)),
    "many_lines": lambda a: response(body_of(a, "\n" * many(1_500_000)), kind=kind_of(a)),
    "many_values": lambda a: body_of_values(a, '{"a":1}', many(45_000)),
    "too_many_values": lambda a: body_of_values(a, '{"a":1}', 400_000),
    "many_large_numbers": lambda a: body_of_values(a, "1e308", 45_000),
    "many_numbers": lambda a: body_of_values(a, "0.1", many(90_000)),
    "many_keys": lambda a: response(
        json.dumps(message(a.text) | {f"key_{n}_{'x' * 90}": n for n in range(many(30_000))}).encode()
    ),
    "chunks_of_a_byte": lambda a: chunks_of_a_byte(a, many(80_000)),
    "too_many_chunks": lambda a: chunks_of_a_byte(a, many(150_000)),
    "many_blocks": lambda a: in_stream(a, blocks(5_900)) if a.streams else good(a),
    "blocks_without_a_stop": lambda a: (
        in_stream(a, b"".join(one + b"\n\n" for one in blocks(11_000).split(b"\n\n") if b"_start" in one))
        if a.streams
        else good(a)
    ),
    "many_endings": lambda a: in_stream(a, BLOCK + delta(a.text) + ENDING * many(11_000)) if a.streams else good(a),
    "many_types": lambda a: (
        in_stream(a, b"".join(block_of_type(n) for n in range(many(3_900)))) if a.streams else good(a)
    ),
    "long_event_name": lambda a: (
        replaced(a, b"event: content_block_delta", b"event: " + b"n" * many(3_000_000)) if a.streams else good(a)
    ),
    "long_field": lambda a: replaced(a, b'"role"', b'"' + b"k" * many(2_000_000) + b'": 1, "role"'),
    "never_close": lambda a: then_silence(stream_head() + body_of(a)),
    "no_length_empty": lambda a: stream_head(),
    # JSON and text
    "invalid_utf8_text": lambda a: good(a).replace(a.text.encode(), b"\xff\xfe" + b"x" * (len(a.text) - 2)),
    "control_characters": lambda a: response(body_of(a, "".join(map(chr, range(32)))), kind=kind_of(a)),
    "nested_100k": lambda a: response(
        start() + b"data: " + b"[" * 100_000 + b"\n\n" if a.streams else b"[" * 100_000 + b"]" * 100_000,
        kind=kind_of(a),
    ),
    "nested_error_event": lambda a: response(
        start() + b'data: {"error":' + b"[" * 100_000 + b"\n\n", kind="text/event-stream"
    ),
    "nested_900_twice": lambda a: response((b"[" * 900 + b"]" * 900) * 2, kind=kind_of(a)),
    "num_huge": lambda a: with_values(a, "9" * 5000),
    "num_nan": lambda a: with_values(a, "NaN"),
    "num_infinite": lambda a: with_values(a, "-Infinity"),
    "num_negative": lambda a: with_values(a, "-5"),
    "num_float": lambda a: with_values(a, "0.5"),
    "num_1e308": lambda a: with_values(a, "1e308"),
    "num_1e999": lambda a: with_values(a, "1e999"),
    "lone_surrogate": lambda a: response(body_of(a).replace(a.text.encode(), b"\\ud800"), kind=kind_of(a)),
    "values_one_by_one": lambda a: response(b"1 " * 200_000),
    "invalid_utf8_key": lambda a: replaced(a, b'"end_turn"', b'"\xff\xfe\xc0\x80"'),
    "utf16": lambda a: response(body_of(a).decode().encode("utf-16"), kind=kind_of(a)),
    "nul_bytes": lambda a: replaced(a, b'"usage"', b'\0"usage"'),
    "call_nested_900": lambda a: used(a, CALL, '{"a":' + "[" * 900 + "]" * 900 + "}"),
    "call_no_json": lambda a: used(a, CALL, "{" * 50),
    "usage_nested": lambda a: with_values(a, '{"a":' * 400 + "1" + "}" * 400),
    "keys_twice": lambda a: replaced(a, b'"id":', b'"id": "msg_x", "id":'),
    "keys_twice_in_a_delta": lambda a: replaced(a, b'"delta": {', b'"index": 0, "delta": {') if a.streams else good(a),
    "keys_twice_in_a_block": lambda a: replaced(a, b'"type": "text"', b'"type": "x", "type": "text"'),
    "ids_and_retries": lambda a: (
        response(
            b"".join(
                b"id: \0evil\nretry: 99999999999999999999\nfoo: bar\n" + one + b"\n\n"
                for one in body_of(a).split(b"\n\n")[:-1]
            ),
            kind=kind_of(a),
        )
        if a.streams
        else good(a)
    ),
    "carriage_returns": lambda a: response(body_of(a).replace(b"\n", b"\r"), kind=kind_of(a)),
    "byte_order_mark": lambda a: response(b"\xef\xbb\xbf" + body_of(a), kind=kind_of(a)),
    **{f"type_confusion_{n}": partial(confused, seed=n) for n in range(4)},
    # redirects
    **{
        f"redirect_{status}": partial(redirected, status=status, to="{canary}/steal")
        for status in (301, 302, 303, 307, 308)
    },
    "redirect_to_itself": partial(redirected, status=307, to="/v1/messages"),
    "redirect_to_localhost": partial(redirected, status=307, to="{canary by name}/steal"),
    "redirect_to_a_user": partial(redirected, status=307, to="http://a:b@{canary host}/steal"),
    "redirect_to_a_file": partial(redirected, status=302, to="file:///etc/passwd"),
    "redirect_to_a_script": partial(redirected, status=302, to="javascript:alert(1)"),
    "redirect_nowhere": partial(redirected, status=302, to=""),
    "refresh": lambda a: response(body_of(a), f"refresh: 0; url={a.canary}/steal", kind=kind_of(a)),
    "alternative": lambda a: response(
        body_of(a), f'alt-svc: h2="{a.canary[7:]}"', f"link: <{a.canary}/x>; rel=preload", kind=kind_of(a)
    ),
    # HTTP
    "set_cookie": lambda a: response(body_of(a), "set-cookie: a=b", "alt-svc: h3=':1'", "refresh: 0", kind=kind_of(a)),
    "http10": lambda a: (
        b"HTTP/1.0 200 OK\r\nrequest-id: r\r\ncontent-type: " + kind_of(a).encode() + b"\r\n\r\n" + body_of(a)
    ),
    "http09": lambda a: body_of(a),
    "not_http": lambda a: b"SSH-2.0-OpenSSH_9.2 \x1b[31m\x00\xff\r\n",
    "chunk_extension": lambda a: chunked(a, extension=';a="b";x' * 10),
    "trailers": lambda a: chunked(a, last=b"0\r\ncontent-type: text/html\r\nset-cookie: a=b\r\n\r\n"),
    "chunk_size_huge": lambda a: then_silence(stream_head("transfer-encoding: chunked") + b"F" * 24 + b"\r\n"),
    "chunk_extension_endless": lambda a: endless(stream_head("transfer-encoding: chunked") + b"5;", b"a" * 4096),
    "two_lengths": lambda a: good(a).replace(b"content-length", b"content-length: 5\r\ncontent-length", 1),
    "folded": lambda a: good(a).replace(b"request-id: ", b"x-f: a\r\n b\r\nrequest-id: ", 1),
    "length_too_short": lambda a: response(body_of(a), kind=kind_of(a), length=len(body_of(a)) - 10),
    "unsolicited": lambda a: good(a) + poison(a),
    "no_content_with_a_body": lambda a: b"HTTP/1.1 204 No Content\r\n\r\n" + body_of(a),
    "early_hints": lambda a: b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 500 + good(a),
    "continue_flood": lambda a: endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50, 0.05),
    "status_999": lambda a: response(b"{}", status="999 X"),
    "status_words": lambda a: b"HTTP/1.1 abc OK\r\n\r\n",
    "header_line_break": lambda a: b"HTTP/1.1 200 OK\r\nx-a: b\rset-cookie: c\r\n\r\n",
    "header_bytes": lambda a: good(a).replace(b"request-id: ", b"x-a: \xff\xe9\r\nrequest-id: ", 1),
    "type_lie": lambda a: response(body_of(a), kind="image/png"),
    "type_long": lambda a: response(body_of(a), kind="text/plain; " + "charset=" * 3000),
    "echo_all": lambda a: response(a.raw, kind="text/plain"),
    "http2_line": lambda a: good(a).replace(b"HTTP/1.1", b"HTTP/2.0", 1),
    "http3_line": lambda a: good(a).replace(b"HTTP/1.1", b"HTTP/3", 1),
    "length_and_chunks": lambda a: chunked(a, "content-length: 5"),
    "length_signed": lambda a: good(a).replace(b"content-length: ", b"content-length: +", 1),
    "length_underscore": lambda a: good(a).replace(b"content-length: ", b"content-length: 0_", 1),
    "length_negative": lambda a: good(a).replace(b"content-length: ", b"content-length: -", 1),
    "length_arabic": lambda a: response(body_of(a), kind=kind_of(a)).replace(
        b"content-length: ", "content-length: ٣".encode(), 1
    ),
    "behind_chunks": lambda a: chunked(a) + poison(a),
    "behind_a_close": lambda a: good(a).replace(b"request-id", b"connection: close\r\nrequest-id", 1) + poison(a),
    "behind_a_refusal": lambda a: refusal("no") + poison(a),
    "not_modified_with_a_body": lambda a: b"HTTP/1.1 304 Not Modified\r\n\r\n" + body_of(a),
    "half_of_another_answer": lambda a: good(a) + poison(a)[:20],
    "switched": lambda a: b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n" + b"\0" * 100,
    "reason_odd": lambda a: good(a).replace(b"200 OK", b"200 \x1b[31m" + b"x" * 2000, 1),
    "type_none": lambda a: good(a).replace(b"content-type: ", b"x-type: ", 1),
    "type_charset": lambda a: response(body_of(a), kind=kind_of(a) + "; charset=utf-7"),
    "plain_text": lambda a: response(ODD.encode("utf-8", "surrogatepass"), kind="text/plain"),
    "a_page": lambda a: response(b"<html><script>alert(1)</script></html>", kind="text/html"),
    # errors, limits, trouble
    "odd_error": lambda a: refusal(ODD, type=ODD),
    "odd_200": odd_message,
    "redos_call": lambda a: refusal("at a (" * 8000),
    "redos_lines": lambda a: refusal("\n" * 1_000_000),
    "bad_utf8_400": lambda a: bytes_refusal(b"caf\xe9"),
    "bad_utf8_500": lambda a: bytes_refusal(b"caf\xe9", "500 X"),
    "retry_after_day": lambda a: refusal("busy", "429 X", "retry-after: 86400"),
    "retry_after_bad_date": lambda a: refusal("busy", "429 X", f"retry-after: {DATE}"),
    "retry_after_far": lambda a: refusal("busy", "429 X", "retry-after: Thu, 01 Jan 2099 00:00:00 GMT"),
    "limit_digits": lambda a: response(
        body_of(a),
        f"anthropic-ratelimit-requests-limit: {'9' * 5000}",
        f"anthropic-ratelimit-requests-remaining: {'9' * 5000}",
        kind=kind_of(a),
    ),
    "limit_before_time": lambda a: response(
        body_of(a),
        f"date: {DATE}",
        "anthropic-ratelimit-requests-limit: 10",
        "anthropic-ratelimit-requests-remaining: 5",
        "anthropic-ratelimit-requests-reset: 0001-01-01T00:00:00+23:59",
        kind=kind_of(a),
    ),
    "length_of_digits": lambda a: good(a).replace(b"content-length: ", b"content-length: " + b"0" * 5000, 1),
    "odd_event_names": lambda a: (
        replaced(a, b"event: content_block_delta", b"event: \x1b[31m::error::x") if a.streams else good(a)
    ),
    "scripts": lambda a: response(
        body_of(a, "".join(SCRIPTS)), *(f"x-{n}: {one}" for n, one in enumerate(SCRIPTS)), kind=kind_of(a)
    ),
    "scripts_in_an_error": lambda a: refusal("".join(SCRIPTS), type=SCRIPTS[0], **{SCRIPTS[1]: SCRIPTS[2]}),
    "scripts_as_types": lambda a: replaced(a, b'"type": "message"', json.dumps({"type": SCRIPTS[0]})[1:-1].encode()),
    "error_that_is_a_text": lambda a: response(b'{"error": "no"}', status="400 X"),
    "error_in_utf16": lambda a: response('{"type": "error"}'.encode("utf-16"), status="400 X"),
    "error_nested": lambda a: response(b'{"error":' * 5000 + b"1" + b"}" * 5000, status="400 X"),
    "retry_after_negative": partial(_busy, wait="-5"),
    "retry_after_odd": partial(_busy, wait="soon \x1b[31m"),
    "retry_after_nan": partial(_busy, wait="nan"),
    "retry_after_infinite": partial(_busy, wait="1e400"),
    "retry_after_digits": partial(_busy, wait="9" * 5000),
    "retry_after_arabic": partial(_busy, wait="٣"),
    "retry_after_past": partial(_busy, wait="Thu, 01 Jan 1999 00:00:00 GMT"),
    "retry_after_zero": partial(_busy, wait="0"),
    "retry_after_over": partial(_busy, wait="Thu, 01 Jan 0001 00:00:00 +2359"),
    "busy_without_a_word": lambda a: response(b"", status="503 X"),
    "overloaded": lambda a: refusal("busy", "529 X", type="overloaded_error"),
    **INVENTIONS,
    **MORE,
}

LATE: dict[str, Attack] = {
    "late_503": lambda a: response(b"", status="503 X"),
    "late_503_with_a_page": lambda a: response(b"<html>no server</html>", status="503 X", kind="text/html"),
    "late_503_for_a_day": lambda a: refusal("busy", "503 X", "retry-after: 86400", type="api_error"),
    "late_loading": lambda a: response(b'{"error":{"code":503,"message":"Loading model"}}', status="503 X"),
    "late_429": partial(_busy, wait="0"),
    "late_529": lambda a: refusal("busy", "529 X", type="overloaded_error"),
    "late_500": lambda a: refusal("broken", "500 X", type="api_error"),
    "late_401": lambda a: refusal("who are you", "401 X", type="authentication_error"),
    "late_silence": lambda a: then_silence(b""),
    "late_close": lambda a: b"",
    "late_redirect": partial(redirected, status=307, to="/v1/messages"),
    "late_another_protocol": lambda a: b"SSH-2.0-OpenSSH_9.2 \x1b[31m\x00\xff\r\n",
    "late_bomb": lambda a: response(BOMB, "content-encoding: gzip"),
}
"""Good for so many answers as `GOOD_FOR` says, and from then on this, whatever is asked."""
GOOD_FOR = 2

WAITS = frozenset(
    (
        *("drip", "drip_head", "endless_paced", "endless_headers_slow", "gb_declared_hang"),
        *("hang_mid", "hang_silent", "pings", "never_close", "continue_flood"),
        *("chunk_size_huge", "retry_after_bad_date", "retry_after_negative", "retry_after_odd", "retry_after_nan"),
        *("retry_after_infinite", "retry_after_digits", "retry_after_arabic", "retry_after_past", "retry_after_zero"),
        *("retry_after_over", "busy_without_a_word", "overloaded", "switched", "length_negative"),
        *("length_signed", "drip_of_white_space", "late_503", "late_503_with_a_page", "late_loading", "late_429"),
        *("late_529", "late_silence"),
    )
)
"""Those of which only a clock tells the end: they are asked side by side."""

FLOODS = frozenset(("comments_flood", "empty_lines_flood", "events_without_end", "endless_stream"))
"""Those that only a limit of bytes or events ends, wherever it stands."""

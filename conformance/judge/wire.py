"""JSON from the wire: decoded once and strictly, and shortened for findings."""

import json
import re
from typing import Any, Literal, TypeGuard

import msgspec

from conformance.doors import RFC3339, takes_too_long
from conformance.judge.finding import ABSENT
from conformance.keys import shortened

__all__ = [
    "ABSENT",
    "RFC3339",
    "Defect",
    "decode",
    "defect_of",
    "has_type",
    "is_event_stream",
    "is_integer",
    "is_too_deep",
    "looks_of",
    "one_by_one",
    "shown",
    "slug",
    "whole",
    "with_halves",
]

Defect = Literal["several", "lone-surrogate", "not-utf8", "too-deep", "not-json"]
LONGEST_SHOWN = 200
DEEPEST = 200
"""Arrays and objects inside each other that are read: decoders of clients end between 500 and 1000, as RFC 8259 lets
them (https://www.rfc-editor.org/rfc/rfc8259#section-9), and no answer of the API has ten.
"""

_DECODER = msgspec.json.Decoder()


def decode(data: bytes | str) -> Any:
    """The JSON value, or the absent marker: for NaN, a lone surrogate, anything after the value, or deep nesting.

    Also where it takes too long: such an answer was ended by a limit.
    """
    if takes_too_long(data):
        return ABSENT
    try:
        value = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ABSENT
    return ABSENT if _may_be_deep(data) and _is_deep(value) else value


def is_too_deep(data: bytes) -> bool:
    """Whether bytes that `decode` could not read are JSON, only nested deeper than anybody reads."""
    return _may_be_deep(data) and defect_of(data) == "too-deep"


def _may_be_deep(data: bytes | str) -> bool:
    if len(data) <= DEEPEST:
        return False
    if isinstance(data, str):
        return data.count("[") + data.count("{") > DEEPEST
    return data.count(b"[") + data.count(b"{") > DEEPEST


def _is_deep(value: Any) -> bool:
    """Whether arrays and objects are nested deeper than `DEEPEST`; it looks level by level, without recursion."""
    level = [value]
    for _ in range(DEEPEST):
        inner = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list))
        level = [one for several in inner for one in several if isinstance(one, dict | list)]
        if not level:
            return False
    return True


def defect_of(data: bytes) -> Defect:
    """The reason why bytes that `decode` could not read are no JSON."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "not-utf8"
    if len(one_by_one(text)) > 1:
        return "several"
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return "not-json"
    if _is_deep(value):
        return "too-deep"
    return "lone-surrogate" if _SURROGATE.search(text) else "not-json"  # as of a number beyond all range


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_HALF = re.compile("[\ud800-\udfff]")


def _no_constant(name: str) -> None:
    raise ValueError(name)


_BLANKS = re.compile(r"\s*")


def one_by_one(text: str) -> list[Any]:
    """The JSON values that stand one after the other in a text; empty when that is not all that stands there.

    Halves of surrogate pairs stay in them: `whole` is what can be written again.
    """
    decoder, values, start = json.JSONDecoder(parse_constant=_no_constant), [], 0
    text = text.strip()
    while start < len(text):
        try:
            value, end = decoder.raw_decode(text, start)
            if _is_deep(value):
                return []
            values.append(value)
        except (ValueError, RecursionError):
            return []
        blank = _BLANKS.match(text, end)
        start = blank.end() if blank else end
    return values


def whole(value: Any) -> Any:
    """A JSON value in which two halves of a surrogate pair are one character, as JavaScript joins them.

    A half without the other is U+FFFD, so that the value can be written again.
    """
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _HALF.search(value) else value
    if isinstance(value, list):
        return [whole(one) for one in value]
    if isinstance(value, dict):
        return {whole(key): whole(one) for key, one in value.items()}
    return value


_JOINED = ("text", "thinking", "partial_json")
"""The keys of a delta's text, which is joined with that of the next one."""


def with_halves(event: dict[str, Any]) -> dict[str, Any]:
    """An event in which halves of surrogate pairs stand in the text of a delta alone, whose other half may follow."""
    mended: dict[str, Any] = whole(event)
    delta = event.get("delta")
    if event.get("type") != "content_block_delta" or not isinstance(delta, dict):
        return mended
    halves = {key: delta[key] for key in _JOINED if isinstance(delta.get(key), str)}
    return {**mended, "delta": {**mended["delta"], **halves}} if halves else mended


def has_type(holder: dict[str, Any]) -> bool:
    """Whether an object names its type."""
    return isinstance(holder.get("type"), str) and holder["type"] != ""


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether a JSON value is an integer: true is not 1, and 1.0 is a float."""
    return isinstance(value, int) and not isinstance(value, bool)


_FIELDS = (b"data", b"event", b":", b"id:", b"retry:", b"\xef\xbb\xbf")
_LINE_ENDS = (b"\n", b"\r")


def is_event_stream(body: bytes) -> bool:
    """Whether a body is made of server-sent events: neither JSON nor HTML, and with a field or a comment of theirs."""
    start = body.lstrip()
    if start[:1] in (b"", b"{", b"[", b"<", b'"'):
        return False
    return start.startswith(_FIELDS) or any(ending + field in body for ending in _LINE_ENDS for field in _FIELDS[:2])


def looks_of(body: bytes) -> str:
    """The kind of a body, in a word, and how it begins."""
    start = body.lstrip()[:80]
    if not start:
        return "an empty body"
    text = start.decode(errors="replace")
    if start.startswith(b"<"):
        return f"HTML: {text}"
    if start.startswith((b"event:", b"data:", b":")):
        return f"an event stream: {text}"
    return f"JSON: {text}" if start[:1] in (b"{", b"[") else text


def shown(value: Any) -> Any:
    """A value as a finding shows it: long texts cut, for the evidence keeps the whole."""
    if isinstance(value, str) and len(value) > LONGEST_SHOWN:
        return f"{shortened(value, LONGEST_SHOWN + 1)} ({len(value)} characters)"
    if (
        isinstance(value, dict | list)
        and len(text := json.dumps(value, ensure_ascii=False, default=str)) > LONGEST_SHOWN
    ):
        return f"{shortened(text, LONGEST_SHOWN + 1)} ({len(text)} characters)" if value is not ABSENT else value
    return value


def slug(value: Any, kind: str) -> str:
    """The slug of a value that is wrong: missing, null, or the given one."""
    return "missing" if value is ABSENT else "null" if value is None else kind

"""Faults in the handling of bad requests: accepted, or answered with a server error."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from conformance.scripted.anthropic.blocks import Closed
from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.faults.fault import Call, FaultGroup, replace

BAD_REQUESTS = FaultGroup("bad requests")

Body = dict[str, Any]

_LONE_SURROGATE = re.compile(rb"\\ud[89ab]..(?!\\ud[c-f])", re.IGNORECASE)
_COMMA_AT_THE_END = re.compile(rb",(\s*[}\]])")


def _crashing(name: str, says: str, message: str, wrong: Callable[[Call], object]) -> None:
    """A fault that answers certain requests with a server error."""

    @BAD_REQUESTS.request(name, says)
    def request(call: Call) -> Call:
        if wrong(call):
            raise Refusal(500, "api_error", message)
        return call


def _mending(name: str, says: str, mend: Callable[[bytes], bytes]) -> None:
    """A fault that reads what is no JSON as if it were."""

    @BAD_REQUESTS.request(name, says)
    def request(call: Call) -> Call:
        return replace(call, body=mend(call.body)) if call.body and call.document is None else call


def _without_rest(body: bytes) -> bytes:
    try:
        document, _ = json.JSONDecoder().raw_decode(body.decode())
    except ValueError:
        return body
    return msgspec.json.encode(document)


def _is_utf8(call: Call) -> bool:
    try:
        call.body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_text(call: Call) -> bool:
    return call.headers.get("content-type", "").startswith("application/json")


_mending(
    "X-json-comma", "a comma before a closing bracket is tolerated", lambda body: _COMMA_AT_THE_END.sub(rb"\1", body)
)
_mending("X-json-after", "a text after the JSON of a body is ignored", _without_rest)
_mending("X-json-nan", "NaN in a body is read as 0", lambda body: body.replace(b"NaN", b"0"))
_mending(
    "X-json-latin",
    "a body that is not UTF-8 is taken, with a replacement character in place of each foreign byte",
    lambda body: body.decode(errors="replace").encode(),
)
_crashing(
    "X-json-latin-500",
    "a body that is not UTF-8 is answered with 500",
    "'utf-8' codec can't decode byte 0xff",
    lambda call: _is_text(call) and call.body[:1] == b"{" and not _is_utf8(call),
)
_crashing(
    "X-json-gzip-500",
    "a compressed body that no header announces is answered with 500",
    "invalid start byte",
    lambda call: call.body[:2] == b"\x1f\x8b",
)
_crashing(
    "X-json-surrogate-500",
    "half a surrogate pair in a text is answered with 500",
    "surrogates not allowed",
    lambda call: _is_text(call) and _LONE_SURROGATE.search(call.body),
)
_crashing(
    "X-json-deep-500",
    "a body of more than a hundred arrays inside one another is answered with 500",
    "maximum recursion depth exceeded",
    lambda call: b"[" * 100 in call.body,
)
_crashing(
    "X-max-tokens-overflow",
    "max_tokens beyond 64 bits is answered with 500",
    "integer out of range",
    lambda call: isinstance(_field(call, "max_tokens"), int) and _field(call, "max_tokens") >= 2**63,
)
_crashing(
    "X-text-nul-500",
    "a text that holds U+0000 is answered with 500",
    "a string cannot contain NUL",
    lambda call: _is_text(call) and b"\\u0000" in call.body,
)


_crashing(
    "X-system-text-500",
    "a system block whose text is no string is answered with 500",
    'can only concatenate str (not "int") to str',
    lambda call: any(not isinstance(block.get("text", ""), str) for block in _dicts(_field(call, "system"))),
)
_crashing(
    "X-tool-name-500",
    "a tool whose name is no string is answered with 500",
    "expected a string as the name of a function",
    lambda call: any(not isinstance(tool.get("name", ""), str) for tool in _dicts(_field(call, "tools"))),
)


def _field(call: Call, name: str) -> Any:
    return call.document.get(name) if isinstance(call.document, dict) else None


@BAD_REQUESTS.body("X-text-nul-cut", "a text ends at U+0000")
def cut_at_nul(body: Body) -> None:
    for message in _dicts(body.get("messages")):
        if isinstance(message.get("content"), str):
            message["content"] = message["content"].partition("\0")[0]


def _coercing(name: str, says: str, coerce: Callable[[Body], None]) -> None:
    """A fault that takes a value of another type for what it may have meant."""

    @BAD_REQUESTS.request(name, says)
    def request(call: Call) -> Call:
        if not isinstance(call.document, dict):
            return call
        body = msgspec.json.decode(call.body)
        coerce(body)
        return replace(call, body=msgspec.json.encode(body))


def _as_integer(field: str, kind: type) -> Callable[[Body], None]:
    def coerce(body: Body) -> None:
        if isinstance(body.get(field), kind):
            body[field] = int(body[field])

    return coerce


def _number_as_boolean(body: Body) -> None:
    if type(body.get("stream")) is int:
        body["stream"] = bool(body["stream"])


def _number_as_text(body: Body) -> None:
    for tool in _dicts(body.get("tools")):
        if isinstance(tool.get("description"), int):
            tool["description"] = str(tool["description"])


def _string_as_input(body: Body) -> None:
    for block in _blocks(body, "tool_use"):
        if isinstance(block.get("input"), str):
            try:
                block["input"] = json.loads(block["input"])
            except ValueError:
                continue


def _block_as_list(body: Body) -> None:
    for block in _blocks(body, "tool_result"):
        if isinstance(block.get("content"), dict):
            block["content"] = [block["content"]]


def _string_as_flag(body: Body) -> None:
    for block in _blocks(body, "tool_result"):
        if isinstance(block.get("is_error"), str):
            block["is_error"] = block["is_error"] == "true"


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _blocks(body: Body, kind: str) -> Iterator[dict[str, Any]]:
    for message in _dicts(body.get("messages")):
        yield from (block for block in _dicts(message.get("content")) if block.get("type") == kind)


_coercing("X-max-tokens-boolean", "max_tokens true is taken for 1", _as_integer("max_tokens", bool))
_coercing("X-stream-number", "stream 0 is taken for false", _number_as_boolean)
_coercing("X-top-k-fraction", "a fraction as top_k is cut to an integer", _as_integer("top_k", float))
_coercing("X-description-number", "a number as the description of a tool is taken as text", _number_as_text)
_coercing("X-input-string", "JSON in a string is taken as the input of a tool_use", _string_as_input)
_coercing("X-result-object", "one block without its array is taken as the content of a tool_result", _block_as_list)
_coercing("X-is-error-string", "is_error is taken as a string", _string_as_flag)

_OPEN = frozenset({"input", "input_schema", "schema", "input_examples", "configs"})
"""What holds keys of the caller's own."""


@BAD_REQUESTS.body("X-unknown-keys", "keys that the API does not know are dropped unread, wherever they stand")
def unknown_keys_dropped(body: Body) -> None:
    if "messages" in body:
        _prune(body, {"type", *_names(Closed)})


def _names(kind: type[Closed]) -> Iterator[str]:
    for narrower in kind.__subclasses__():
        yield from narrower.__struct_encode_fields__
        yield from _names(narrower)


def _prune(value: Any, known: set[str]) -> None:
    if isinstance(value, dict):
        for key in [key for key in value if key not in known]:
            del value[key]
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        if key not in _OPEN:
            _prune(inner, known)

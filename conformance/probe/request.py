"""Renders a case's ask to a request: address, key, model, limits and placeholders filled in."""

import gzip
import mimetypes
import re
import secrets
import string
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec
from msgspec import UNSET, Struct

from conformance import __version__
from conformance.catalog.case import Ask
from conformance.files import LARGEST_FIXTURE, read_within, resolved
from conformance.keys import shortened
from conformance.targets.address import AddressError, url_below
from conformance.targets.discover import key_headers
from conformance.targets.target import Auth, Target
from conformance.words import Mode

MESSAGES = "/v1/messages"
TAKES_MODEL = (MESSAGES, "/v1/messages/count_tokens")
ANY_WORD = "conformance"
"""What stands for the key of a case that asks for one header where a server was given none."""
BLOCK = 64 * 2**10
"""Bytes of a large body that are written at once."""
LARGEST = 64 * 2**20
"""Bytes of a padded body, whatever a stranger's case says."""
SAMPLING = ("temperature", "top_p", "top_k")

_LETTERS = string.ascii_lowercase
_SIGNS = _LETTERS + "23456789"
_FOLLOWERS = {sign: _SIGNS.replace(sign, "") for sign in _SIGNS}
_PLACEHOLDER = re.compile(r"\{(nonce|uuid|copy|model|base_url|fixtures|steps\.[A-Za-z0-9_-]+\.[^{}]+)\}")


class StepError(Exception):
    """An earlier step's answer lacks what a later one needs; the message says what and where."""


class AddressFault(StepError):
    """An earlier answer gives an address that is not asked: it is none, or one of another server."""

    def __init__(self, step: str, at: str, given: str, why: str) -> None:
        super().__init__(f"{at} in the answer of step {step}: {why}")
        self.step = step
        self.at = at
        """JMESPath to the address, in the document of that step's answer."""
        self.given = given
        self.why = why


class Outgoing(Struct, frozen=True):
    """A request as it goes over the wire, keys and all: it is sent and dropped, never recorded."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""
    hang_up: bool | Literal["words", "waiting"] = False
    """When to close the connection: once the answer has begun, with its first words, or after a second of waiting."""
    padding: int = 0
    """Bytes of white space that are sent before the last brace of the body, and recorded nowhere."""
    question: str = ""
    """The name of the question of several requests that it is of, which go over the same connection where they may."""

    @property
    def pieces(self) -> Iterator[bytes]:
        """The body as it goes out, piece by piece: with its padding it is a hundred times what is kept of it."""
        if not self.padding:
            yield from [self.body] if self.body else []
            return
        yield self.body[:-1]
        for left in range(self.padding, 0, -BLOCK):
            yield b" " * min(BLOCK, left)
        yield self.body[-1:]

    @property
    def sent(self) -> bytes:
        """The same in one."""
        return b"".join(self.pieces)


class Setting(Struct, frozen=True, kw_only=True):
    """The context in which a request is rendered: target, mode, and the answers so far."""

    target: Target
    mode: Mode
    nonce: str
    copy: int = 0
    """Which of the copies that are in flight together, counted from 0."""
    documents: Mapping[str, Mapping[str, Any]] = {}
    """Step name to the document of its answer (`status`, `headers`, `message`, ...)."""
    fixtures: Path | None = None
    """The folder of the bytes that multipart bodies send."""
    fixtures_url: str = ""
    """Base URL of the server that offers the same folder to the endpoint."""


def new_nonce() -> str:
    """Ten of a-z and 2-9, a letter first, no character twice in a row: no cached answer can hold it."""
    number, first = divmod(secrets.randbits(80), len(_LETTERS))
    nonce = _LETTERS[first]
    for _ in range(9):
        followers = _FOLLOWERS[nonce[-1]]
        number, which = divmod(number, len(followers))
        nonce += followers[which]
    return nonce


def render(ask: Ask, setting: Setting, *, asks_max_tokens: bool = False) -> Outgoing:
    """The request that an ask means in this setting; StepError when an earlier answer does not hold what it needs."""
    body, content_type = _body(ask, setting, asks_max_tokens=asks_max_tokens)
    padding = max(min(ask.padded_to, LARGEST) - len(body), 0) if ask.padded_to else 0
    return Outgoing(ask.method, url_of(ask, setting), _headers(ask, setting, content_type), body, padding=padding)


def url_of(ask: Ask, setting: Setting) -> str:
    """The URL of an ask: always of the target's origin, whatever its path or an answer says.

    AddressFault where the answer gives no address of that origin.
    """
    base, path = setting.target.base_url, ask.path
    if ask.foreign is not None:
        base, path = setting.fixtures_url, path.removeprefix("{fixtures}")
        if not base:
            raise StepError("there is no server of fixtures that could be asked")
    path = _fill_path(path, setting)
    query = urlencode({name: str(fill(value, setting)) for name, value in ask.query.items()})
    try:
        return url_below(base, path, query)
    except AddressError as problem:
        if (whole := _PLACEHOLDER.fullmatch(ask.path)) and whole[1].startswith("steps."):
            _, step, at = whole[1].split(".", 2)
            raise AddressFault(step, at, path, str(problem)) from problem
        raise StepError(str(problem)) from problem


def fill(value: Any, setting: Setting) -> Any:
    """A value with its placeholders filled in; a string that is only a placeholder takes the value with its type.

    Braces that are no placeholder stay as they are: prompts hold JSON.
    """
    if isinstance(value, str):
        return _fill_text(value, setting) if "{" in value else value
    if isinstance(value, dict):
        return {name: fill(item, setting) for name, item in value.items()}
    if isinstance(value, list):
        return [fill(item, setting) for item in value]
    return value


def _fill_text(text: str, setting: Setting) -> Any:
    whole = _PLACEHOLDER.fullmatch(text)
    if whole:
        return _value(whole[1], setting)
    return _PLACEHOLDER.sub(lambda match: _as_text(_value(match[1], setting)), text)


def _fill_path(path: str, setting: Setting) -> str:
    """The path, with every value quoted as one segment; a path that is all one value is an address as it is."""
    if whole := _PLACEHOLDER.fullmatch(path):
        return _as_text(_value(whole[1], setting))
    return _PLACEHOLDER.sub(lambda match: quote(_as_text(_value(match[1], setting)), safe=""), path)


def _value(name: str, setting: Setting) -> Any:
    match name:
        case "nonce":
            return setting.nonce
        case "uuid":
            return str(uuid.uuid5(uuid.NAMESPACE_OID, setting.nonce))  # of one conversation, as clients name sessions
        case "copy":
            return setting.copy
        case "model":
            return setting.target.model
        case "base_url":
            return setting.target.base_url.rstrip("/")
        case "fixtures":
            return setting.fixtures_url
        case _:
            return _earlier(name, setting)


def _earlier(name: str, setting: Setting) -> Any:
    import jmespath

    _, step, path = name.split(".", 2)
    found = jmespath.search(path, setting.documents.get(step))
    if found is None:
        raise StepError(f"the answer of step {step} has no {path}")
    return found


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _body(ask: Ask, setting: Setting, *, asks_max_tokens: bool) -> tuple[bytes, str | None]:
    """The bytes of the body and their media type, None without a body."""
    if ask.raw is not UNSET:
        return _encoded(_as_text(fill(ask.raw, setting)), ask.encoding), "application/json"
    if ask.multipart is not UNSET:
        return _multipart(ask.multipart, setting)
    if ask.body is UNSET:
        return b"", None
    return msgspec.json.encode(completed_body(ask, setting, asks_max_tokens=asks_max_tokens)), "application/json"


def _encoded(text: str, encoding: str) -> bytes:
    """A raw body as bytes: JSON goes in UTF-8, all else is a bad body (https://www.rfc-editor.org/rfc/rfc8259#section-8.1)."""
    if encoding == "gzip":
        return gzip.compress(text.encode(), mtime=0)
    return text.encode(encoding, errors="surrogatepass" if encoding == "utf-8" else "strict")


def completed_body(ask: Ask, setting: Setting, *, asks_max_tokens: bool = False) -> dict[str, Any]:
    """The JSON body of an ask, empty when it has none: placeholders, model, defaults, headroom and mode filled in."""
    body = {} if ask.body is UNSET else fill(ask.body, setting)
    if ask.path in TAKES_MODEL:
        body = {"model": setting.target.model} | body
    if ask.path == MESSAGES:
        body = _completed(body, ask, setting, asks_max_tokens=asks_max_tokens)
    return {key: value for key, value in body.items() if key not in ask.omits} if ask.omits else body


def _completed(body: dict[str, Any], ask: Ask, setting: Setting, *, asks_max_tokens: bool) -> dict[str, Any]:
    """A body for /v1/messages with the target's defaults, its headroom, and the mode."""
    body = _defaults(body, ask, setting.target) | body
    limit = body.get("max_tokens")
    if type(limit) is int and limit > 0 and not asks_max_tokens:
        body["max_tokens"] = limit + setting.target.headroom
    body.setdefault("stream", setting.mode == "stream")  # said in both modes: what silence means is one question
    return body


def _defaults(body: dict[str, Any], ask: Ask, target: Target) -> dict[str, Any]:
    """The target's defaults that fit: thinking and later versions of the API refuse sampling parameters."""
    if ask.version in (None, "2023-06-01") and "thinking" not in body:
        return dict(target.defaults)
    return {name: value for name, value in target.defaults.items() if name not in SAMPLING}


def _multipart(parts: Mapping[str, str], setting: Setting) -> tuple[bytes, str]:
    """Form data (https://www.rfc-editor.org/rfc/rfc7578); a text that begins with @ stands for the file it names."""
    boundary = f"conformance-{setting.nonce}"
    pieces = []
    for name, text in parts.items():
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"'
        if text.startswith("@"):
            file = _fixture(text[1:], setting)
            kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
            head += f'; filename="{file.name}"\r\ncontent-type: {kind}'
            content = _content(file)
        else:
            content = _as_text(fill(text, setting)).encode()
        pieces.append(head.encode() + b"\r\n\r\n" + content + b"\r\n")
    return b"".join((*pieces, f"--{boundary}--\r\n".encode())), f"multipart/form-data; boundary={boundary}"


def _content(file: Path) -> bytes:
    try:
        return read_within(file, LARGEST_FIXTURE)
    except OSError as problem:
        raise StepError(f"{file} cannot be sent: {problem.strerror}") from problem


def _fixture(name: str, setting: Setting) -> Path:
    """A file of the fixtures folder, and of no other: a stranger's case file sends nothing else of this machine."""
    if setting.fixtures is None:
        raise StepError(f"there is no folder of fixtures to take {name} from")
    file = resolved(setting.fixtures / name)
    if not file.is_relative_to(resolved(setting.fixtures)) or not file.is_file():
        raise StepError(f"there is no {name} among the fixtures in {setting.fixtures}")
    return file


def _headers(ask: Ask, setting: Setting, content_type: str | None) -> tuple[tuple[str, str], ...]:
    headers = {"accept": "application/json", "accept-encoding": "gzip, deflate"}
    headers["user-agent"] = f"messages-conformance/{__version__}"
    if content_type:
        headers["content-type"] = content_type
    if ask.version is not None:
        headers["anthropic-version"] = ask.version
    headers |= _credentials(ask, setting)
    asked = [
        (name.lower(), _header_value(name, _as_text(fill(value, setting))))
        for name, values in ask.headers.items()
        for value in (values if isinstance(values, list) else [values])
        if value is not None
    ]
    replaced = {name.lower() for name in ask.headers}
    return (*[(name, value) for name, value in headers.items() if name not in replaced], *asked)


def _header_value(name: str, value: str) -> str:
    """A value that is one line, whatever an earlier answer put into it."""
    if any(sign in value for sign in "\r\n\0"):
        raise StepError(f"the value of the header {name} holds a line break: {shortened(value, 100)!r}")
    return value


def _credentials(ask: Ask, setting: Setting) -> dict[str, str]:
    if ask.foreign is not None:  # a key goes to the origin that it was named for, and to no other
        return {}
    auth, key = setting.target.auth, setting.target.key
    match ask.key:
        case "none":
            return {}
        case "right":
            return key_headers(auth, key)
        case "both" | "x-api-key" | "bearer":
            return key_headers(Auth(header=ask.key, placeholder=auth.placeholder or ANY_WORD), key)
        case "wrong":
            form = "x-api-key" if auth.header == "none" else auth.header
            return key_headers(Auth(header=form), f"wrong-key-{setting.nonce}")
        case "wrong-bearer":
            return key_headers(Auth(header="bearer"), f"wrong-key-{setting.nonce}")
        case "empty":
            return {"x-api-key": ""}

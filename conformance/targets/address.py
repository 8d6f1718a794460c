"""Addresses of servers: normalised from what a person types, and compared by origin."""

import ipaddress
import re
from difflib import get_close_matches
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit, urlunsplit

from conformance.errors import UserError

DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_URL = 16 * 2**10
"""Characters: twice what servers take, https://www.rfc-editor.org/rfc/rfc9110#section-4.1-5."""

_ROUTES = ("/v1/messages/count_tokens", "/v1/messages", "/v1/chat/completions", "/v1/models", "/v1")
"""Ends of an address that a client of the API adds itself."""
_SLIP = re.compile(r"(https?)(?::/|//|:///+|/|:(?=[^/\d]|\d+[.:]))(?=[^/])", re.IGNORECASE)
"""The beginning of an address whose colon or slashes are not as they should be; an ordinary one does not begin so."""
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff\\]")
"""What a URL never holds, and what parsers of URLs disagree about: controls, blanks and the backslash."""


class AddressError(UserError):
    """An address that cannot be used; the message says what to write."""


def base_url(typed: str, *, default_port: int | None = None) -> str:
    """The base URL that a person means: a scheme added, slashes and `/v1` or `/v1/messages` at its end taken off.

    Clients of the API add `/v1/messages` themselves, so a base URL that ends in `/v1` would ask `/v1/v1/messages`.
    `default_port` is for bare hosts (`OLLAMA_HOST=0.0.0.0`): they get it, and an address that means every interface
    becomes the loopback one, which is where a client on this machine reaches it.
    """
    text = typed.strip().strip("'\"")
    if not text:
        raise AddressError("the address is empty; write one such as http://127.0.0.1:11434")
    if (slip := _SLIP.match(text)) is not None:
        raise AddressError(f"{typed!r} is not an address; did you mean {slip[1].lower()}://{text[slip.end() :]}?")
    bare = "://" not in text
    parts = _split(f"http://{_bracketed(text)}" if bare else text, typed)
    host, port = parts.hostname or "", _port(parts, typed)
    if not host and default_port is None:
        raise AddressError(f"{typed!r} names no host; write an address such as http://127.0.0.1:11434")
    if host in ("", "0.0.0.0", "::") and default_port is not None:  # noqa: S104 (what it means is replaced, not bound)
        host = "::1" if host == "::" else "127.0.0.1"
    if port is None and bare:
        port = default_port
    path = _without_route(parts.path)
    shown = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, shown if port is None else f"{shown}:{port}", path, "", ""))


def _without_route(path: str) -> str:
    """A path without what a client adds to it, and without slashes at its end."""
    shorter = path.rstrip("/")
    for route in _ROUTES:
        if shorter.endswith(route):
            return _without_route(shorter.removesuffix(route))
    return shorter


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address: a key named for one origin goes to no other."""
    parts = _split(url, url)
    return parts.scheme, (parts.hostname or "").lower(), _port(parts, url) or DEFAULT_PORTS[parts.scheme]


@lru_cache(maxsize=256)
def url_below(base: str, path: str, query: str = "") -> str:
    """The URL of a path below a base URL, or a full URL of the same origin; AddressError for anything else.

    Every URL that is asked is made here. Scheme, host and port are always those of the base, so that no path of a case
    file and no address in an answer leads a request, and the key in it, to another server.
    """
    own = urlsplit(base)
    if unsafe := _UNSAFE.search(path):
        raise AddressError(f"{_quoted(path)} is no address: it holds the character U+{ord(unsafe[0]):04X}")
    if path.startswith("/"):
        route, _, given = path.partition("#")[0].partition("?")
        route = own.path.rstrip("/") + route
    else:
        route, given = _own_route(base, path)
    url = urlunsplit((own.scheme, own.netloc, route, "&".join(part for part in (given, query) if part), ""))
    if len(url) > LONGEST_URL:
        raise AddressError(f"{_quoted(path)} has {len(url)} characters, more than {LONGEST_URL}")
    if origin(url.partition("?")[0]) != origin(base):
        raise AddressError(f"{_quoted(path)} is no address of {base}")
    return url


def _own_route(base: str, url: str) -> tuple[str, str]:
    """Path and query of a full URL of the same origin."""
    bare, _, query = url.partition("#")[0].partition("?")
    try:
        same = origin(bare) == origin(base)
    except AddressError as problem:
        raise AddressError(f"{_quoted(url)} is no address of {base}") from problem
    if not same:
        raise AddressError(f"{_quoted(url)} is an address of another server than {base}")
    return urlsplit(bare).path or "/", query


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 100 else text[:97] + "...")


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    host = origin(url)[1]
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_unknown_host(problem: str) -> bool:
    """Whether a message is that of getaddrinfo for a name that nobody has, on Linux, macOS and Windows."""
    return any(
        word in problem for word in ("Name or service", "nodename nor servname", "getaddrinfo", "name resolution")
    )


def _bracketed(text: str) -> str:
    host, slash, path = text.partition("/")
    return f"[{host}]{slash}{path}" if host.count(":") > 1 and not host.startswith("[") else text


def _split(url: str, typed: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as problem:
        raise AddressError(f"{typed!r} is not an address: {problem}") from problem
    if parts.scheme not in DEFAULT_PORTS:
        close = get_close_matches(parts.scheme, DEFAULT_PORTS, n=1)
        better = f"did you mean {close[0]}://{parts.netloc}?" if close else "write one such as http://127.0.0.1:11434"
        raise AddressError(f"{typed!r} is not an http address; {better}")
    if parts.username is not None or parts.password is not None:
        raise AddressError(
            "the address holds a user name or a password; name the variable of the key with --api-key-env instead"
        )
    if parts.query or parts.fragment:
        raise AddressError(f"{typed!r} has a query or a fragment; a base URL has none")
    return parts


def _port(parts: SplitResult, typed: str) -> int | None:
    try:
        return parts.port
    except ValueError as problem:
        raise AddressError(f"the port of {typed!r} is not a number from 0 to 65535") from problem

"""Addresses of servers: what a person may type for one, and when two have the same origin."""

import ipaddress
from urllib.parse import SplitResult, urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443}


class AddressError(ValueError):
    """An address that cannot be used; the message says what to write."""


def base_url(typed: str, *, default_port: int | None = None) -> str:
    """The base URL that a person means: scheme added, trailing slashes and a trailing `/v1` taken off.

    Clients of the API add `/v1/messages` themselves, so a base URL that ends in `/v1` would ask `/v1/v1/messages`.
    `default_port` is for bare hosts (`OLLAMA_HOST=0.0.0.0`): they get it, and an address that means every interface
    becomes the loopback one, which is where a client on this machine reaches it.
    """
    text = typed.strip().strip("'\"")
    if not text:
        raise AddressError("the address is empty; write one such as http://127.0.0.1:11434")
    bare = "://" not in text
    parts = _split(f"http://{_bracketed(text)}" if bare else text, typed)
    host, port = parts.hostname or "", _port(parts, typed)
    if not host and default_port is None:
        raise AddressError(f"{typed!r} names no host; write an address such as http://127.0.0.1:11434")
    if host in ("", "0.0.0.0", "::") and default_port is not None:  # noqa: S104 (what it means is replaced, not bound)
        host = "::1" if host == "::" else "127.0.0.1"
    if port is None and bare:
        port = default_port
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    shown = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, shown if port is None else f"{shown}:{port}", path, "", ""))


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of an address: a key named for one origin goes to no other."""
    parts = _split(url, url)
    return parts.scheme, (parts.hostname or "").lower(), _port(parts, url) or DEFAULT_PORTS[parts.scheme]


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    host = origin(url)[1]
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bracketed(text: str) -> str:
    host, slash, path = text.partition("/")
    return f"[{host}]{slash}{path}" if host.count(":") > 1 and not host.startswith("[") else text


def _split(url: str, typed: str) -> SplitResult:
    try:
        parts = urlsplit(url)
    except ValueError as problem:
        raise AddressError(f"{typed!r} is not an address: {problem}") from problem
    if parts.scheme not in DEFAULT_PORTS:
        raise AddressError(f"{typed!r} is not an http address; write one such as http://127.0.0.1:11434")
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

"""Short requests to a server before a run: bounded in time and size, without a key, and on loopback without a proxy."""

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import h11
import msgspec
from msgspec import Struct

from conformance.bounded import within
from conformance.doors import from_json
from conformance.errors import ExitCode, UserError
from conformance.targets.address import is_loopback, is_unknown_host, url_below

if TYPE_CHECKING:
    import httpx2

LARGEST_ANSWER = 8 * 2**20
"""Bytes of an answer that are read at most: the list of models of a large gateway has some hundred kilobytes."""

LARGEST_HEAD = 100 * 2**10
"""Bytes of a status line with its headers."""
BLOCK = 64 * 2**10

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
"""To the first byte of an answer, between two, and to its end."""

_PLAIN_URL = re.compile(r"http://[A-Za-z0-9.:\[\]-]+/[A-Za-z0-9/_.~-]*")
"""What needs neither TLS nor quoting."""


class Unreachable(UserError):
    """No connection to the server, or none that ends in an answer; the message says which."""

    exit_code = ExitCode.OUR_FAULT


class Silent(Unreachable):
    """A connection on which nothing comes: the server is busy, or stands still."""


class ShortAnswer(Struct, frozen=True):
    """A short answer: its status, its headers in lower case and its body."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON, or None when it is not."""
        return from_json(self.body)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


class ServerConnection:
    """A connection to one server: `get` and `post` answer with whatever it says, or raise Unreachable."""

    def __init__(self, base_url: str, headers: Mapping[str, str] | None = None) -> None:
        self.base_url = base_url.rstrip("/")
        self._headers = {"user-agent": "messages-conformance", **(headers or {})}

    @cached_property
    def _client(self) -> "httpx2.Client":
        """Made when the first thing is asked, for often nothing is; and to import what it needs takes 0.1 s."""
        import httpx2

        return httpx2.Client(
            headers=self._headers,
            timeout=httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,
            verify=self.base_url.startswith("https:"),  # to read the certificates takes as long, without need here
            trust_env=not is_loopback(self.base_url),
        )

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> ShortAnswer:
        return self._ask("GET", path, headers=headers)

    def post(self, path: str, body: Any) -> ShortAnswer:
        return self._ask("POST", path, headers={"content-type": "application/json"}, content=msgspec.json.encode(body))

    def close(self) -> None:
        if "_client" in self.__dict__:
            self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> ShortAnswer:
        def asked() -> ShortAnswer:
            return self._read(method, path, headers=headers, content=content)

        try:
            return within(CONNECT_SECONDS + ANSWER_SECONDS, asked)
        except TimeoutError as problem:
            raise Unreachable(
                f"{self.base_url}{path} has not answered within {CONNECT_SECONDS + ANSWER_SECONDS:g} s"
            ) from problem

    def _read(self, method: str, path: str, *, headers: Mapping[str, str] | None, content: bytes | None) -> ShortAnswer:
        """The answer; on this machine without the HTTP client, which takes a sixth of the start of a run."""
        url = url_below(self.base_url, path)
        if is_loopback(self.base_url) and _PLAIN_URL.fullmatch(url):
            answer = _exchange(self.base_url, method, url, {**self._headers, **(headers or {})}, content or b"")
            if answer.headers.get("content-encoding", "identity") == "identity":
                return answer
        for raw in (False, True):
            if (streamed := self._streamed(method, url, headers, content, raw=raw)) is not None:
                return streamed
        raise AssertionError("what is not decoded can always be read")

    def _streamed(
        self, method: str, url: str, headers: Mapping[str, str] | None, content: bytes | None, *, raw: bool
    ) -> ShortAnswer | None:
        """The answer by the HTTP client; None where its body is not coded as it says, which is the run's to tell."""
        import httpx2

        body = bytearray()
        with (
            reachable(self.base_url),
            self._client.stream(method, url, headers=headers, content=content) as response,
        ):
            try:
                for chunk in response.iter_raw() if raw else response.iter_bytes():
                    body += chunk
                    _bounded(body, url)
            except httpx2.DecodingError:
                return None
            return ShortAnswer(response.status_code, _headers(response), bytes(body))


def _exchange(base_url: str, method: str, url: str, headers: Mapping[str, str], content: bytes) -> ShortAnswer:
    """One request over a connection of its own, and the answer as it comes."""
    parts = urlsplit(url)
    http = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
    sent = [("host", parts.netloc), ("connection", "close"), *headers.items()]
    if content or method == "POST":
        sent.append(("content-length", str(len(content))))
    request = h11.Request(method=method, target=parts.path, headers=sent)
    try:
        link = socket.create_connection((parts.hostname or "", parts.port or 80), CONNECT_SECONDS)
    except TimeoutError as problem:
        raise _not_accepted(base_url) from problem
    except OSError as problem:
        raise Unreachable(_no_connection(base_url, str(problem))) from problem
    with link:
        link.settimeout(ANSWER_SECONDS)
        try:
            data = [http.send(request), http.send(h11.Data(data=content)), http.send(h11.EndOfMessage())]
            link.sendall(b"".join([part for part in data if part]))
            return _answer(http, link, url)
        except TimeoutError as problem:
            raise _silent(base_url) from problem
        except (OSError, h11.ProtocolError) as problem:
            raise _no_http(base_url, problem) from problem


def _answer(http: h11.Connection, link: socket.socket, url: str) -> ShortAnswer:
    status, headers, body = 0, {}, bytearray()
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            data = link.recv(BLOCK)
            if not data and http.their_state is h11.SEND_RESPONSE:
                raise h11.RemoteProtocolError("Server disconnected without sending a response.")
            http.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        elif isinstance(event, h11.Data):
            body += event.data
            _bounded(body, url)
        elif isinstance(event, h11.EndOfMessage):
            return ShortAnswer(status, headers, bytes(body))
        elif event is h11.PAUSED:
            raise h11.RemoteProtocolError("the server goes on in another protocol")


def _bounded(body: bytearray, url: str) -> None:
    if len(body) > LARGEST_ANSWER:
        raise Unreachable(f"{url} answers with more than {LARGEST_ANSWER} bytes")


@contextmanager
def reachable(base_url: str) -> Iterator[None]:
    """Turns what can go wrong between two machines into one Unreachable with a plain sentence."""
    import httpx2

    try:
        yield
    except httpx2.ConnectTimeout as problem:
        raise _not_accepted(base_url) from problem
    except httpx2.TimeoutException as problem:
        raise _silent(base_url) from problem
    except httpx2.ConnectError as problem:
        raise Unreachable(_no_connection(base_url, str(problem))) from problem
    except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
        raise _no_http(base_url, problem) from problem


def _not_accepted(base_url: str) -> Unreachable:
    return Unreachable(f"{base_url} does not accept a connection within {CONNECT_SECONDS:g} s")


def _silent(base_url: str) -> Silent:
    return Silent(f"{base_url} accepts a connection and does not answer")


def _no_http(base_url: str, problem: Exception) -> Unreachable:
    secure = "; does it want https://?" if base_url.startswith("http:") else ""
    return Unreachable(f"{base_url} does not speak HTTP as it should ({problem}){secure}")


def _no_connection(base_url: str, problem: str) -> str:
    """Why a connection did not come about, with the mend where it is the address."""
    if "WRONG_VERSION_NUMBER" in problem or "record layer failure" in problem:
        plain = base_url.replace("https:", "http:", 1)
        return f"{base_url} does not speak TLS: if it speaks plain HTTP, write {plain}"
    if "CERTIFICATE_VERIFY_FAILED" in problem:
        return f"this machine does not trust the certificate of {base_url}: {problem}; SSL_CERT_FILE names its issuer"
    host = urlsplit(base_url).hostname or ""
    if is_unknown_host(problem):
        return f"there is no host {host} ({_without_number(problem)}){_meant(host)}"
    return f"nothing answers at {base_url} ({problem})"


def _without_number(problem: str) -> str:
    return re.sub(r"^\[Errno -?\d+\] ", "", problem)


def _meant(host: str) -> str:
    """What is meant by the name of no host: this machine, or a target."""
    from conformance.targets.load import target_names

    if host in target_names():
        return f"; did you mean --target {host}?"
    return "; did you mean localhost?" if get_close_matches(host, ["localhost"], cutoff=0.7) else ""


def _headers(response: "httpx2.Response") -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}

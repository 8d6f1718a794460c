"""An answer, decoded once: the value that rules, effects and the SDK check read."""

import re
from collections import defaultdict
from itertools import pairwise
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from conformance.judge.finding import Violation
from conformance.judge.stream import follow
from conformance.judge.stream_result import StreamResult
from conformance.judge.wire import ABSENT, decode, is_event_stream, looks_of
from conformance.once import once
from conformance.probe.exchange import Chunk, Exchange
from conformance.probe.sse import Frame
from conformance.words import Mode

Scope = Literal["message", "stream", "error", "count", "models", "model", "batches", "files", "other", "nothing"]
"""What kind of answer it is, which decides the rules that can hold anything against it."""

NOT_IMPLEMENTED = 501
PROBES = frozenset({"HEAD", "OPTIONS"})
"""Methods that ask whether somebody is there: their answers are no part of the API."""
_LINE = re.compile(rb"[^\r\n]+")
_ROUTE = re.compile(r"/v1/(?:messages|models|files|complete)(?:/.*)?$")
_UNKNOWN_ROUTE = re.compile(r"/v1/.*$")
_MODEL = re.compile(r"^/v1/models/.+")
_BATCH = re.compile(r"/v1/messages/batches/[^/]+")
_FILE = re.compile(r"^/v1/files/[^/]+")
_RESULTS = "GET /v1/messages/batches/{id}/results"


class Timing(Struct, frozen=True):
    """When an answer arrived, in seconds since the request was sent."""

    first_byte: float | None
    finished: float
    first_event: float | None = None
    first_delta: float | None = None
    last_delta: float | None = None
    span: float | None = None
    """From the first content delta to the last: next to nothing where all came at once, however slow the machine."""
    deltas: int = 0
    """Content deltas: text, thinking, tool input, citations, signatures."""
    longest_silence: float = 0.0
    """The longest time in which no byte can have come, the wait for the first one included."""


class Answer(Struct, frozen=True, dict=True):
    """An exchange as judged; each property is computed once, when first asked for."""

    exchange: Exchange
    mode: Mode
    path: str
    """The path from `/v1` on, without query, ids of single resources as `{id}`."""

    def forget(self) -> None:
        """Lets go of what was read in it, which can be ten times its bytes; it is read again when it is asked for."""
        self.__dict__.clear()
        self.exchange.__dict__.clear()

    @once
    def endpoint(self) -> str:
        """Method and path: `POST /v1/messages`."""
        return f"{self.exchange.request.method} {self.path}"

    @once
    def status(self) -> int:
        """The HTTP status, 0 when no answer began."""
        return self.exchange.status or 0

    @once
    def request(self) -> dict[str, Any] | None:
        """The request's body, None when it is no JSON object."""
        asked = decode(self.exchange.request.body)
        return asked if isinstance(asked, dict) else None

    @once
    def streaming(self) -> bool:
        """Whether the request asked for an event stream, which the body says and not the mode of the case."""
        return self.path == "/v1/messages" and self.request is not None and self.request.get("stream") is True

    @once
    def scope(self) -> Scope:
        if not self.status:
            return "nothing"
        if self.status >= 400:
            return "error" if self.path.startswith("/v1/") and self.exchange.request.method not in PROBES else "other"
        return (
            _scope(self.exchange.request.method, self.path, streaming=self.streaming) if self.status < 300 else "other"
        )

    @once
    def json(self) -> Any:
        """The body as JSON, the absent marker when it is none."""
        return decode(self.exchange.body)

    @once
    def in_events(self) -> bool:
        """Whether the body is made of server-sent events, whatever its content type says."""
        return self.scope == "stream" and is_event_stream(self.exchange.body)

    @once
    def frames(self) -> tuple[Frame, ...]:
        return self.exchange.frames if self.in_events else ()

    @once
    def stream_result(self) -> StreamResult:
        """The result of reading the stream, with every rule that it broke."""
        whole = self.exchange.outcome in ("complete", "unfinished")
        return follow(self.frames, whole=whole)

    @once
    def message(self) -> Any:
        """The JSON answer, or the stream as accumulated; None when there is neither."""
        if self.in_events:
            return self.stream_result.message
        return None if self.json is ABSENT else self.json

    @once
    def is_message(self) -> bool:
        """Whether a JSON answer is a message at all, however faulty; else its other laws are not asked about it."""
        message = self.message
        if self.streaming or not isinstance(message, dict) or "error" in message:
            return False
        return "content" in message or message.get("type") == "message"

    @once
    def head(self) -> tuple[str, dict[str, Any]] | None:
        """The message that names itself, with its place: the JSON answer, or the one in `message_start`."""
        if self.in_events:
            result = self.stream_result
            return (f"event/{result.start_event}/message", result.start) if result.start is not ABSENT else None
        return ("", self.message) if self.is_message else None

    @once
    def end(self) -> tuple[str, dict[str, Any]] | None:
        """The object that says why the message ended, with its place: the JSON answer, or the last `message_delta`."""
        if not self.in_events:
            return ("", self.message) if self.is_message else None
        result = self.stream_result
        if not result.deltas or "stream.message-delta" in result.breaches:
            return None
        number, data = result.deltas[-1]
        return f"event/{number}/delta", data["delta"]

    @once
    def stop_reason(self) -> str | None:
        """The stop reason of a message that came to its end, None when there is none."""
        reason = self.end[1].get("stop_reason") if self.end is not None else None
        return reason if isinstance(reason, str) else None

    @once
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines of the results of a batch that are objects; of any other answer, none."""
        if self.endpoint != _RESULTS or self.status != 200:
            return []
        lines = (decode(line[0]) for line in _LINE.finditer(self.exchange.body))
        return [line for line in lines if isinstance(line, dict)]

    @once
    def batched(self) -> "tuple[Answer, ...]":
        """The messages in the results of a batch, each as if it had been the answer to a request of its own."""
        results = [line.get("result") for line in self.lines]
        messages = [one["message"] for one in results if isinstance(one, dict) and isinstance(one.get("message"), dict)]
        return tuple(self._alone(message) for message in messages)

    def _alone(self, message: dict[str, Any]) -> "Answer":
        exchange = msgspec.structs.replace(
            self.exchange,
            request=msgspec.structs.replace(self.exchange.request, method="POST", body=b""),
            headers=(("content-type", "application/json"), ("request-id", self.headers.get("request-id", "none"))),
            chunks=(Chunk(self.exchange.finished, msgspec.json.encode(message)),),
        )
        return Answer(exchange, "json", "/v1/messages")

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of a stream in order: `{event: name, data: parsed object}`, or the text where it is no JSON."""
        return self.stream_result.events if self.in_events else []

    @once
    def blocks(self) -> list[dict[str, Any]]:
        """The content blocks that are objects; empty when there is no content to look into."""
        if self.streaming and not self.in_events:
            return []
        content = self.message.get("content") if isinstance(self.message, dict) else None
        return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []

    @once
    def placed_blocks(self) -> list[tuple[str, dict[str, Any]]]:
        """The content blocks with their places; made once, for twenty rules ask for them."""
        return [(f"/content/{number}", block) for number, block in enumerate(self.blocks)]

    @once
    def blocks_by_type(self) -> dict[str, list[tuple[str, dict[str, Any]]]]:
        """The content blocks of each type with their places; of a type that is not there, an empty list."""
        by_type: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        for at, block in self.placed_blocks:
            if isinstance(kind := block.get("type"), str):
                by_type[kind].append((at, block))
        return by_type

    @once
    def text(self) -> str:
        """The text blocks joined and stripped; thinking is not text."""
        texts = [block.get("text") for block in self.blocks if block.get("type") == "text"]
        return "".join(text for text in texts if isinstance(text, str)).strip()

    @once
    def error(self) -> dict[str, Any] | None:
        """The error object inside the envelope, of an HTTP error or of an `error` event."""
        envelope = self.stream_result.error if self.in_events else self.json
        error = envelope.get("error") if isinstance(envelope, dict) else None
        return error if isinstance(error, dict) else None

    @once
    def timing(self) -> Timing:
        exchange = self.exchange
        if not self.in_events:
            return Timing(exchange.first_byte, exchange.finished, longest_silence=self.longest_silence)
        deltas = self.stream_result.delta_times
        return Timing(
            first_byte=exchange.first_byte,
            finished=exchange.finished,
            first_event=self.frames[0].at if self.frames else None,
            first_delta=deltas[0] if deltas else None,
            last_delta=deltas[-1] if deltas else None,
            span=deltas[-1] - deltas[0] if deltas else None,
            deltas=len(deltas),
            longest_silence=self.longest_silence,
        )

    @once
    def longest_silence(self) -> float:
        """The longest time in seconds in which no byte can have come; what was read late may have come early."""
        first = self.exchange.first_byte
        times = [0.0, *([first] if first is not None else []), *self.exchange.times]
        if self.exchange.held_up:
            return max([self.exchange.earliest(later) - earlier for earlier, later in pairwise(times)], default=0.0)
        return max([later - earlier for earlier, later in pairwise(times)], default=0.0)

    def hidden(self, at: float) -> float:
        """Seconds for which what was read at a time may have been there already: nobody looked."""
        return at - self.exchange.earliest(at)

    @once
    def headers(self) -> dict[str, str]:
        """Names in lower case; values of a repeated header joined by a comma."""
        values: dict[str, list[str]] = {}
        for name, value in self.exchange.headers:
            values.setdefault(name, []).append(value)
        return {name: ", ".join(several) for name, several in values.items()}

    @once
    def document(self) -> dict[str, Any]:
        """The document that the paths of effects and premises read."""
        return {
            "status": self.exchange.status,
            "refused": self.refused,
            "ends": self.ends,
            "headers": self.headers,
            "message": self.message,
            "events": self.events,
            "lines": self.lines,
            "text": self.text,
            "timing": msgspec.structs.asdict(self.timing),
        }

    @property
    def ends(self) -> str:
        """The end of the answer: `cut` where the connection broke, else a stream's last event or `complete`."""
        if self.exchange.outcome in ("cut", "reset", "malformed"):
            return "cut"
        events = self.events
        return str(events[-1].get("event")) if events else str(self.exchange.outcome)

    @property
    def refused(self) -> bool:
        """Whether it is a refusal: by its status, by an error event in place of a message, or by an error in a 200."""
        if self.status >= 400:
            return True
        if self.in_events:
            return self.stream_result.error is not None and self.stream_result.start is ABSENT
        return isinstance(self.json, dict) and "error" in self.json and "content" not in self.json

    @property
    def failed(self) -> Violation | None:
        """The reason why no answer arrived: it was cut, or the server failed; None when one did."""
        outcome = self.exchange.outcome
        if outcome not in ("complete", "unfinished"):
            return Violation("", "a whole answer", self.exchange.detail or outcome, outcome)
        if self.status >= 500 and self.status != NOT_IMPLEMENTED:
            return Violation("/status", "an answer", self.status, "server-error")
        if 300 <= self.status < 400:
            return Violation("/status", "an answer", self.status, "redirect")
        return None

    @once
    def unreadable(self) -> Violation | None:
        """The reason why the answer cannot be used; None when it can.

        Refusals are readable whatever their envelope: that has rules of its own. So is a stream whose connection stays
        open after `message_stop`: nothing of it is lost.
        """
        if (failed := self.failed) is not None:
            return failed
        if self.status >= 300 or self.scope in ("other", "nothing"):
            return None
        return self._unreadable_stream() if self.in_events else self._unreadable_json()

    def _unreadable_stream(self) -> Violation | None:
        if self.stream_result.error is not None:
            return Violation(self.stream_result.error_at, "a message", self.stream_result.error, "error-event")
        return self.stream_result.lost

    def _unreadable_json(self) -> Violation | None:
        if self.json is ABSENT:
            return Violation("", "JSON", looks_of(self.exchange.body), "not-json")
        if self.streaming:
            return Violation("", "an event stream", looks_of(self.exchange.body), "not-a-stream")
        if not isinstance(self.json, dict):
            return Violation("", "a JSON object", looks_of(self.exchange.body), "not-an-object")
        if "error" in self.json and "content" not in self.json and "data" not in self.json:
            return Violation("/error", "a result", self.json["error"], "error-in-success")
        if self.scope == "message" and not isinstance(self.json.get("content", ABSENT), list | None):
            return Violation("/content", "an array", self.json.get("content", ABSENT), "no-content")
        return None


def _scope(method: str, path: str, *, streaming: bool) -> Scope:
    if method == "POST" and path == "/v1/messages":
        return "stream" if streaming else "message"
    if method == "POST" and path == "/v1/messages/count_tokens":
        return "count"
    if method == "GET" and path == "/v1/models":
        return "models"
    if method == "GET" and path == "/v1/models/{id}":
        return "model"
    if path.startswith("/v1/messages/batches") and not path.endswith("/results") and method in ("GET", "POST"):
        return "batches"
    if path in ("/v1/files", "/v1/files/{id}") and method in ("GET", "POST"):
        return "files"
    return "other"


def path_of(url: str) -> str:
    """The path of a URL from `/v1` on, without query, the ids of single resources as `{id}`."""
    path = urlsplit(url).path
    route = _ROUTE.search(path) or _UNKNOWN_ROUTE.search(path)
    path = _MODEL.sub("/v1/models/{id}", route[0].rstrip("/") if route else path)
    return _FILE.sub("/v1/files/{id}", _BATCH.sub("/v1/messages/batches/{id}", path, count=1), count=1)


def read(exchange: Exchange, mode: Mode) -> Answer:
    """The answer of an exchange."""
    return Answer(exchange, mode, path_of(exchange.request.url))


class Reader:
    """Reads the exchanges of one attempt, each once: what was read between its steps is judged at its end."""

    def __init__(self) -> None:
        self._answers: dict[int, Answer] = {}

    def __call__(self, exchange: Exchange, mode: Mode) -> Answer:
        """The answer of an exchange; the same exchange gives the same object."""
        known = self._answers.get(id(exchange))  # an answer holds its exchange, so that no other one takes its id
        if known is None or known.mode != mode:
            known = self._answers[id(exchange)] = read(exchange, mode)
        return known

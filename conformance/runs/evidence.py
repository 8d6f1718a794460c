"""The evidence format: one exchange as JSON, which a person can read and `rejudge` can judge again."""

import base64
from urllib.parse import urlsplit

from msgspec import UNSET, Struct, UnsetType

from conformance.judge.finding import Violation
from conformance.judge.witness import Testimony
from conformance.probe.exchange import Chunk, Exchange, Outcome, Request
from conformance.words import Mode

LEFT_OUT_OF_REQUESTS = ("x-stainless-os", "x-stainless-arch", "x-stainless-runtime", "cookie", "proxy-authorization")
"""Beginnings of the headers of a request that describe the machine that asked."""


class Text(Struct, frozen=True, omit_defaults=True):
    """Bytes as text where they are UTF-8, else as base64."""

    text: str | None = None
    base64: str | None = None
    at: float | None = None
    """Seconds since the request was sent, for a chunk of an answer."""


class RecordedRequest(Struct, frozen=True):
    method: str
    url: str
    headers: list[tuple[str, str]]
    body: Text


class RecordedAnswer(Struct, frozen=True, kw_only=True):
    outcome: Outcome
    status: int | None
    http_version: str
    headers: list[tuple[str, str]]
    chunks: list[Text]
    started: float
    first_byte: float | None
    finished: float
    detail: str = ""
    notes: list[str] = []
    held_up: list[tuple[float, float]] | UnsetType = UNSET
    """When the suite's own event loop was held up, from and to; only where it was."""


class Mark(Struct, frozen=True):
    """A rule that this very answer broke, and where."""

    rule: str
    violation: Violation


class Evidence(Struct, frozen=True, kw_only=True):
    """One exchange in its place: of which case, mode, attempt and step, and what it showed."""

    id: str = ""
    """Its key within the run, `case.mode.attempt` and `.step` where there are steps; empty in files of older runs."""
    format: int = 1
    case: str
    mode: Mode
    attempt: int
    step: str = ""
    observation: str = ""
    nonce: str = ""
    """What `{nonce}` stood for in this attempt."""
    request: RecordedRequest
    answer: RecordedAnswer
    witness: Testimony | None = None
    marks: list[Mark] = []


def is_left_out(header: str) -> bool:
    """Whether a shared run lacks a header of a request, by its name in lower case."""
    return header.startswith(LEFT_OUT_OF_REQUESTS)


def as_text(data: bytes, at: float | None = None) -> Text:
    try:
        return Text(text=data.decode(), at=at)
    except UnicodeDecodeError:
        return Text(base64=base64.b64encode(data).decode(), at=at)


def as_bytes(text: Text) -> bytes:
    return text.text.encode() if text.text is not None else base64.b64decode(text.base64 or "")


def check(evidence: Evidence) -> None:
    """ValueError where evidence has bytes that are no base64, or an address that is none."""
    urlsplit(evidence.request.url)
    for text in (evidence.request.body, *evidence.answer.chunks):
        if text.base64 is not None:
            base64.b64decode(text.base64)


def recorded(exchange: Exchange) -> tuple[RecordedRequest, RecordedAnswer]:
    """An exchange in the form in which it is kept."""
    sent = exchange.request
    return (
        RecordedRequest(sent.method, sent.url, list(sent.headers), as_text(sent.body)),
        RecordedAnswer(
            outcome=exchange.outcome,
            status=exchange.status,
            http_version=exchange.http_version,
            headers=list(exchange.headers),
            chunks=[as_text(chunk.data, round(chunk.at, 6)) for chunk in exchange.chunks],
            started=exchange.started,
            first_byte=exchange.first_byte,
            finished=exchange.finished,
            detail=exchange.detail,
            notes=list(exchange.notes),
            held_up=list(exchange.held_up) or UNSET,
        ),
    )


def exchange_of(evidence: Evidence) -> Exchange:
    """The exchange that was recorded, byte for byte."""
    sent, answer = evidence.request, evidence.answer
    return Exchange(
        request=Request(sent.method, sent.url, tuple(sent.headers), as_bytes(sent.body)),
        outcome=answer.outcome,
        status=answer.status,
        http_version=answer.http_version,
        headers=tuple(answer.headers),
        chunks=tuple(Chunk(chunk.at or 0.0, as_bytes(chunk)) for chunk in answer.chunks),
        started=answer.started,
        first_byte=answer.first_byte,
        finished=answer.finished,
        detail=answer.detail,
        notes=tuple(answer.notes),
        held_up=() if answer.held_up is UNSET else tuple(answer.held_up),
    )


def exchange_id(case: str, mode: Mode, attempt: int, step: str = "") -> str:
    """The id of an exchange within its run."""
    return f"{case}.{mode}.{attempt}{'.' + step if step else ''}"

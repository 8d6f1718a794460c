"""A recorded run as it may be given away: head, rows and exchanges with masks, the headers of answers by a list."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection
from itertools import accumulate
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from conformance.probe.exchange import Chunk, Exchange
from conformance.runs.evidence import Evidence, exchange_of, is_left_out, recorded
from conformance.runs.log import RunLog, RunRow
from conformance.runs.masking import Masks, applied

KEPT_HEADERS = frozenset(
    (
        *("content-type", "content-length", "content-encoding", "transfer-encoding", "connection", "date", "location"),
        *("request-id", "x-request-id", "retry-after", "allow", "cache-control", "vary", "x-should-retry"),
        *("access-control-allow-origin", "access-control-allow-headers", "access-control-allow-methods"),
    )
)
"""Headers of an answer that the rules and cases look at, or that say nothing about who answers."""
KEPT_BEGINNINGS = ("anthropic-ratelimit-",)
KEPT_OPTIONS = frozenset(
    (
        *("select", "profile", "attempts", "timeout", "budget", "strict", "allow_improvements", "capability"),
        *("no_capability", "concurrency", "witness", "evidence", "simulated", "headroom", "thorough"),
    )
)
"""Options of the call without a path, an address or a name of the caller's own."""

Value = TypeVar("Value")


def shared_log(log: RunLog, masks: Masks, *, packaged: Collection[str]) -> RunLog:
    """The head and the rows of a run with masks; what its exchanges show is judged again, not copied.

    `packaged`: the names of the suite's own target files. What a file of the caller's own expects stays with it.
    """
    return replace(
        log,
        run=_head(log.run, masks, own_file=log.run.target.name not in packaged),
        cases=tuple(_masked(row, masks) for row in log.cases),
        tendencies=tuple(_masked(row, masks) for row in log.tendencies),
    )


def _head(run: RunRow, masks: Masks, *, own_file: bool) -> RunRow:
    options = {name: value for name, value in run.options.items() if name in KEPT_OPTIONS}
    if run.options.get("pytest_arguments"):
        options["pytest_arguments"] = ["left out"]
    target = run.target
    target = replace(
        target,
        name="none" if own_file else target.name,
        version=None if own_file or target.version is None else masks.text(target.version),
        base_url=masks.text(target.base_url),
        model=masks.text(target.model),
    )
    return replace(run, target=target, options=_masked(options, masks), command="conformance run")


def _masked(value: Value, masks: Masks) -> Value:
    """A value with masks in all its texts."""
    return msgspec.json.decode(masks.data(msgspec.json.encode(value)), type=type(value))


def shared_evidence(evidence: Evidence, masks: Masks) -> Evidence:
    """One exchange with masks, also where a border of chunks splits what is masked."""
    exchange = _exchange(exchange_of(evidence), masks)
    request, answer = recorded(exchange)
    return replace(
        evidence,
        request=request,
        answer=answer,
        witness=None if evidence.witness is None else _masked(evidence.witness, masks),
        marks=[],
    )


def _exchange(exchange: Exchange, masks: Masks) -> Exchange:
    body = exchange.body
    masked = applied([*masks.spans(body), *spans_over_deltas(body, masks)], body, 0)
    sizes = [len(chunk.data) for chunk in exchange.chunks]
    places = zip(exchange.chunks, sizes, accumulate(sizes), strict=True)
    chunks = [Chunk(chunk.at, masked[end - size : end]) for chunk, size, end in places]
    sent = exchange.request
    return replace(
        exchange,
        request=replace(
            sent,
            url=masks.text(sent.url),
            headers=tuple((name, masks.text(value)) for name, value in sent.headers if not is_left_out(name.lower())),
            body=masks.data(sent.body),
        ),
        headers=tuple((name, masks.text(value)) for name, value in exchange.headers if is_kept(name)),
        chunks=tuple(chunks),
        detail=masks.text(exchange.detail),
        notes=tuple(masks.text(note) for note in exchange.notes),
    )


_PAYLOADS = tuple(
    re.compile(rb'"%s"\s*:\s*"([^"\\]*+(?:\\.[^"\\]*+)*+)"' % name) for name in (b"text", b"thinking", b"partial_json")
)


def spans_over_deltas(body: bytes, masks: Masks) -> list[tuple[int, int, bytes]]:
    """Where parts of private texts stand that a stream tells in several deltas, and what stands there instead."""
    spans = []
    for payload in _PAYLOADS:
        pieces = [found.span(1) for found in payload.finditer(body)]
        whole = masks.spans(b"".join(body[first:last] for first, last in pieces)) if len(pieces) > 1 else []
        ends = list(accumulate(last - first for first, last in pieces))
        for low, high, mask in whole:
            for place in range(bisect_right(ends, low), bisect_left(ends, high) + 1):
                first, last = pieces[place]
                begins = ends[place] - (last - first)
                inside, outside = max(low, begins), min(high, ends[place])
                if inside < outside:
                    at = first + inside - begins
                    spans.append((at, at + outside - inside, mask[inside - low : outside - low]))
    return spans


def is_kept(header: str) -> bool:
    """Whether a header of an answer is shared."""
    return header in KEPT_HEADERS or header.startswith(KEPT_BEGINNINGS)

"""A made-up surface with its rules, areas and cases, small enough to read and like the real one."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import msgspec

from conformance.runs.log import (
    CaseInfo,
    CatalogRow,
    ProfileInfo,
    RowInfo,
    RuleInfo,
)

SPEC = "https://platform.claude.com/docs/en/api/messages"
STREAM_SPEC = "https://platform.claude.com/docs/en/build-with-claude/streaming"
ERROR_SPEC = "https://platform.claude.com/docs/en/api/errors"

AREAS = {
    "messages": "Messages",
    "sampling": "Limits and sampling",
    "tools": "Tools",
    "thinking": "Thinking",
    "content": "Images and documents",
    "streaming": "Streaming",
    "errors": "Errors",
    "validation": "Refusals",
    "endpoints": "Other endpoints",
    "hosted": "Hosted by the vendor",
}

# id | title | area | tier | level | what it means for a user when the row is missing
ROWS = (Path(__file__).parent / "synthetic_surface.psv").read_text(encoding="utf-8").splitlines()

RULES = {
    "message.required-keys": (
        "response.message.keys",
        "An answer has id, type, role, content, model, stop_reason, stop_sequence and usage.",
    ),
    "message.stop-sequence-present": (
        "response.stop_sequence.present",
        "stop_sequence is null or the sequence that ended the answer; the key is never left out.",
    ),
    "usage.counts": ("response.usage.counts", "usage has input_tokens and output_tokens, both integers of at least 0."),
    "stream.starts": ("stream.message_start", "The first event that is not a ping is message_start."),
    "stream.order": ("stream.order", "Every block is opened, changed and closed before the next one opens."),
    "stream.index": ("stream.block_index", "Blocks are numbered 0, 1, 2 in the order in which they open."),
    "stream.ends": (
        "stream.message_stop",
        "The last event is message_stop, after one message_delta with a stop_reason.",
    ),
    "stream.incremental": ("stream.incremental", "A long answer arrives over time, in more than one delta."),
    "stream.tool-input": (
        "stream.tool_input",
        "The input of a tool call arrives in input_json_delta events that join to one JSON object.",
    ),
    "error.envelope": ("error.envelope", "An error is {type: error, error: {type, message}} in JSON."),
    "error.type-status": ("error.type_status", "The error type is the one that belongs to the HTTP status."),
    "error.request-id": ("error.request_id", "An error names its request_id."),
    "http.content-type": ("header.content_type", "JSON is application/json; a stream is text/event-stream."),
    "http.request-id": ("header.request_id", "Every answer carries a request-id header."),
}
SHOULD_RULES = {"stream.incremental", "error.request-id", "http.request-id"}


def _row(line: str) -> RowInfo:
    identity, title, area, tier, level, consequence = line.split("|")
    return RowInfo(
        id=identity,
        title=title,
        area=area,
        tier=tier,  # type: ignore[arg-type]
        weight=level,  # type: ignore[arg-type]
        consequence=consequence,
        source=[STREAM_SPEC if area == "streaming" else ERROR_SPEC if area == "errors" else SPEC],
        observable=identity != "request.metadata",
        unasked="needs a vendor's account" if identity == "endpoint.files" else None,
    )


def surface(rows: int = len(ROWS)) -> list[RowInfo]:
    """The made-up surface; more rows than there are become numbered variants of the same."""
    found: list[RowInfo] = []
    for turn in itertools.count():
        for line in ROWS:
            if len(found) == rows:
                return found
            row = _row(line)
            found.append(
                row
                if not turn
                else msgspec.structs.replace(row, id=f"{row.id}.v{turn}", title=f"{row.title}, variant {turn}")
            )
    raise AssertionError


def catalog(rows: Sequence[RowInfo]) -> CatalogRow:
    rules = [
        RuleInfo(
            id=f"{rule}{suffix}",
            law=law,
            level="should" if rule in SHOULD_RULES else "must",
            source=SPEC,
            surface=f"{row}{suffix}",
        )
        for rule, (row, law) in RULES.items()
        for suffix in sorted({r.id.removeprefix(row) for r in rows if r.id == row or r.id.startswith(f"{row}.v")})
    ]
    owned = {rule.surface for rule in rules}
    cases = [
        CaseInfo(id=case_of(row.id), title=row.title, says=f"{row.title}.", url=row.source[0])
        for row in rows
        if row.id not in owned and row.unasked is None
    ]
    profiles = {
        "claude-code": ProfileInfo(
            title="Claude Code",
            question="Can I run Claude Code on it?",
            must={"request.system.array": "It cannot start.", "request.tools.call": "It cannot read or write a file."},
            should={"endpoint.count_tokens": "The context display guesses."},
        )
    }
    return CatalogRow(rows=list(rows), rules=rules, profiles=profiles, areas=dict(AREAS), cases=cases)


def case_of(row: str) -> str:
    return row.replace("request.", "").replace("_", "-")

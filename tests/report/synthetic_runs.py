"""Run folders made from the types of the log, so that the report can be tested without asking anybody.

Each folder is what `conformance run --out` leaves, for made-up servers: one that is right, several versions of one that
has gaps, one that translates. `many_runs` makes the big report; `hostile_run` puts dangerous text wherever an endpoint
has a say.
"""

import hashlib
import itertools
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from conformance.judge.finding import ABSENT, Finding, Violation
from conformance.runs.evidence import (
    Evidence,
    Mark,
    RecordedAnswer,
    RecordedRequest,
    Testimony,
    Text,
    evidence_name,
    write_evidence,
)
from conformance.runs.log import (
    CaseInfo,
    CaseRow,
    CatalogRow,
    EndRow,
    LawRow,
    LogWriter,
    NoteRow,
    ProfileInfo,
    RowInfo,
    RuleInfo,
    RunRow,
    SuiteInfo,
    TargetInfo,
)
from conformance.words import Mode, Status, Verdict

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
        level=level,  # type: ignore[arg-type]
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


# ---------------------------------------------------------------------------------------------------------------------
# What the made-up servers get wrong: row (or rule) to verdict, status, and what was seen.

Gap = tuple[Verdict, Status, str, Any, Any]


def _ollama(version: tuple[int, ...]) -> dict[str, Gap]:
    gaps: dict[str, Gap] = {
        "request.tool_choice.any": ("ignored", "documented-gap", "/message.stop_reason", "tool_use", "end_turn"),
        "request.tool_choice.tool": (
            "ignored",
            "documented-gap",
            "/message.content[?type=='tool_use'].name | [0]",
            "echo",
            None,
        ),
        "request.tool_choice.none": (
            "ignored",
            "documented-gap",
            "/message.stop_reason",
            {"differs": "tool_use"},
            "tool_use",
        ),
        "request.tool_choice.disable_parallel": ("ignored", "documented-gap", "/message.content", {"length": 1}, 2),
        "request.stop_sequences": ("broken", "known-gap", "/message.stop_reason", "stop_sequence", "end_turn"),
        "request.tool_result.is_error": ("ignored", "known-gap", "/text", "error", "ok"),
        "request.output_config.format": (
            "ignored",
            "known-gap",
            "/text",
            "JSON that is valid under the schema",
            "OK",
        ),
        "request.thinking.budget": (
            "ignored",
            "documented-gap",
            "/message.usage.output_tokens",
            {"at_most": 1024},
            4096,
        ),
        "content.image.url": ("refused", "documented-gap", "/status", 200, 400),
        "content.document.pdf": ("ignored", "documented-gap", "/text", {"contains": "kq4x7w2m9d"}, "unknown"),
        "content.document.text": ("ignored", "new", "/text", {"contains": "kq4x7w2m9d"}, "unknown"),
        "content.citations": (
            "ignored",
            "documented-gap",
            "/message.content[0].citations",
            "a list of citations",
            ABSENT,
        ),
        "endpoint.count_tokens": ("refused", "documented-gap", "/status", 200, 404),
        "endpoint.batches": ("refused", "documented-gap", "/status", 200, 404),
        "endpoint.models.list": ("broken", "known-gap", "/message.has_more", "true or false", ABSENT),
        "endpoint.models.get": ("broken", "known-gap", "/message.type", "model", ABSENT),
        "validation.role.unknown": ("ignored", "known-gap", "/status", 400, 200),
        "validation.tool_result.orphan": ("ignored", "known-gap", "/status", 400, 200),
        "validation.key.wrong": ("ignored", "documented-gap", "/status", 401, 200),
        "message.stop-sequence-present": ("broken", "known-gap", "/stop_sequence", "null or a string", ABSENT),
        "error.envelope": ("broken", "known-gap", "", "the error envelope in JSON", "404 page not found"),
        "http.request-id": ("partial", "known-gap", "header/request-id", "a value", ABSENT),
        "stream.error_event": ("inconclusive", "as-expected", "", "", ""),
        "request.tools.web_search": ("not-applicable", "as-expected", "", "", ""),
    }
    if version < (0, 23, 4):
        gaps["request.thinking.disabled"] = ("ignored", "known-gap", "/message.content[0].type", "text", "thinking")
        gaps["request.tool_result.image"] = ("ignored", "known-gap", "/text", "red", "unknown")
    if version < (0, 15, 5):
        gaps["usage.counts"] = ("broken", "known-gap", "/usage/input_tokens", "an integer of at least 1", 0)
    if version < (0, 32, 2):
        gaps["stream.index"] = ("broken", "known-gap", "event/5/index", 1, 0)
    if version >= (0, 40):
        gaps["request.tools.parallel"] = ("broken", "regression", "/message.content", {"length": 2}, 1)
        gaps["request.stop_sequences"] = ("supported", "improvement", "", "", "")
    return gaps


LITELLM: dict[str, Gap] = {
    "usage.counts": ("broken", "known-gap", "event/0/message/usage/input_tokens", "an integer of at least 1", 0),
    "message.stop-sequence-present": ("broken", "known-gap", "event/6/delta/stop_sequence", "null or a string", ABSENT),
    "request.thinking.signature": ("broken", "known-gap", "/content/0/signature", "a string", None),
    "error.envelope": ("broken", "known-gap", "/error/type", "invalid_request_error", "None"),
    "validation.json.malformed": ("partial", "known-gap", "/message.type", "error", ABSENT),
    "validation.key.wrong": ("partial", "known-gap", "/status", 401, 400),
    "validation.model.unknown": ("partial", "known-gap", "/status", 404, 400),
    "validation.messages.empty": ("broken", "known-gap", "/status", 400, 500),
    "validation.role.unknown": ("ignored", "known-gap", "/status", 400, 200),
    "request.tool_result.is_error": ("ignored", "known-gap", "/text", "error", "ok"),
    "request.tool_choice.disable_parallel": ("ignored", "known-gap", "/message.content", {"length": 1}, 2),
}


def gaps_of(name: str, version: str) -> dict[str, Gap]:
    if name == "ollama":
        return _ollama(tuple(int(part) for part in version.split(".")))
    return LITELLM if name == "litellm" else {}


# ---------------------------------------------------------------------------------------------------------------------
# Exchanges.


class Letters:
    """Nonces and ids that look random and are the same in every run of the tests."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def nonce(self) -> str:
        return "".join(self._random.choices("abcdefghjkmnpqrstuvwxyz23456789", k=10))

    def identity(self, prefix: str) -> str:
        return prefix + "".join(self._random.choices("0123456789abcdef", k=24))

    def seconds(self, low: float, high: float) -> float:
        return round(self._random.uniform(low, high), 6)


def _events(letters: Letters, words: Iterable[str], model: str, stop: str = "end_turn") -> list[str]:
    start = {
        "type": "message_start",
        "message": {
            "id": letters.identity("msg_"),
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 14, "output_tokens": 1},
        },
    }
    blocks: list[dict[str, Any]] = [
        start,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    ]
    blocks += [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in words
    ]
    blocks += [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    return [f"event: {block['type']}\ndata: {json.dumps(block)}\n\n" for block in blocks]


def evidence(
    case: str, mode: Mode, attempt: int, letters: Letters, target: TargetInfo, gap: Gap | None, rule: str = ""
) -> Evidence:
    nonce = letters.nonce()
    body: dict[str, Any] = {
        "model": target.model,
        "max_tokens": 256,
        "messages": [{"role": "user", "content": f"Reply with exactly: {nonce}"}],
    }
    if "tool" in case:
        body |= {
            "tools": [
                {
                    "name": "echo",
                    "description": "Gives back its text.",
                    "input_schema": {
                        "type": "object",
                        "properties": {"text": {"type": "string"}},
                        "required": ["text"],
                    },
                }
            ],
            "tool_choice": {"type": "tool", "name": "echo"},
        }
    if mode == "stream":
        body["stream"] = True
    status = gap[4] if gap and gap[2] == "/status" else 200
    first = letters.seconds(0.02, 0.4)
    if status >= 400:
        answer = json.dumps(
            {
                "type": "error",
                "error": {
                    "type": "not_found_error" if status == 404 else "invalid_request_error",
                    "message": "this server does not know that",
                },
                "request_id": letters.identity("req_"),
            }
        )
        chunks, kind = [Text(text=answer, at=first)], "application/json"
    elif mode == "stream":
        times = itertools.accumulate([first] + [letters.seconds(0.001, 0.05) for _ in range(20)])
        chunks = [
            Text(text=event, at=round(at, 6))
            for event, at in zip(
                _events(letters, [nonce[:4], nonce[4:], " indeed", "."], target.model), times, strict=False
            )
        ]
        kind = "text/event-stream"
    else:
        message: dict[str, Any] = {
            "id": letters.identity("msg_"),
            "type": "message",
            "role": "assistant",
            "model": target.model,
            "content": [{"type": "text", "text": nonce}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 14, "output_tokens": 3},
        }
        if rule == "message.stop-sequence-present" or target.name == "ollama":
            del message["stop_sequence"]
        chunks, kind = [Text(text=json.dumps(message), at=first)], "application/json"
    marks = (
        [
            Mark(
                rule="message.stop-sequence-present",
                violation=Violation("/stop_sequence", "null or a string", ABSENT, "missing"),
            )
        ]
        if target.name == "ollama" and mode == "json" and status == 200
        else []
    )
    return Evidence(
        case=case,
        mode=mode,
        attempt=attempt,
        observation="shown" if gap is None else "not shown",
        request=RecordedRequest(
            "POST",
            f"{target.base_url}/v1/messages",
            [("content-type", "application/json"), ("anthropic-version", "2023-06-01"), ("x-api-key", "[removed]")],
            Text(text=json.dumps(body)),
        ),
        answer=RecordedAnswer(
            outcome="complete",
            status=status,
            http_version="HTTP/1.1",
            headers=[("content-type", kind), ("request-id", letters.identity("req_"))],
            chunks=chunks,
            started=1795000000.0,
            first_byte=first,
            finished=round((chunks[-1].at or first) + 0.002, 6),
        ),
        witness=Testimony(
            "accepts" if status == 200 else "rejects",
            "" if status == 200 else "BadRequestError: this server does not know that",
        ),
        marks=marks,
    )


# ---------------------------------------------------------------------------------------------------------------------
# Runs.


def make_run(
    folder: Path,
    *,
    name: str = "reference",
    version: str = "0.1.0",
    model: str = "scripted",
    rows: Sequence[RowInfo] | None = None,
    simulated: bool = False,
    started: str = "2026-11-20T09:00:00Z",
    complete: bool = True,
    base_url: str = "http://127.0.0.1:11434",
    with_evidence: bool = True,
    obeyed: tuple[int, int] = (60, 60),
    gaps: dict[str, Gap] | None = None,
    changed_questions: frozenset[str] = frozenset(),
) -> Path:
    """Writes one run folder and gives its path."""
    rows = surface() if rows is None else rows
    questions = catalog(rows)
    owned = {rule.surface: rule for rule in questions.rules}
    target = TargetInfo(name=name, version=version, base_url=base_url, model=model, simulated=simulated)
    gaps = gaps_of(name, version) if gaps is None else gaps
    letters = Letters(f"{name}{version}{model}")
    counts: dict[str, int] = {}
    with LogWriter(folder) as log:
        log.write(
            RunRow(
                suite=SuiteInfo("0.1.0", hashlib.sha256(b"cases").hexdigest()),
                target=target,
                capabilities={"tools": True, "vision": False},
                options={"concurrency": 4, "attempts": 1, "timeout": 300},
                profile=None,
                expectations_sha256=hashlib.sha256(name.encode()).hexdigest(),
                command=f"conformance run --target {name} --model {model}",
                started=started,
            )
        )
        log.write(questions)
        for row in rows:
            if row.id in owned or row.unasked is not None:
                continue
            for mode in ("json", "stream") if not row.id.startswith(("endpoint", "validation")) else ("json",):
                made = _case_row(
                    folder, row, mode, gaps.get(row.id), letters, target, with_evidence, row.id in changed_questions
                )
                counts[made.verdict] = counts.get(made.verdict, 0) + 1
                log.write(made)
        for rule in questions.rules:
            law = _law_row(folder, rule, gaps.get(rule.id), letters, target, with_evidence)
            counts[law.verdict] = counts.get(law.verdict, 0) + 1
            log.write(law)
        log.write(
            NoteRow(
                about="obedience",
                text=f"probes obeyed {obeyed[0]} of {obeyed[1]}",
                data={"obeyed": obeyed[0], "of": obeyed[1]},
            )
        )
        log.write(_readiness(gaps))
        if complete:
            log.write(EndRow(finished=started.replace("09:00", "09:02"), counts=counts, complete=True, exit=0))
    return folder


def _case_row(
    folder: Path,
    row: RowInfo,
    mode: Mode,
    gap: Gap | None,
    letters: Letters,
    target: TargetInfo,
    with_evidence: bool,
    changed: bool,
) -> CaseRow:
    case = case_of(row.id)
    verdict, status, at, expected, observed = gap or ("supported", "as-expected", "", "", "")
    name = evidence_name(case, mode, 1)
    asked = verdict not in ("not-applicable", "not-run")
    if asked and with_evidence:
        write_evidence(folder, name, evidence(case, mode, 1, letters, target, gap))
    found = (
        [
            Finding(
                id="effect:0",
                key=f"effect:0 {row.id} {mode} {at or '/'} value",
                level="must",
                at=at,
                expected=expected,
                observed=observed,
                exchange=name,
            )
        ]
        if at
        else []
    )
    marks = (
        [
            Finding(
                id="message.stop-sequence-present",
                key="message.stop-sequence-present messages json /stop_sequence missing",
                level="must",
                at="/stop_sequence",
                expected="null or a string",
                observed=ABSENT,
                exchange=name,
            )
        ]
        if target.name == "ollama" and mode == "json" and asked
        else []
    )
    reasons = {
        "ignored": "accepted, but without effect",
        "refused": "declined with HTTP 404",
        "broken": "what the answer owes is contradicted",
        "inconclusive": "no failure arose inside a stream",
        "not-applicable": "the target declares no web_search",
        "partial": "refused, but not as the API refuses",
        "not-run": "budget spent",
    }
    return CaseRow(
        case=case,
        case_sha256=hashlib.sha256(f"{case}{changed}".encode()).hexdigest(),
        mode=mode,
        kind="obligation",
        surface=row.id,
        touches=[],
        level=row.level,
        verdict=verdict,
        status=status,
        reason=reasons.get(verdict, ""),
        findings=found,
        marks=marks,
        attempts=1 if asked else 0,
        sdk="accepts" if asked else None,
        seconds=letters.seconds(0.02, 0.6),
        exchanges=[name] if asked else [],
        expected_by="https://docs.ollama.com/api/anthropic-compatibility: listed as not supported"
        if status == "documented-gap"
        else "",
        drift=row.id == "request.tools.parallel" and verdict == "broken",
    )


def _law_row(
    folder: Path, rule: RuleInfo, gap: Gap | None, letters: Letters, target: TargetInfo, with_evidence: bool
) -> LawRow:
    verdict, status, at, expected, observed = gap or ("supported", "as-expected", "", "", "")
    mode: Mode = "stream" if "event/" in at else "json"
    name = evidence_name(f"messages.{rule.id}", mode, 1)
    found: list[Finding] = []
    if gap and verdict in ("broken", "partial"):
        if with_evidence:
            write_evidence(folder, name, evidence(f"messages.{rule.id}", mode, 1, letters, target, None, rule.id))
        found = [
            Finding(
                id=rule.id,
                key=f"{rule.id} messages {mode} {at} missing",
                level=rule.level,
                at=at,
                expected=expected,
                observed=observed,
                n=41,
                exchange=name,
            )
        ]
    return LawRow(
        rule=rule.id,
        surface=rule.surface,
        level=rule.level,
        verdict=verdict,
        status=status,
        seen=118,
        violations=41 if found else 0,
        findings=found,
        expected_by="",
    )


def _readiness(gaps: dict[str, Gap]) -> NoteRow:
    missing = [
        {"row": row, "level": level, "consequence": consequence, "evidence": case_of(row)}
        for row, level, consequence in (
            ("stream.index", "must", "Text and tool calls are mixed up."),
            ("endpoint.count_tokens", "should", "/context sends 14 extra requests, and its numbers are guesses."),
            ("request.tools.parallel", "should", "Files are read one at a time."),
        )
        if row in gaps
    ]
    verdict = (
        "not ready"
        if any(entry["level"] == "must" for entry in missing)
        else "ready with limits"
        if missing
        else "ready"
    )
    return NoteRow(
        about="readiness",
        text=f"Claude Code: {verdict}",
        data={
            "profile": "claude-code",
            "verdict": verdict,
            "missing": missing,
            "timing": {"first_event_seconds": 0.412, "longest_silence_seconds": 1.9, "limit_seconds": 300},
        },
    )


OLLAMA_VERSIONS = ("0.14.0", "0.15.6", "0.18.0", "0.23.4", "0.30.0", "0.32.2", "0.33.0", "0.40.12")


def a_few_runs(folder: Path, *, with_evidence: bool = True) -> list[Path]:
    """The reference endpoint, one gateway, and six versions of a simulated server."""
    asked = [("reference", "0.1.0"), ("litellm", "1.106.2"), *(("ollama", version) for version in OLLAMA_VERSIONS[2:])]
    return [
        make_run(
            folder / f"{name}-{version}",
            name=name,
            version=version,
            simulated=name == "ollama",
            with_evidence=with_evidence,
        )
        for name, version in asked
    ]


def many_runs(folder: Path, runs: int = 30, rows: int = 400) -> list[Path]:
    """The big report: so many runs of so many rows, each with its evidence."""
    asked = surface(rows)
    made = []
    for number in range(runs):
        name = ("ollama", "litellm", "reference")[number % 3]
        version = OLLAMA_VERSIONS[number // 3 % 8] if name == "ollama" else f"1.{100 + number}.0"
        made.append(
            make_run(
                folder / f"run-{number:02}",
                name=name,
                version=version,
                rows=asked,
                simulated=name == "ollama",
                model=f"scripted-{number}",
            )
        )
    return made


HOSTILE = (
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=2</script>",
    "<!--<script>",
    "<img src=x onerror=window.hacked=3>",
    '"><svg onload=window.hacked=4>',
    "javascript:window.hacked=5",
    "{{ 7*7 }}{% raw %}",
    "\u202egnp.exe\u2066",
    "\x00\x01\x1b[31mred\x7f\u2028\u2029\ufffe",
    "]]><!DOCTYPE x>",
    "|`*_[x](javascript:window.hacked=6)![](http://127.0.0.1:9/x.png)",
    "__proto__",
)


def hostile_run(folder: Path, megabytes: float = 5.0) -> Path:
    """A run whose endpoint wrote dangerous text wherever it has a say."""
    evil = " ".join(HOSTILE)
    rows = surface(40)
    questions = catalog(rows)
    target = TargetInfo(name="ollama", version=evil, base_url=f"http://127.0.0.1:1/{HOSTILE[3]}", model=evil)
    with LogWriter(folder) as log:
        log.write(
            RunRow(
                suite=SuiteInfo("0.1.0", "00"),
                target=target,
                capabilities={},
                options={},
                profile=None,
                expectations_sha256="",
                command=f"conformance run --model '{evil}'",
                started="2026-11-20T09:00:00Z",
            )
        )
        log.write(questions)
        for number, row in enumerate(rows):
            text = HOSTILE[number % len(HOSTILE)]
            mode: Mode = "json" if number % 2 else "stream"
            name = evidence_name(case_of(row.id), mode, 1)
            write_evidence(
                folder, name, _hostile_evidence(case_of(row.id), mode, text, megabytes if number == 0 else 0)
            )
            at = ("/text", "event/0/data", f"/{text}", f"header/{text}", text)[number % 5]
            log.write(
                CaseRow(
                    case=case_of(row.id),
                    case_sha256="0" * 64,
                    mode=mode,
                    kind="obligation",
                    surface=row.id,
                    touches=[],
                    level="must",
                    verdict="broken",
                    status="new",
                    reason=text,
                    findings=[
                        Finding(
                            id="effect:0",
                            key=text,
                            level="must",
                            at=at,
                            expected={"equals": "x"},
                            observed={text: [text, None, {"a": evil}]},
                            exchange=name,
                        )
                    ],
                    marks=[],
                    attempts=1,
                    sdk="misreads",
                    seconds=0.1,
                    exchanges=[name],
                )
            )
        log.write(NoteRow(about=evil, text=evil, data={evil: evil}))
        log.write(
            NoteRow(
                about="readiness",
                text=evil,
                data={
                    "profile": "claude-code",
                    "verdict": "not ready",
                    "missing": [{"row": rows[0].id, "level": "must", "consequence": evil, "evidence": evil}],
                },
            )
        )
        log.write(EndRow(finished="2026-11-20T09:01:00Z", counts={"broken": len(rows)}, complete=True, exit=1))
    return folder


def _hostile_evidence(case: str, mode: Mode, text: str, megabytes: float) -> Evidence:
    long = text * int(megabytes * 1_000_000 / len(text))
    chunks = [
        Text(text=f'event: {text}\ndata: {{"type": "message_start", "text": {json.dumps(text + long)}}}\n\n', at=0.1),
        Text(base64="/v7/wyi7", at=0.2),
        Text(text=f"data: {text}\n\n", at=0.3),
    ]
    if mode == "json":
        chunks = [
            Text(
                text=json.dumps(
                    {
                        "content": [{"type": "text", "text": text + long, text: text}],
                        "__proto__": {"x": text},
                        text: text,
                    }
                ),
                at=0.1,
            )
        ]
    return Evidence(
        case=case,
        mode=mode,
        attempt=1,
        observation=text,
        request=RecordedRequest(
            "POST",
            f"http://127.0.0.1:1/{text}",
            [("content-type", "application/json"), ("x-note", text)],
            Text(text=json.dumps({"text": text, "quote": 'it\'s "so" $HOME `id`'})),
        ),
        answer=RecordedAnswer(
            outcome="complete",
            status=200,
            http_version="HTTP/1.1",
            headers=[(text, text), ("content-type", text)],
            chunks=chunks,
            started=0.0,
            first_byte=0.1,
            finished=0.4,
            detail=text,
            notes=[text],
        ),
        witness=Testimony("misreads", text),
        marks=[Mark(rule="message.required-keys", violation=Violation(f"/{text}", text, text, text))],
    )

"""Exchanges that look like real ones, the same in every run of the tests, and what the made-up servers get wrong."""

import itertools
import json
import random
from collections.abc import Iterable
from typing import Any

from conformance.judge.finding import ABSENT, Violation
from conformance.judge.witness import Testimony
from conformance.runs.evidence import (
    Evidence,
    Mark,
    RecordedAnswer,
    RecordedRequest,
    Text,
    exchange_id,
)
from conformance.runs.log import (
    TargetInfo,
)
from conformance.words import Mode, Status, Verdict

Gap = tuple[Verdict, Status, str, Any, Any]
"""Verdict, status, place, expected, observed."""


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
        "validation.tool_result.orphan": ("ignored", "disputed", "/status", 400, 200),
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
        id=exchange_id(case, mode, attempt),
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

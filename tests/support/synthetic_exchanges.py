"""Exchanges that look like real ones, the same in every run of the tests."""

import itertools
import json
import random
from collections.abc import Iterable
from typing import Any

from synthetic_gaps import Gap

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
from conformance.words import Mode


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

"""What the made-up servers get wrong: row or rule to verdict, status, and what was seen."""

from typing import Any

from conformance.judge.finding import ABSENT
from conformance.words import Status, Verdict

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

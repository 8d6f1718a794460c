"""Laws of the message itself: its keys, its blocks, why it ended, and what must not stand in its text."""

import re
from typing import Any

from conformance.judge.answer import Answer
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.rules.rule import (
    CITATIONS,
    MESSAGES,
    ON_MESSAGES,
    SDK_BLOCKS,
    SDK_MESSAGE,
    STOP_REASONS,
    Found,
    blocks_at,
    blocks_of,
    ended,
    ending,
    head,
    is_message,
    rule,
)
from conformance.judge.wire import looks_of, shown, slug

STOP_REASONS_KNOWN = frozenset(
    {
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
        "compaction",
    }
)
BLOCKS_KNOWN = frozenset(
    {
        "text",
        "thinking",
        "redacted_thinking",
        "tool_use",
        "server_tool_use",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "container_upload",
        "mcp_tool_use",
        "mcp_tool_result",
        "mcp_tool_listing",
        "advisor_tool_result",
        "compaction",
        "fallback",
    }
)
MESSAGE_KEYS = frozenset(
    {
        "id",
        "type",
        "role",
        "model",
        "content",
        "stop_reason",
        "stop_sequence",
        "stop_details",
        "usage",
        "container",
        "diagnostics",
        "context_management",
        "thread",
        "input_transformations",
    }
)
_TAGS = re.compile(r"</?think(ing)?>|◁/?think▷|<\|channel\|>")
_CONTROL = re.compile(
    r"<\|(im_(start|end)|endoftext|eot_id|eom_id|end_of_text|python_tag|start_header_id)\|>|</s>|<end_of_turn>"
)


@rule(
    "message.object",
    row="response.json",
    law="The body of an answer is one JSON object, and it is a message.",
    source=MESSAGES,
    on=("message",),
)
def message_object(answer: Answer) -> Found:
    if answer.exchange.outcome != "complete":
        return None
    if answer.json is ABSENT:
        return [Violation("", "JSON", looks_of(answer.exchange.body), "not-json")]
    if not isinstance(answer.json, dict):
        return [Violation("", "a JSON object", looks_of(answer.exchange.body), "not-an-object")]
    if "error" in answer.json and "content" not in answer.json:
        return None
    return [] if is_message(answer) else [Violation("", "a message", shown(answer.json), "not-a-message")]


def _string(answer: Answer, key: str) -> Found:
    given = head(answer)
    if given is None:
        return None
    at, message = given
    value = message.get(key, ABSENT)
    if isinstance(value, str) and value:
        return []
    return [Violation(f"{at}/{key}", "a non-empty string", value, slug(value, "empty" if value == "" else "type"))]


def _constant(answer: Answer, key: str, wanted: str) -> Found:
    given = head(answer)
    if given is None:
        return None
    at, message = given
    value = message.get(key, ABSENT)
    return [] if value == wanted else [Violation(f"{at}/{key}", wanted, shown(value), slug(value, "other"))]


@rule("message.id", row="response.id", law="A message has an id, a non-empty string.", source=SDK_MESSAGE)
def message_id(answer: Answer) -> Found:
    return _string(answer, "id")


@rule("message.type", row="response.type", law='type is "message".', source=SDK_MESSAGE)
def message_type(answer: Answer) -> Found:
    return _constant(answer, "type", "message")


@rule("message.role", row="response.role", law='role is "assistant".', source=SDK_MESSAGE)
def message_role(answer: Answer) -> Found:
    return _constant(answer, "role", "assistant")


@rule("message.model", row="response.model", law="model is a non-empty string.", source=SDK_MESSAGE)
def message_model(answer: Answer) -> Found:
    return _string(answer, "model")


@rule(
    "message.content",
    row="response.content",
    law="content is an array; an empty one, not null, when there is nothing to say.",
    source=SDK_MESSAGE,
    on=("message",),
)
def content(answer: Answer) -> Found:
    if not is_message(answer):
        return None
    given = answer.message.get("content", ABSENT)
    return [] if isinstance(given, list) else [Violation("/content", "an array", shown(given), slug(given, "type"))]


@rule(
    "message.block",
    row="response.content",
    law="Every content block is an object with a type.",
    source=SDK_BLOCKS,
    on=("message",),
)
def block(answer: Answer) -> Found:
    given = answer.message.get("content") if is_message(answer) else None
    if not isinstance(given, list) or not given:
        return None
    for number, one in enumerate(given):
        if not isinstance(one, dict):
            return [Violation(f"/content/{number}", "an object", shown(one), slug(one, "not-an-object"))]
        kind = one.get("type", ABSENT)
        if not isinstance(kind, str) or not kind:
            return [Violation(f"/content/{number}/type", "a string", kind, slug(kind, "type"))]
    return []


_SHAPES: dict[str, tuple[tuple[str, type | tuple[type, ...]], ...]] = {
    "redacted_thinking": (("data", str),),
    "server_tool_use": (("id", str), ("name", str), ("input", dict)),
    "mcp_tool_use": (("id", str), ("name", str), ("input", dict)),
    "container_upload": (("file_id", str),),
}
_RESULT_SHAPE: tuple[tuple[str, type | tuple[type, ...]], ...] = (("tool_use_id", str), ("content", (list, dict, str)))


@rule(
    "message.text",
    row="response.content.text",
    law="The text of a text block is a string.",
    source=SDK_BLOCKS,
    on=("message",),
)
def text(answer: Answer) -> Found:
    texts = blocks_of(answer, "text")
    for at, one in texts:
        given = one.get("text", ABSENT)
        if not isinstance(given, str):
            return [Violation(f"{at}/text", "a string", shown(given), slug(given, "type"))]
    return [] if texts else None


@rule(
    "message.block-fields",
    row="response.content.other",
    law="Blocks of server tools, redacted thinking and uploads have their fields.",
    source=SDK_BLOCKS,
)
def block_fields(answer: Answer) -> Found:
    seen = False
    for at, one in blocks_at(answer):
        kind = one.get("type")
        shape = _RESULT_SHAPE if isinstance(kind, str) and kind.endswith("_tool_result") else _SHAPES.get(str(kind), ())
        for key, form in shape:
            seen = True
            given = one.get(key, ABSENT)
            if given is ABSENT or not isinstance(given, form):
                return [Violation(f"{at}/{key}", "the field of its type", shown(given), slug(given, "type"))]
    return [] if seen else None


@rule(
    "message.no-empty-text",
    row="response.content.text",
    law="No empty text block stands beside other blocks: sent back, it would be refused.",
    source=MESSAGES,
    level="should",
    leniency="A text block that is all of the content may be empty.",
)
def no_empty_text(answer: Answer) -> Found:
    if len(answer.blocks) < 2:
        return None
    empty = [at for at, one in blocks_of(answer, "text") if one.get("text") == ""]
    return [Violation(f"{empty[0]}/text", "some text, or no block", "", "empty")] if empty else []


@rule(
    "message.citations",
    row="response.content.citations",
    law="citations is null, or an array of objects with a type and the cited text.",
    source=CITATIONS,
    leniency="It may be left out.",
)
def citations(answer: Answer) -> Found:
    seen = False
    for at, one in blocks_of(answer, "text"):
        given = one.get("citations")
        if given is None:
            continue
        seen = True
        if not isinstance(given, list):
            return [Violation(f"{at}/citations", "an array or null", shown(given), "type")]
        for number, citation in enumerate(given):
            place = f"{at}/citations/{number}"
            if not isinstance(citation, dict):
                return [Violation(place, "an object", shown(citation), "not-an-object")]
            for key in ("type", "cited_text"):
                if not isinstance(citation.get(key), str):
                    value = citation.get(key, ABSENT)
                    return [Violation(f"{place}/{key}", "a string", shown(value), slug(value, "type"))]
    return [] if seen else None


@rule(
    "message.stop-reason",
    row="response.stop_reason",
    law="A message that came to its end says why: stop_reason is one of the API's reasons, never null.",
    source=STOP_REASONS,
)
def stop_reason(answer: Answer) -> Found:
    given = ending(answer)
    if given is None:
        return None
    at, end = given
    reason = end.get("stop_reason", ABSENT)
    if isinstance(reason, str) and reason in STOP_REASONS_KNOWN:
        return []
    kind = slug(reason, "unknown" if isinstance(reason, str) else "type")
    return [Violation(f"{at}/stop_reason", sorted(STOP_REASONS_KNOWN), reason, kind)]


@rule(
    "message.stop-sequence-present",
    row="response.stop_sequence",
    law="stop_sequence is there, a string or null, where stop_reason is.",
    source=SDK_MESSAGE,
)
def stop_sequence_present(answer: Answer) -> Found:
    given = ending(answer)
    if given is None:
        return None
    at, end = given
    value = end.get("stop_sequence", ABSENT)
    if value is None or isinstance(value, str):
        return []
    return [Violation(f"{at}/stop_sequence", "a string or null", value, slug(value, "type"))]


@rule(
    "message.stop-sequence-agrees",
    row="response.stop_sequence",
    law="stop_sequence names one of the requested sequences when stop_reason is stop_sequence, and is null otherwise.",
    source=STOP_REASONS,
)
def stop_sequence_agrees(answer: Answer) -> Found:
    given = ending(answer)
    if given is None or "stop_sequence" not in given[1]:
        return None
    at, value = f"{given[0]}/stop_sequence", given[1]["stop_sequence"]
    if ended(answer) != "stop_sequence":
        return [Violation(at, None, value, "without-reason")] if isinstance(value, str) else []
    asked = _stop_sequences(answer)
    if value is None:
        return [Violation(at, asked, None, "null")]
    return [] if not isinstance(value, str) or value in asked else [Violation(at, asked, value, "not-requested")]


def _stop_sequences(answer: Answer) -> list[str]:
    asked = (answer.request or {}).get("stop_sequences")
    return [one for one in asked if isinstance(one, str) and one.strip()] if isinstance(asked, list) else []


@rule(
    "message.stop-sequence-excluded",
    row="response.stop_sequence",
    law="No requested stop sequence stands in the text: the answer ends before it.",
    source=STOP_REASONS,
)
def stop_sequence_excluded(answer: Answer) -> Found:
    asked, texts = _stop_sequences(answer), blocks_of(answer, "text")
    if not asked or not texts:
        return None
    for at, one in texts:
        for sequence in asked:
            if isinstance(one.get("text"), str) and sequence in one["text"]:
                kind = "left-in" if ended(answer) == "stop_sequence" else "ignored"
                return [Violation(f"{at}/text", f"ends before {sequence!r}", shown(one["text"]), kind)]
    return []


_NULLABLE: tuple[tuple[str, type], ...] = (
    ("stop_details", dict),
    ("container", dict),
    ("diagnostics", dict),
    ("context_management", dict),
)


@rule(
    "message.optional-keys",
    row="response.optional",
    law="stop_details, container, diagnostics and context_management are null or objects where they are given.",
    source=SDK_MESSAGE,
    leniency="They may be left out.",
)
def optional_keys(answer: Answer) -> Found:
    given = ending(answer)
    if given is None:
        return None
    at, end = given
    for key, form in _NULLABLE:
        value = end.get(key)
        if value is not None and not isinstance(value, form):
            return [Violation(f"{at}/{key}", "an object or null", shown(value), "type")]
    return []


@rule(
    "message.stop-details",
    row="response.stop_details",
    law="stop_details of a refusal has type refusal, and accompanies no other stop_reason.",
    source=SDK_MESSAGE,
    level="should",
    leniency="It may be null or left out for a refusal too.",
)
def stop_details(answer: Answer) -> Found:
    given = ending(answer)
    details = given[1].get("stop_details") if given is not None else None
    if given is None or not isinstance(details, dict):
        return None
    at = f"{given[0]}/stop_details"
    if details.get("type", ABSENT) != "refusal":
        value = details.get("type", ABSENT)
        return [Violation(f"{at}/type", "refusal", value, slug(value, "other"))]
    return [] if ended(answer) == "refusal" else [Violation(at, None, details, "without-refusal")]


@rule(
    "message.characters",
    row="response.characters",
    law="No U+FFFD stands where a character was: none that the request did not hold.",
    source="https://www.unicode.org/faq/utf_bom.html",
    on=(*ON_MESSAGES, "error"),
)
def characters(answer: Answer) -> Found:
    body = answer.exchange.body
    if not body:
        return None
    if not _damaged(body) or _damaged(answer.exchange.request.body):
        return []
    return [Violation("/content", "the character itself", "\ufffd", "replacement-character")]


def _damaged(body: bytes) -> bool:
    return b"\xef\xbf\xbd" in body or b"\\ufffd" in body or b"\\uFFFD" in body


def _leak(answer: Answer, pattern: re.Pattern[str], expected: str, kind: str) -> Found:
    texts = [(at, one["text"]) for at, one in blocks_of(answer, "text") if isinstance(one.get("text"), str)]
    for at, one in texts:
        leak = pattern.search(one)
        if leak and leak[0].encode() not in answer.exchange.request.body:
            return [Violation(f"{at}/text", expected, shown(one), kind)]
    return [] if texts else None


@rule(
    "message.no-thinking-in-text",
    row="response.content.text",
    law="Thinking stands in thinking blocks, not between tags in the text.",
    source=SDK_BLOCKS,
    leniency="Tags that the request holds may be repeated.",
)
def no_thinking_in_text(answer: Answer) -> Found:
    return _leak(answer, _TAGS, "no thinking tags", "tags")


@rule(
    "message.no-control-tokens",
    row="response.content.text",
    law="The text holds none of the model's control tokens.",
    source=SDK_BLOCKS,
    level="should",
    leniency="Tokens that the request holds may be repeated.",
)
def no_control_tokens(answer: Answer) -> Found:
    return _leak(answer, _CONTROL, "no control tokens", "control-token")


@rule(
    "message.id-form",
    row="response.id",
    law="A message id begins with msg_.",
    source=MESSAGES,
    level="may",
    leniency="A note: the form is the vendor's habit, and is not promised.",
)
def id_form(answer: Answer) -> Found:
    given = head(answer)
    if given is None or not isinstance(given[1].get("id"), str) or not given[1]["id"]:
        return None
    value = given[1]["id"]
    return [] if value.startswith("msg_") else [Violation(f"{given[0]}/id", "msg_...", value, "form")]


@rule(
    "message.model-echo",
    row="response.model",
    law="model is the one that was asked for.",
    source=SDK_MESSAGE,
    level="may",
    leniency="A note: an alias may be answered with the name that it stands for.",
)
def model_echo(answer: Answer) -> Found:
    given, asked = head(answer), (answer.request or {}).get("model")
    if given is None or not isinstance(asked, str) or not isinstance(given[1].get("model"), str):
        return None
    value = given[1]["model"]
    return [] if value == asked else [Violation(f"{given[0]}/model", asked, value, "other")]


@rule(
    "message.known-keys",
    row="response.extra",
    law="A message has only documented keys.",
    source=SDK_MESSAGE,
    level="may",
    leniency="A note: clients skip what they do not know.",
)
def known_keys(answer: Answer) -> Found:
    given = head(answer)
    if given is None:
        return None
    extra = sorted(given[1].keys() - MESSAGE_KEYS)
    return [Violation(given[0], "documented keys", extra, "extra")] if extra else []


@rule(
    "message.known-blocks",
    row="response.extra",
    law="Content blocks are of documented types.",
    source=SDK_BLOCKS,
    level="may",
    leniency="A note: new block types may appear.",
)
def known_blocks(answer: Answer) -> Found:
    given: list[tuple[str, Any]] = [
        (at, one["type"]) for at, one in blocks_at(answer) if isinstance(one.get("type"), str)
    ]
    unknown = [
        Violation(f"{at}/type", "a documented type", kind, "unknown") for at, kind in given if kind not in BLOCKS_KNOWN
    ]
    return unknown[:1] if given else None

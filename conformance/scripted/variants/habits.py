"""Habits of servers: how a thought, an input, a count or the end of a stream is written.

Sources: https://platform.claude.com/docs/en/build-with-claude/token-counting (an estimate),
https://platform.claude.com/docs/en/build-with-claude/streaming (deltas of any size),
https://html.spec.whatwg.org/multipage/server-sent-events.html (comments anywhere)
"""

import json
from typing import Any

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.identity import sign
from conformance.scripted.anthropic.rewriting import document_of, with_document
from conformance.scripted.tokens import split
from conformance.scripted.variants.variant import Answer, Call, Event, Message, Piece, VariantGroup, replace

HABITS = VariantGroup("habits")

_ESTIMATED = 3
"""Tokens that an estimate is above what the request weighs in the end."""
_PIECE = 3


@HABITS.answer("estimates-tokens", "count_tokens says some tokens more than the usage does: it is an estimate")
def estimates(answer: Answer, call: Call) -> Answer:
    if call.path != "/v1/messages/count_tokens" or answer.status != 200:
        return answer
    document = document_of(answer)
    return with_document(answer, {**document, "input_tokens": document["input_tokens"] + _ESTIMATED})


@HABITS.message("two-thoughts", "a thought comes in two blocks, each signed", needs="thinking")
def two_thoughts(message: Message, _: Call) -> Message:
    content: list[dict[str, Any]] = []
    for block in message["content"]:
        words = split(block["thinking"]) if block["type"] == "thinking" else []
        halves = ["".join(words[: len(words) // 2]), "".join(words[len(words) // 2 :])] if len(words) > 1 else []
        content += [{**block, "thinking": half, "signature": sign(half)} for half in halves] or [block]
    return {**message, "content": content}


@HABITS.message("text-after-tool", "a text stands after the last tool call", needs="tools")
def text_after_tool(message: Message, _: Call) -> Message:
    if not message["content"] or message["content"][-1]["type"] != "tool_use":
        return message
    return {**message, "content": [*message["content"], {"type": "text", "text": "That is it.", "citations": None}]}


def _is_piece(event: Event) -> bool:
    return bool(event.get("delta", {}).get("type") == "input_json_delta")


@HABITS.events("spaced-input", "the JSON of an input is indented and escaped, in pieces of three characters")
def spaced_input(events: list[Event], _: Call) -> list[Event]:
    said: list[Event] = []
    for at, event in enumerate(events):
        if not _is_piece(event):
            said.append(event)
        elif not _is_piece(events[at - 1]):
            index = event["index"]
            joined = "".join(one["delta"]["partial_json"] for one in events if _is_piece(one) and one["index"] == index)
            text = json.dumps(json.loads(joined), indent=1) if joined else ""
            pieces = [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)] or [""]
            said += [{**event, "delta": {**event["delta"], "partial_json": piece}} for piece in pieces]
    return said


@HABITS.events("braces-for-nothing", "a call without arguments says {} in a delta", needs="stream tools")
def braces_for_nothing(events: list[Event], _: Call) -> list[Event]:
    said: list[Event] = []
    for event in events:
        before = said[-1] if said else {}
        began = before.get("type") == "content_block_start" and before["content_block"]["type"] == "tool_use"
        if event["type"] == "content_block_stop" and (
            began or (_is_piece(before) and not before["delta"]["partial_json"])
        ):
            delta = {"type": "input_json_delta", "partial_json": "{}"}
            said.append({"type": "content_block_delta", "index": event["index"], "delta": delta})
        said.append(event)
    return said


@HABITS.events("start-counts-no-output", "message_start says that no token was said yet")
def start_counts_none(events: list[Event], _: Call) -> list[Event]:
    first = events[0]
    if first["type"] != "message_start":
        return events
    usage = {**first["message"]["usage"], "output_tokens": 0}
    return [{**first, "message": {**first["message"], "usage": usage}}, *events[1:]]


@HABITS.answer("comment-last", "a comment follows the last event of a stream", needs="stream")
def comment_last(answer: Answer, _: Call) -> Answer:
    if not answer.is_stream:
        return answer
    last = answer.pieces[-1].at if answer.pieces else 0.0
    return replace(answer, pieces=(*answer.pieces, Piece(b": bye\n\n", last)))


@HABITS.answer("charset-in-capitals", "content types name their charset in capitals, without a blank")
def capitals(answer: Answer, _: Call) -> Answer:
    headers = tuple(
        (name, f"{value.partition(';')[0]};charset=UTF-8" if name == "content-type" else value)
        for name, value in answer.headers
    )
    return replace(answer, headers=headers)


def _prioritised(message: Message, _: Call) -> Message:
    more = {"service_tier": "priority", "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0}}
    return {**message, "usage": {**message["usage"], **more}}


HABITS.add(
    "priority-tier", "usage names a priority tier and the server tools that were not used", Hooks(message=_prioritised)
)


@HABITS.message("cache-forgets", "of a long conversation every second turn finds no cache", needs="caching")
def cache_forgets(message: Message, call: Call) -> Message:
    usage, turns = message["usage"], len(call.document["messages"])
    if turns < 5 or turns % 4 != 1 or not usage.get("cache_read_input_tokens"):
        return message
    anew = {"input_tokens": usage["input_tokens"] + usage["cache_read_input_tokens"], "cache_read_input_tokens": 0}
    return {**message, "usage": {**usage, **anew}}

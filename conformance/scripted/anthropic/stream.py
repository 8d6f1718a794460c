"""A message as the events that build it.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import re
from typing import Any

import msgspec

Event = dict[str, Any]

WORDS_PER_DELTA = 4
_LINE = re.compile(r"[^\n]*\n+|[^\n]+")
_WORD = re.compile(r"\s*\S+(?:\s+\Z)?|\s+\Z")
_INPUT_PIECE = 12
LONG_PIECE = 1_000
"""Characters from which few words come in one piece: a line of tens of kilobytes is legal."""
_START_KEYS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def events_of(message: dict[str, Any], words_per_delta: int = WORDS_PER_DELTA) -> list[Event]:
    """The events of a stream, in order; a ping follows the start of the first block, as on the hosted API."""
    events = [message_start(message)]
    for index, block in enumerate(message["content"]):
        events.append({"type": "content_block_start", "index": index, "content_block": _opened(block)})
        if index == 0:
            events.append({"type": "ping"})
        events.extend(
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in _deltas(block, words_per_delta)
        )
        events.append({"type": "content_block_stop", "index": index})
    if not message["content"]:
        events.append({"type": "ping"})
    return [*events, message_delta(message), {"type": "message_stop"}]


def broken_off(message: dict[str, Any], error: dict[str, Any]) -> list[Event]:
    """The events of an answer that ends in an error while its last block is still open."""
    events = events_of(message)
    last_stop = max(index for index, event in enumerate(events) if event["type"] == "content_block_stop")
    return [*events[:last_stop], {"type": "error", "error": error}]


def message_start(message: dict[str, Any]) -> Event:
    """The event that opens a stream: the message before any of it is said."""
    begun = {
        **{key: value for key, value in message.items() if key != "context_management"},
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**message["usage"], "output_tokens": 1, "output_tokens_details": None},
    }
    return {"type": "message_start", "message": begun}


def message_delta(message: dict[str, Any]) -> Event:
    """The event that says why the message ended, and its usage."""
    usage = message["usage"]
    kept = (*_START_KEYS, "output_tokens", "output_tokens_details", "server_tool_use")
    delta = {key: message[key] for key in ("stop_reason", "stop_sequence", "stop_details", "container")}
    event = {"type": "message_delta", "delta": delta, "usage": {key: usage[key] for key in kept if key in usage}}
    if "context_management" in message:
        event["context_management"] = message["context_management"]
    return event


def _opened(block: dict[str, Any]) -> dict[str, Any]:
    """A block as it stands before its first delta."""
    match block["type"]:
        case "text":
            return {**block, "text": "", "citations": [] if block.get("citations") else None}
        case "thinking":
            return {**block, "thinking": "", "signature": ""}
        case "tool_use":
            return {**block, "input": {}}
    return block


def _deltas(block: dict[str, Any], words: int) -> list[dict[str, Any]]:
    match block["type"]:
        case "text":
            cited = [{"type": "citations_delta", "citation": citation} for citation in block.get("citations") or []]
            return [*cited, *({"type": "text_delta", "text": piece} for piece in pieces_of(block["text"], words))]
        case "thinking":
            said = [{"type": "thinking_delta", "thinking": piece} for piece in pieces_of(block["thinking"], words)]
            return [*said, {"type": "signature_delta", "signature": block["signature"]}]
        case "tool_use":
            return [{"type": "input_json_delta", "partial_json": piece} for piece in _input_pieces(block["input"])]
    return []


def pieces_of(text: str, each: int = WORDS_PER_DELTA) -> list[str]:
    """A text as deltas of a few words, none beyond the end of a line; even a single word of usual length is parted."""
    lines = [_WORD.findall(line) for line in _LINE.findall(text)]
    if sum(map(len, lines)) > each:
        return ["".join(words[at : at + each]) for words in lines for at in range(0, len(words), each)]
    if len(text) > LONG_PIECE:
        return [text]
    middle = (len(text) + 1) // 2
    return [piece for piece in (text[:middle], text[middle:]) if piece]


def _input_pieces(value: dict[str, Any]) -> list[str]:
    """A tool's input as JSON in pieces, the first one empty; an input without a key is never written."""
    if not value:
        return [""]
    text = msgspec.json.encode(value).decode()
    return ["", *(text[at : at + _INPUT_PIECE] for at in range(0, len(text), _INPUT_PIECE))]


def words_in(event: Event) -> int:
    """The words that a delta adds, by which answers are paced."""
    delta = event.get("delta", {})
    return len(str(delta.get("text") or delta.get("thinking") or "").split())

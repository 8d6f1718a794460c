"""Faults that lose parts of a request: beside certain others, beyond a count, or in a rare place."""

from collections.abc import Callable
from typing import Any

from conformance.scripted.anthropic.rewriting import forget
from conformance.scripted.faults.fault import FaultGroup

LOSSES = FaultGroup("losses")

Body = dict[str, Any]
Block = dict[str, Any]

_KEPT_SYSTEM = 10_000
_KEPT_TURNS = 60
_KEPT_LATEST = 8
_KEPT_TOOLS = 64
_KEPT_SEQUENCES = 4
_FEW_TOOLS = 2
_CAP = 1000
_SMALL_CAP = 64


def _messages(body: Body) -> list[Block]:
    messages = body.get("messages")
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


def _inside(holder: Block) -> list[Block]:
    content = holder.get("content")
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _blocks(body: Body, *kinds: str) -> list[Block]:
    """The blocks of these types in all messages, in order."""
    return [block for message in _messages(body) for block in _inside(message) if block.get("type") in kinds]


def _later(body: Body) -> bool:
    return len(_messages(body)) > 1


def _thinks(body: Body) -> bool:
    thinking = body.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") != "disabled"


def _losing(name: str, says: str, key: str, when: Callable[[Body], object], needs: str = "") -> None:
    """A fault that loses a field of the request where something else is there too."""

    @LOSSES.body(name, says, needs=needs)
    def lose(body: Body) -> None:
        if when(body):
            body.pop(key, None)


@LOSSES.body("X-tool-first-lost", "of several tools the first is lost", needs="tools")
def first_tool_lost(body: Body) -> None:
    tools = body.get("tools")
    if isinstance(tools, list) and len(tools) > _FEW_TOOLS:
        del tools[0]


_losing("X-stop-with-tools", "stop_sequences are ignored with tools", "stop_sequences", lambda body: body.get("tools"))
_losing("X-stop-with-thinking", "stop_sequences are ignored with thinking on", "stop_sequences", _thinks, "thinking")
_losing("X-stop-later-turns", "stop_sequences are ignored after the first turn", "stop_sequences", _later, "turns")


def _sequences(body: Body, change: Callable[[list[str]], list[str]]) -> None:
    sequences = body.get("stop_sequences")
    if isinstance(sequences, list) and all(isinstance(sequence, str) for sequence in sequences):
        body["stop_sequences"] = change(sequences)


@LOSSES.body("X-stop-four", "stop sequences after the fourth are ignored", needs="stop")
def four_sequences(body: Body) -> None:
    _sequences(body, lambda sequences: sequences[:_KEPT_SEQUENCES])


@LOSSES.body("X-stop-stripped", "white space around a stop sequence is cut off", needs="stop")
def sequences_stripped(body: Body) -> None:
    _sequences(body, lambda sequences: [sequence.strip() or sequence for sequence in sequences])


@LOSSES.body("X-stop-lines", "a stop sequence with a line break in it is ignored", needs="stop")
def sequences_of_one_line(body: Body) -> None:
    _sequences(body, lambda sequences: [sequence for sequence in sequences if "\n" not in sequence])


def _answered(body: Body) -> bool:
    """Whether a message is asked for: the system prompt is lost from an answer, not from a count."""
    return "max_tokens" in body


_losing(
    "X-system-later-turns",
    "system is ignored after the first turn",
    "system",
    lambda body: _later(body) and _answered(body),
    "turns",
)
_losing("X-system-with-thinking", "system is lost with thinking on", "system", _thinks, "thinking")


def _system(body: Body, change: Callable[[str], str]) -> None:
    system = body.get("system")
    if isinstance(system, str):
        body["system"] = change(system)
    for block in _inside({"content": system}):
        if isinstance(block.get("text"), str):
            block["text"] = change(block["text"])


@LOSSES.body("X-system-cut", "system is cut at 10,000 characters", needs="system")
def system_cut(body: Body) -> None:
    _system(body, lambda text: text[:_KEPT_SYSTEM])


@LOSSES.body("X-system-ascii", "characters of system outside ASCII become question marks", needs="system")
def system_in_ascii(body: Body) -> None:
    _system(body, lambda text: text.encode("ascii", "replace").decode())


def _system_messages(body: Body) -> list[Block]:
    return [message for message in _messages(body) if message.get("role") == "system"]


@LOSSES.body("X-system-messages-first", "of several system messages only the last is used", needs="turns")
def last_system_message(body: Body) -> None:
    earlier = _system_messages(body)[:-1]
    if earlier:
        body["messages"] = [message for message in body["messages"] if message not in earlier]


@LOSSES.body("X-system-hoisted", "system messages of a conversation are moved before its first turn", needs="turns")
def system_hoisted(body: Body) -> None:
    moved = [message for message in _system_messages(body) if isinstance(message.get("content"), str)]
    if not moved or body["messages"][0] in moved:
        return
    system = body.get("system") or []
    system = [{"type": "text", "text": system}] if isinstance(system, str) else system
    body["system"] = [*system, *({"type": "text", "text": message["content"]} for message in moved)]
    body["messages"] = [message for message in body["messages"] if message not in moved]


def _said(body: Body) -> bool:
    return any(message.get("role") == "assistant" for message in _messages(body))


def _unforced(body: Body) -> bool:
    return "tool_choice" not in body


_losing(
    "X-tools-after-text",
    "tools are lost once the assistant has said a text",
    "tools",
    lambda body: _unforced(body) and _answered(body) and _said(body) and not _blocks(body, "tool_result"),
    "tools turns",
)
_losing(
    "X-tools-after-result",
    "tools are lost once the conversation holds a tool_result",
    "tools",
    lambda body: _unforced(body) and _answered(body) and _blocks(body, "tool_result"),
    "tools turns",
)
_losing(
    "X-tools-with-image",
    "tools are lost where the conversation holds an image",
    "tools",
    lambda body: _unforced(body) and _blocks(body, "image"),
    "tools vision",
)
_losing(
    "X-tools-with-system-message",
    "tools are lost where the conversation holds a system message",
    "tools",
    lambda body: _unforced(body) and _system_messages(body),
    "tools turns",
)


@LOSSES.body("X-tools-sixty-four", "tools after the 64th are lost", needs="tools")
def tools_cut(body: Body) -> None:
    if isinstance(body.get("tools"), list):
        body["tools"] = body["tools"][:_KEPT_TOOLS]


@LOSSES.body("X-property-descriptions", "descriptions inside an input_schema are lost", needs="tools")
def property_descriptions_lost(body: Body) -> None:
    for tool in _inside({"content": body.get("tools")}):
        forget(tool.get("input_schema"), "description")


def _without_format(name: str, says: str, when: Callable[[Body], object], needs: str = "structured-outputs") -> None:
    @LOSSES.body(name, says, needs=needs)
    def lose(body: Body) -> None:
        if isinstance(body.get("output_config"), dict) and when(body):
            body["output_config"].pop("format", None)


_without_format(
    "X-format-later-turns", "output_config.format is ignored after the first turn", _later, "structured-outputs turns"
)
_without_format(
    "X-format-with-effort",
    "output_config.format is ignored beside effort",
    lambda body: body["output_config"].get("effort"),
)
_without_format(
    "X-format-with-system", "output_config.format is ignored beside system", lambda body: body.get("system")
)


def _last(body: Body, count: int) -> None:
    """Leaves the last messages from one of the user's on that answers no call, as a conversation may begin."""
    messages = body.get("messages")
    if isinstance(messages, list) and len(messages) > count:
        begins = (at for at in range(len(messages) - count, len(messages)) if _opens(messages[at]))
        body["messages"] = messages[next(begins, 0) :]


def _opens(message: Any) -> bool:
    if not isinstance(message, dict) or message.get("role") != "user":
        return False
    return all(block.get("type") != "tool_result" for block in _inside(message))


@LOSSES.body("X-window", "of a long conversation only the last 60 messages are used", needs="turns")
def last_turns(body: Body) -> None:
    _last(body, _KEPT_TURNS)


@LOSSES.body("X-window-short", "of a conversation only the last 8 messages are used", needs="turns")
def last_few_turns(body: Body) -> None:
    _last(body, _KEPT_LATEST)


@LOSSES.body("X-assistant-texts", "of several texts in an assistant turn only the last is used", needs="turns")
def last_assistant_text(body: Body) -> None:
    for message in _messages(body):
        texts = [block for block in _inside(message) if block.get("type") == "text"]
        if message.get("role") == "assistant" and len(texts) > 1:
            message["content"] = [block for block in message["content"] if block not in texts[:-1]]


@LOSSES.body("X-assistant-turns", "of two assistant turns in a row the first is lost", needs="turns")
def last_assistant_turn(body: Body) -> None:
    messages = _messages(body)
    roles = [message.get("role") for message in messages]
    lost = [at for at in range(len(roles) - 1) if roles[at] == roles[at + 1] == "assistant"]
    if lost:
        body["messages"] = [message for at, message in enumerate(messages) if at not in lost]


@LOSSES.body("X-history-inputs", "the input of an earlier call is lost", needs="tools turns")
def inputs_lost(body: Body) -> None:
    for block in _blocks(body, "tool_use"):
        block["input"] = {}


@LOSSES.body("X-document-title", "title and context of a document are lost", needs="documents")
def titles_lost(body: Body) -> None:
    for block in _blocks(body, "document"):
        block.pop("title", None)
        block.pop("context", None)


@LOSSES.body("X-search-title", "the source of a search result stands in place of its title", needs="documents")
def search_titles_lost(body: Body) -> None:
    for block in _blocks(body, "search_result"):
        block["title"] = block.get("source")


@LOSSES.body("X-document-images", "images inside a document are lost", needs="documents vision")
def document_images_lost(body: Body) -> None:
    for block in _blocks(body, "document"):
        source = block.get("source")
        pieces = _inside(source) if isinstance(source, dict) else []
        if any(piece.get("type") == "image" for piece in pieces):
            kept = [piece for piece in pieces if piece.get("type") != "image"]
            block["source"]["content"] = kept or [{"type": "text", "text": "(nothing)"}]


@LOSSES.body("X-max-tokens-64", "max_tokens above 64 is taken for 64", needs="long")
def max_tokens_64(body: Body) -> None:
    limit = body.get("max_tokens")
    if isinstance(limit, int) and limit > _SMALL_CAP and (body.get("thinking") or {}).get("type") != "enabled":
        body["max_tokens"] = _SMALL_CAP


@LOSSES.body("X-max-tokens-capped", "max_tokens above 1,000 is taken for 1,000", needs="long")
def max_tokens_capped(body: Body) -> None:
    limit = body.get("max_tokens")
    if isinstance(limit, int) and limit > _CAP and not body.get("thinking"):
        body["max_tokens"] = _CAP


@LOSSES.body("X-billing-cached", "Claude Code's line of billing data is a part of the cached prefix", needs="caching")
def billing_line_kept(body: Body) -> None:
    _system(body, lambda text: text.replace("x-anthropic-billing-header:", "x-anthropic-billing-header :"))


@LOSSES.body("X-ttl-short", "a ttl of 1h is taken for 5m", needs="caching")
def ttl_lost(body: Body) -> None:
    forget(body, "ttl")


@LOSSES.body("X-cache-top-level", "cache_control at the top level is ignored", needs="caching")
def top_level_marker_lost(body: Body) -> None:
    body.pop("cache_control", None)


@LOSSES.body("X-cache-results", "cache_control on tool results is ignored", needs="caching turns")
def result_markers_lost(body: Body) -> None:
    for block in _blocks(body, "tool_result"):
        block.pop("cache_control", None)


@LOSSES.body("X-cache-documents", "cache_control on images and documents is ignored", needs="caching documents")
def document_markers_lost(body: Body) -> None:
    for block in _blocks(body, "image", "document"):
        block.pop("cache_control", None)


def _has(body: Body, kind: str) -> bool:
    return bool(_blocks(body, kind)) or any(_inside_of(result, kind) for result in _blocks(body, "tool_result"))


def _inside_of(holder: Block, kind: str) -> list[Block]:
    return [block for block in _inside(holder) if block.get("type") == kind]


def _without(body: Body, kind: str) -> None:
    """Take all blocks of a type out of the messages, those in results too."""
    for holder in [*_messages(body), *_blocks(body, "tool_result")]:
        if lost := _inside_of(holder, kind):
            kept = [block for block in holder["content"] if block not in lost]
            holder["content"] = kept or [{"type": "text", "text": "(nothing)"}]


def _block_lost(name: str, says: str, kind: str, when: Callable[[Body], object], needs: str) -> None:
    """A fault that loses the blocks of a type where something else is there too."""

    @LOSSES.body(name, says, needs=needs)
    def lose(body: Body) -> None:
        if when(body) and _answered(body):
            _without(body, kind)


def _system_given(body: Body) -> object:
    return body.get("system")


def _tools_given(body: Body) -> object:
    return body.get("tools")


_block_lost("X-image-with-system", "images are lost beside system", "image", _system_given, "vision")
_block_lost("X-image-with-thinking", "images are lost with thinking on", "image", _thinks, "vision thinking")
_block_lost("X-document-with-tools", "documents are lost with tools", "document", _tools_given, "tools")
_losing("X-stop-with-system", "stop_sequences are ignored beside system", "stop_sequences", _system_given, "system")
_losing("X-system-with-image", "system is lost beside an image", "system", lambda body: _has(body, "image"), "vision")
_losing("X-thinking-later", "thinking is off after the first turn", "thinking", _later, "thinking turns")
_losing("X-thinking-with-system", "thinking is off beside system", "thinking", _system_given, "thinking system")
_losing("X-choice-with-system", "tool_choice is ignored beside system", "tool_choice", _system_given, "tools system")
_losing("X-tools-with-temperature", "tools are lost beside a temperature", "tools", lambda body: "temperature" in body)


@LOSSES.body("X-blocks-sixteen", "of the text blocks of a message only the last sixteen are used")
def sixteen_blocks(body: Body) -> None:
    for message in _messages(body):
        lost = _inside_of(message, "text")[:-16]
        if lost and len(lost) + 16 == len(message["content"]):
            message["content"] = message["content"][-16:]


@LOSSES.body("X-system-eight", "system blocks after the eighth are lost", needs="system")
def eight_system_blocks(body: Body) -> None:
    if isinstance(body.get("system"), list):
        body["system"] = body["system"][:8]

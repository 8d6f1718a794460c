"""Checks of `messages` and `system`: roles, blocks in their places, and every tool call with its result.

Sources: https://platform.claude.com/docs/en/api/messages, https://platform.claude.com/docs/en/build-with-claude/tool-use
"""

from collections.abc import Iterator
from itertools import pairwise

from conformance.scripted.anthropic.blocks import (
    ASSISTANT_BLOCKS,
    USER_BLOCKS,
    Block,
    ContainerUploadBlock,
    DocumentBlock,
    Message,
    Pieces,
    RedactedThinkingBlock,
    SearchResultBlock,
    ServerToolResult,
    ServerToolUseBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    wire_name,
)
from conformance.scripted.anthropic.errors import invalid
from conformance.scripted.anthropic.request import Prompt

# A system message may change its own life and the output's effort; no other role may.
_SYSTEM_ONLY = ("clear_at", "output_config")


def check_messages(request: Prompt) -> None:
    """Refuse messages that do not make a conversation."""
    if not request.messages:
        raise invalid("messages", "at least one message is required")
    _check_system(request)
    for index, message in enumerate(request.messages):
        _check_message(message, f"messages.{index}", last=index == len(request.messages) - 1)
    _check_system_places(request.messages)
    _check_last_blocks(request.messages)
    _check_tool_results(request.messages)
    _check_ending(request.messages[-1], f"messages.{len(request.messages) - 1}")


def _check_system(request: Prompt) -> None:
    if isinstance(request.system, str):
        check_text(request.system, "system")
    elif isinstance(request.system, list):
        for index, block in enumerate(request.system):
            check_text(block.text, f"system.{index}.text")


def check_text(text: str, at: str) -> None:
    if not text.strip():
        raise invalid(at, "text must contain something other than white space")


def _check_message(message: Message, at: str, *, last: bool) -> None:
    for key in _SYSTEM_ONLY:
        if message.role != "system" and getattr(message, key) is not None:
            raise invalid(f"{at}.{key}", "Extra inputs are not permitted")
    if not message.content:
        if last and message.role == "assistant":
            return
        raise invalid(f"{at}.content", "all messages must have content, except an optional final assistant message")
    for place, block in _placed(message, at):
        _check_place(block, message.role, place)
        _check_block(block, place)


def _placed(message: Message, at: str) -> Iterator[tuple[str, Block]]:
    """The blocks of a message, each with its dotted path; a string stands at `content` itself."""
    if isinstance(message.content, str):
        yield f"{at}.content", TextBlock(text=message.content)
        return
    for index, block in enumerate(message.content):
        yield f"{at}.content.{index}", block


def _check_place(block: Block, role: str, at: str) -> None:
    allowed: tuple[type, ...] = {"user": USER_BLOCKS, "assistant": ASSISTANT_BLOCKS}.get(role, (TextBlock,))
    if not isinstance(block, allowed):
        raise invalid(at, f"`{wire_name(block)}` blocks cannot stand in a message of the role {role}")
    if isinstance(block, ContainerUploadBlock):
        raise invalid(at, "`container_upload` needs the code execution tool, which is not available on this endpoint")


def _check_block(block: object, at: str) -> None:
    """Text that says something, wherever in a block it stands."""
    match block:
        case TextBlock():
            check_text(block.text, at if at.endswith("content") else f"{at}.text")
        case DocumentBlock(source=Pieces(content=str() as text)):
            check_text(text, f"{at}.source.content")
        case DocumentBlock(source=Pieces(content=list() as pieces)):
            _check_all(pieces, f"{at}.source.content")
        case ToolResultBlock(content=list() as pieces):
            _check_all(pieces, f"{at}.content")
        case SearchResultBlock():
            _check_all(block.content, f"{at}.content")
        case RedactedThinkingBlock(data=""):
            raise invalid(f"{at}.data", "must not be empty")


def _check_all(pieces: list[object] | list[TextBlock], at: str) -> None:
    for index, piece in enumerate(pieces):
        _check_block(piece, f"{at}.{index}")


def _check_system_places(messages: list[Message]) -> None:
    """A system message follows a user turn, or a server tool's, and ends the conversation or precedes the assistant."""
    for index, message in enumerate(messages):
        if message.role != "system":
            continue
        if index == 0:
            raise invalid("messages.0.role", "the first message cannot be a system message; use the `system` parameter")
        before = messages[index - 1]
        if before.role == "system" or (before.role == "assistant" and not _awaits_server(before)):
            raise invalid(f"messages.{index}.role", "a system message must follow a user message")
        if index + 1 < len(messages) and messages[index + 1].role != "assistant":
            raise invalid(f"messages.{index}.role", "a system message must be the last or precede an assistant message")


def _awaits_server(message: Message) -> bool:
    return bool(message.content) and isinstance(message.blocks[-1], ServerToolUseBlock | ServerToolResult)


def merged(messages: list[Message]) -> list[tuple[str, list[tuple[str, Block]]]]:
    """The turns of a conversation: consecutive messages of one role are one turn; system messages do not part them."""
    turns: list[tuple[str, list[tuple[str, Block]]]] = []
    for index, message in enumerate(messages):
        if message.role == "system":
            continue
        placed = list(_placed(message, f"messages.{index}")) if message.content else []
        if turns and turns[-1][0] == message.role:
            turns[-1][1].extend(placed)
        else:
            turns.append((message.role, placed))
    return turns


def _check_tool_results(messages: list[Message]) -> None:
    turns = merged(messages)
    _check_unique_calls([place for _, placed in turns for place in placed])
    previous: list[tuple[str, Block]] = []
    for (_, before), (_, placed) in pairwise([("user", previous), *turns, ("user", previous)]):
        asked = {block.id: place for place, block in before if isinstance(block, ToolUseBlock)}
        answered: set[str] = set()
        for place, block in placed:
            if isinstance(block, ToolResultBlock):
                _check_result(block, place, asked, answered)
        if missing := sorted(set(asked) - answered):
            raise invalid(
                asked[missing[0]].rsplit(".content", 1)[0],
                f"every `tool_use` needs a `tool_result` in the next message; unanswered: {', '.join(missing)}",
            )


def _check_unique_calls(placed: list[tuple[str, Block]]) -> None:
    seen: set[str] = set()
    for place, block in placed:
        if isinstance(block, ToolUseBlock):
            if block.id in seen:
                raise invalid(f"{place}.id", f"`tool_use` ids must be unique; {block.id} was used before")
            seen.add(block.id)


def _check_result(block: ToolResultBlock, at: str, asked: dict[str, str], answered: set[str]) -> None:
    if block.tool_use_id not in asked:
        raise invalid(
            f"{at}.tool_use_id", f"no `tool_use` with the id {block.tool_use_id} stands in the previous message"
        )
    if block.tool_use_id in answered:
        raise invalid(f"{at}.tool_use_id", f"{block.tool_use_id} has more than one `tool_result`")
    answered.add(block.tool_use_id)


def _check_last_blocks(messages: list[Message]) -> None:
    """Thinking leads to something: no turn of the assistant ends with it."""
    for role, placed in merged(messages):
        if role == "assistant" and placed and isinstance(placed[-1][1], ThinkingBlock | RedactedThinkingBlock):
            raise invalid(placed[-1][0], "the last block of an assistant message cannot be a thinking block")


def _check_ending(message: Message, at: str) -> None:
    """A final assistant message is a prefill, which the answer continues."""
    if message.role != "assistant" or not message.content:
        return
    last = message.blocks[-1]
    if isinstance(last, TextBlock) and last.text != last.text.rstrip():
        raise invalid(f"{at}.content", "a final assistant message cannot end with trailing white space")

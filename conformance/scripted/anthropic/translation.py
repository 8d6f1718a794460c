"""A checked request in neutral terms, as the brain reads it."""

import msgspec

from conformance.scripted import conversation as neutral
from conformance.scripted.anthropic import fields
from conformance.scripted.anthropic.blocks import (
    BrowserStateBlock,
    DocumentBlock,
    ImageBlock,
    Message,
    SearchResultBlock,
    TextBlock,
    ToolReferenceBlock,
    ToolResultBlock,
    ToolUseBlock,
)
from conformance.scripted.anthropic.checks.tools import tool_name
from conformance.scripted.anthropic.documents import as_neutral
from conformance.scripted.anthropic.media import Media
from conformance.scripted.anthropic.request import MessagesRequest, Prompt

_COMMAND = {"type": "string"}
_PATH = {"type": "string"}
_DEFINED: dict[type[fields.Tool], dict[str, object]] = {
    fields.BashTool: {"type": "object", "properties": {"command": _COMMAND}, "required": ["command"]},
    fields.OldTextEditorTool: {
        "type": "object",
        "properties": {"command": {"enum": ["view", "create", "str_replace", "insert"]}, "path": _PATH},
        "required": ["command", "path"],
    },
    fields.MemoryTool: {
        "type": "object",
        "properties": {"command": {"enum": ["view"]}, "path": _PATH},
        "required": ["command", "path"],
    },
    fields.ComputerTool: {
        "type": "object",
        "properties": {"action": {"enum": ["screenshot"]}},
        "required": ["action"],
    },
}
_DEFINED[fields.TextEditorTool] = _DEFINED[fields.OldTextEditorTool]
"""The input schemas that the API brings along for the tools it defines, as far as a smallest input needs them."""

_CHOICES: dict[type, str] = {fields.Auto: "auto", fields.AnyTool: "any", fields.OneTool: "tool", fields.NoTool: "none"}


def conversation_of(request: Prompt, tools: tuple[fields.Tool, ...], media: Media) -> neutral.Conversation:
    """The request as a conversation; thinking of earlier turns and the results of server tools are not read."""
    choice = request.tool_choice or fields.Auto()
    conversation = neutral.Conversation(
        turns=tuple(_turn(message, media) for message in request.messages),
        system=_system(request),
        tools=tuple(_tool(tool) for tool in tools),
        choice=_CHOICES[type(choice)],  # type: ignore[arg-type]  # the four words
        chosen=getattr(choice, "name", ""),
        parallel=not getattr(choice, "disable_parallel_tool_use", False),
        thinking=request.thinks,
        budget=request.thinking.budget_tokens if isinstance(request.thinking, fields.ThinkingEnabled) else None,
        schema=request.output_schema,
    )
    if not isinstance(request, MessagesRequest):
        return conversation
    return msgspec.structs.replace(
        conversation, max_tokens=request.max_tokens, stop_sequences=tuple(request.stop_sequences)
    )


def _system(request: Prompt) -> tuple[str, ...]:
    if isinstance(request.system, str):
        return (request.system,)
    return tuple(block.text for block in request.system or ())


def _tool(tool: fields.Tool) -> neutral.Tool:
    if isinstance(tool, fields.CustomTool):
        return neutral.Tool(tool.name, tool.description or "", tool.input_schema, strict=tool.strict)
    toolset = isinstance(tool, fields.ComputerToolset | fields.BrowserToolset)
    return neutral.Tool(tool_name(tool), schema=_DEFINED.get(type(tool), {}), callable=not toolset)


def _turn(message: Message, media: Media) -> neutral.Turn:
    parts = (_part(block, media) for block in message.blocks)
    return neutral.Turn(message.role, tuple(part for part in parts if part is not None))


def _part(block: object, media: Media) -> neutral.Part | None:
    match block:
        case TextBlock():
            return neutral.Text(block.text)
        case ImageBlock():
            return neutral.Image(media[block.source])
        case DocumentBlock() | SearchResultBlock():
            return as_neutral(block, media)
        case ToolUseBlock():
            return neutral.Call(block.id, block.name, block.input)
        case ToolResultBlock():
            return neutral.Result(block.tool_use_id, _result_content(block, media), block.is_error)
    return None


def _result_content(
    block: ToolResultBlock, media: Media
) -> tuple[neutral.Text | neutral.Image | neutral.Document, ...]:
    if isinstance(block.content, str):
        return (neutral.Text(block.content),) if block.content else ()
    content: list[neutral.Text | neutral.Image | neutral.Document] = []
    for piece in block.content:
        match piece:
            case ToolReferenceBlock():
                content.append(neutral.Text(piece.tool_name))
            case BrowserStateBlock():
                content.append(neutral.Text(msgspec.json.encode(piece.tabs).decode()))
            case TextBlock():
                content.append(neutral.Text(piece.text))
            case ImageBlock():
                content.append(neutral.Image(media[piece.source]))
            case DocumentBlock() | SearchResultBlock():
                content.append(as_neutral(piece, media))
    return tuple(content)

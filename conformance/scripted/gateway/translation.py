"""A checked Messages request as a chat completion request."""

import base64
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from conformance.scripted.anthropic.blocks import (
    DocumentBlock,
    ImageBlock,
    Message,
    SearchResultBlock,
    TextBlock,
    ToolReferenceBlock,
    ToolResultBlock,
    ToolUseBlock,
)
from conformance.scripted.anthropic.documents import as_neutral, read
from conformance.scripted.anthropic.fields import OneTool
from conformance.scripted.anthropic.media import Media, media_type_of
from conformance.scripted.anthropic.request import MessagesRequest, Prompt
from conformance.scripted.anthropic.service import CheckedRequest
from conformance.scripted.conversation import Image, Text, Tool
from conformance.scripted.encodings import compact

Part = dict[str, Any]


def chat_request(asked: CheckedRequest) -> dict[str, Any]:
    """The request in the upstream's words; what is not asked for is left out.

    `top_k` and `thinking` are not OpenAI's own, but many engines of this wire read them.
    """
    request, conversation = asked.request, asked.conversation
    tools = [_tool(tool) for tool in conversation.tools if tool.callable]
    wanted: dict[str, Any] = {
        "model": request.model,
        "messages": [*_system(conversation.system), *_messages(request.messages, asked.media)],
        "tools": tools or None,
        "tool_choice": _choice(request) if tools else None,
        "parallel_tool_calls": None if conversation.parallel or not tools else False,
        "response_format": _format(conversation.schema),
        **_thinking(asked),
        **(_sampling(request) if isinstance(request, MessagesRequest) else {}),
        "max_tokens": conversation.max_tokens,
    }
    return {name: value for name, value in wanted.items() if value is not None}


def _sampling(request: MessagesRequest) -> dict[str, Any]:
    streamed = {"stream": True, "stream_options": {"include_usage": True}} if request.stream else {}
    drawn = {name: getattr(request, name) for name in ("temperature", "top_p", "top_k")}
    return {
        **{name: value for name, value in drawn.items() if isinstance(value, int | float)},
        "stop": list(request.stop_sequences) or None,
        "user": request.metadata.user_id,
        **streamed,
    }


def _thinking(asked: CheckedRequest) -> dict[str, Any]:
    conversation = asked.conversation
    if not conversation.thinking:
        return {}
    if conversation.budget is not None:
        return {"thinking": {"type": "enabled", "budget_tokens": conversation.budget}}
    effort = asked.request.output_config.effort if asked.request.output_config else None
    return {"reasoning_effort": effort or "medium"}


def _format(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    return schema and {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.schema or {"type": "object"}}
    if tool.description:
        function["description"] = tool.description
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


_WORDS = {"auto": "auto", "any": "required", "none": "none"}


def _choice(request: Prompt) -> Any:
    choice = request.tool_choice
    if not choice:
        return None
    if isinstance(choice, OneTool):
        return {"type": "function", "function": {"name": choice.name}}
    return _WORDS[str(choice.__struct_config__.tag)]


def _system(texts: Sequence[str]) -> list[dict[str, Any]]:
    return [{"role": "system", "content": [_text(text) for text in texts]}] if texts else []


def _messages(messages: Iterable[Message], media: Media) -> Iterator[dict[str, Any]]:
    for message in messages:
        match message.role:
            case "assistant":
                yield _said(message)
            case "system":
                yield {"role": "system", "content": [_text(block.text) for block in _texts(message)]}
            case "user":
                yield from _asked(message, media)


def _texts(message: Message) -> list[TextBlock]:
    return [block for block in message.blocks if isinstance(block, TextBlock)]


def _said(message: Message) -> dict[str, Any]:
    """An earlier answer: its text and its calls; its thinking stays here, as no upstream of this wire takes it back."""
    calls = [
        {
            "id": block.id,
            "type": "function",
            "function": {"name": block.name, "arguments": compact(block.input)},
        }
        for block in message.blocks
        if isinstance(block, ToolUseBlock)
    ]
    said: dict[str, Any] = {"role": "assistant", "content": "".join(block.text for block in _texts(message))}
    return {**said, "tool_calls": calls} if calls else said


def _asked(message: Message, media: Media) -> Iterator[dict[str, Any]]:
    """A user's message: each tool result is a message of its own there, the rest is one between them."""
    for are_results, blocks in groupby(message.blocks, lambda block: isinstance(block, ToolResultBlock)):
        if are_results:
            yield from _results([block for block in blocks if isinstance(block, ToolResultBlock)], media)
        elif parts := [part for block in blocks for part in _parts(block, media)]:
            yield {"role": "user", "content": parts}


def _results(blocks: Sequence[ToolResultBlock], media: Media) -> Iterator[dict[str, Any]]:
    for block in blocks:
        content = [TextBlock(text=block.content)] if isinstance(block.content, str) else block.content
        parts = [part for piece in content for part in _parts(piece, media)]
        yield {"role": "tool", "tool_call_id": block.tool_use_id, "content": parts}
    failed = ", ".join(block.tool_use_id for block in blocks if block.is_error)
    if failed:  # not in the result itself, whose text is the tool's
        yield {"role": "user", "content": [_text(f"These tool calls ended in an error: {failed}")]}


def _parts(block: object, media: Media) -> Iterator[Part]:
    match block:
        case TextBlock(text=text):
            yield _text(text)
        case ImageBlock(source=source):
            yield _image(media[source])
        case ToolReferenceBlock(tool_name=name):
            yield _text(name)  # the only word that this upstream has for it
        case DocumentBlock() | SearchResultBlock():
            yield from _document(block, media)


def _document(block: DocumentBlock | SearchResultBlock, media: Media) -> Iterator[Part]:
    """A PDF as a file; the texts and images of any other document as what they are."""
    if isinstance(block, DocumentBlock) and read(block, media).unit == "page":
        if block.context:
            yield _text(block.context)
        url = _data_url("application/pdf", media[block.source])  # type: ignore[index]  # pages come from bytes only
        yield {"type": "file", "file": {"filename": block.title or "document.pdf", "file_data": url}}
        return
    for piece in as_neutral(block, media).content:
        match piece:
            case Text(text):
                yield _text(text)
            case Image(data):
                yield _image(data)


def _text(text: str) -> Part:
    return {"type": "text", "text": text}


def _image(data: bytes) -> Part:
    return {"type": "image_url", "image_url": {"url": _data_url(media_type_of(data) or "image/png", data)}}


def _data_url(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"

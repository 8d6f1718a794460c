"""A chat completion request in neutral terms."""

import re
from collections.abc import Collection, Iterable
from itertools import takewhile
from typing import Any

import msgspec

from conformance.scripted import conversation as neutral
from conformance.scripted.conversation import UNREADABLE, Conversation, Document, Image, Text, Turn
from conformance.scripted.encodings import document, of_data_url
from conformance.scripted.openai.errors import OpenAIRefusal
from conformance.scripted.openai.request import (
    AssistantMessage,
    ChatRequest,
    Content,
    DeveloperMessage,
    FileData,
    FilePart,
    ImagePart,
    Message,
    NamedChoice,
    SystemMessage,
    TextPart,
    ToolCall,
    ToolMessage,
)


def understood(request: ChatRequest, received: Any) -> Conversation:
    """System messages at the start are the system prompt, later ones turns; tool messages are results of the user."""
    opening = list(takewhile(_is_system, request.messages))
    failed = _failed_calls(request.messages)
    choice, chosen = _choice(request)
    stop = request.stop or []
    limit = request.max_tokens if request.max_completion_tokens is None else request.max_completion_tokens
    return Conversation(
        turns=tuple(_turn(message, failed) for message in request.messages[len(opening) :]),
        system=tuple(
            part.text for message in opening for part in _turn(message, failed).parts if isinstance(part, Text)
        ),
        tools=tuple(
            neutral.Tool(
                name=tool.function.name,
                description=tool.function.description or "",
                schema=tool.function.parameters or {},
                strict=bool(tool.function.strict),
            )
            for tool in request.tools or []
        ),
        choice=choice,
        chosen=chosen,
        parallel=request.parallel_tool_calls is not False,
        max_tokens=limit,
        stop_sequences=(stop,) if isinstance(stop, str) else tuple(stop),
        thinking=_thinks(request),
        budget=request.thinking.budget_tokens if request.thinking else None,
        schema=_schema(request),
        received=received,
    )


def _is_system(message: Message) -> bool:
    return isinstance(message, SystemMessage | DeveloperMessage)


def _thinks(request: ChatRequest) -> bool:
    if request.thinking is not None:
        return request.thinking.type != "disabled"
    return request.reasoning_effort not in {None, "none"}


def _choice(request: ChatRequest) -> tuple[Any, str]:
    match request.tool_choice:
        case NamedChoice(function=function):
            return "tool", function.name
        case "required":
            return "any", ""
        case "none":
            return "none", ""
        case _:
            return "auto", ""


def _schema(request: ChatRequest) -> dict[str, Any] | None:
    match request.response_format:
        case None:
            return None
        case wanted if wanted.type == "json_schema" and wanted.json_schema is not None:
            return wanted.json_schema.schema or {}
        case wanted if wanted.type == "json_object":
            return {"type": "object"}
        case _:
            return None


def _turn(message: Message, failed: Collection[str]) -> Turn:
    match message:
        case ToolMessage(tool_call_id=name):
            return Turn("user", (neutral.Result(name, tuple(_content(message.content)), name in failed),))
        case AssistantMessage():
            parts: tuple[neutral.Part, ...] = tuple(_said(message))
            return Turn("assistant", parts)
        case SystemMessage() | DeveloperMessage():
            return Turn("system", tuple(_content(message.content)))
        case _:
            return Turn("user", tuple(_content(message.content)))


_FAILED = re.compile(r"error|failed", re.IGNORECASE)
_MARKED = re.compile(r"\s*[\[<(][^\]>)\n]{0,40}(?:error|failed)", re.IGNORECASE)
"""A mark that a gateway puts before a result: `[error]`, `<tool_use_error>`. A plain word may be the tool's own."""


def _failed_calls(messages: list[Message]) -> set[str]:
    """The calls whose results are errors, as gateways say it on a wire that has no word for it.

    A text beside the results names the call together with "error" or "failed", or the result begins with such a word
    in brackets.
    """
    texts = {id(message): _text_of(message) for message in messages if not isinstance(message, AssistantMessage)}
    notes = [texts[id(message)] for message in messages if not isinstance(message, AssistantMessage | ToolMessage)]
    sentences = [sentence for note in notes for sentence in note.splitlines() if _FAILED.search(sentence)]
    results = [message for message in messages if isinstance(message, ToolMessage)]
    return {
        result.tool_call_id
        for result in results
        if _MARKED.match(texts[id(result)]) or any(result.tool_call_id in sentence for sentence in sentences)
    }


def _text_of(message: Message) -> str:
    content = getattr(message, "content", None) or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content if isinstance(part, TextPart))


def _said(message: AssistantMessage) -> Iterable[neutral.Part]:
    if isinstance(message.content, str):
        yield Text(message.content)
    else:
        yield from (Text(part.text) for part in message.content or [] if isinstance(part, TextPart))
    yield from map(_call, message.tool_calls or [])


def _call(call: ToolCall) -> neutral.Call:
    try:
        return neutral.Call(call.id, call.function.name, msgspec.json.decode(call.function.arguments))
    except UNREADABLE:
        return neutral.Call(call.id, call.function.name, call.function.arguments)


def _content(content: Content | list[TextPart]) -> Iterable[Text | Image | Document]:
    if isinstance(content, str):
        yield Text(content)
        return
    for part in content:
        match part:
            case TextPart():
                yield Text(part.text)
            case ImagePart():
                yield _image(part.image_url.url)
            case FilePart():
                yield _file(part.file)


def _image(url: str) -> Image:
    found = of_data_url(url)
    if found is None:
        raise OpenAIRefusal(
            "Invalid image URL: give the image as a base64 data URL.", param="messages", code="invalid_image_url"
        )
    media_type, data = found
    if media_type not in {"image/png", "image/jpeg", "image/gif", "image/webp"}:
        raise OpenAIRefusal(f"Unsupported image type: {media_type}.", param="messages", code="invalid_image_format")
    return Image(data)


def _file(file: FileData) -> Document:
    found = of_data_url(file.file_data or "")
    if found is None:
        raise OpenAIRefusal("Invalid file: give its 'file_data' as a base64 data URL.", param="messages")
    return document(*found, title=file.filename)

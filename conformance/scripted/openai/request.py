"""The body of a chat completion request: bytes in, typed values out, or a refusal that names the parameter."""

import re
from typing import Any, Literal

import msgspec
from msgspec import Struct

from conformance.scripted.conversation import UNREADABLE
from conformance.scripted.openai.errors import OpenAIRefusal


class TextPart(Struct, frozen=True, tag_field="type", tag="text"):
    text: str


class ImageUrl(Struct, frozen=True):
    url: str


class ImagePart(Struct, frozen=True, tag_field="type", tag="image_url"):
    image_url: ImageUrl


class FileData(Struct, frozen=True):
    file_data: str | None = None
    filename: str = ""


class FilePart(Struct, frozen=True, tag_field="type", tag="file"):
    file: FileData


class RefusalPart(Struct, frozen=True, tag_field="type", tag="refusal"):
    refusal: str


Content = str | list[TextPart | ImagePart | FilePart]


class SystemMessage(Struct, frozen=True, tag_field="role", tag="system"):
    content: str | list[TextPart]


class DeveloperMessage(Struct, frozen=True, tag_field="role", tag="developer"):
    content: str | list[TextPart]


class UserMessage(Struct, frozen=True, tag_field="role", tag="user"):
    content: Content


class CalledFunction(Struct, frozen=True):
    name: str
    arguments: str


class ToolCall(Struct, frozen=True):
    id: str
    function: CalledFunction
    type: Literal["function"] = "function"


class AssistantMessage(Struct, frozen=True, tag_field="role", tag="assistant"):
    content: str | list[TextPart | RefusalPart] | None = None
    tool_calls: list[ToolCall] | None = None


class ToolMessage(Struct, frozen=True, tag_field="role", tag="tool"):
    tool_call_id: str
    content: Content
    """The reference allows text alone; images are read too, since many servers of this wire read them."""


Message = SystemMessage | DeveloperMessage | UserMessage | AssistantMessage | ToolMessage


class Function(Struct, frozen=True):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Struct, frozen=True):
    type: Literal["function"]
    function: Function


class ChosenFunction(Struct, frozen=True):
    name: str


class NamedChoice(Struct, frozen=True):
    type: Literal["function"]
    function: ChosenFunction


class JsonSchema(Struct, frozen=True):
    name: str
    schema: dict[str, Any] | None = None


class ResponseFormat(Struct, frozen=True):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(Struct, frozen=True):
    include_usage: bool | None = None


class Thinking(Struct, frozen=True):
    """Not OpenAI's own; several servers of this wire take it."""

    type: str = "enabled"
    budget_tokens: int | None = None


class ChatRequest(Struct, frozen=True, kw_only=True):
    """The parameters of a request that are read; others are accepted."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stop: str | list[str] | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["auto", "required", "none"] | NamedChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning_effort: str | None = None
    thinking: Thinking | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: float | None = None
    """Not OpenAI's own, and read by many engines of this wire."""
    user: str | None = None
    n: int | None = None


def read(body: bytes) -> tuple[ChatRequest, Any]:
    """The request, and the same as plain JSON values; a Refusal where it is none."""
    try:
        received = msgspec.json.decode(body)
    except UNREADABLE as error:
        raise OpenAIRefusal(f"We could not parse the JSON body of your request: {error}") from None
    try:
        request = msgspec.convert(received, ChatRequest)
    except msgspec.ValidationError as error:
        raise OpenAIRefusal(str(error), param=_parameter(str(error))) from None
    _check(request)
    return request, received


_PATH = re.compile(r" - at `\$\.?(.*)`$")


def _parameter(message: str) -> str | None:
    found = _PATH.search(message)
    return (found[1] or None) if found else None


def _check(request: ChatRequest) -> None:
    if not request.messages:
        raise OpenAIRefusal("[] is too short - 'messages'", param="messages")
    if request.tools == []:
        raise OpenAIRefusal("[] is too short - 'tools'", param="tools")
    for name, low, high in (
        ("max_tokens", 1, None),
        ("max_completion_tokens", 1, None),
        ("temperature", 0, 2),
        ("top_p", 0, 1),
        ("n", 1, 1),
    ):
        _check_range(name, getattr(request, name), low, high)
    _check_choice(request)
    _check_tool_messages(request.messages)


def _check_range(name: str, value: float | None, low: float, high: float | None) -> None:
    if value is None:
        return
    if value < low:
        raise OpenAIRefusal(
            f"Invalid '{name}': {value} is below the minimum, {low}.", param=name, code="integer_below_min_value"
        )
    if high is not None and value > high:
        raise OpenAIRefusal(
            f"Invalid '{name}': {value} is above the maximum, {high}.", param=name, code="integer_above_max_value"
        )


def _check_choice(request: ChatRequest) -> None:
    if request.tool_choice is None:
        return
    if not request.tools:
        raise OpenAIRefusal("'tool_choice' is only allowed when 'tools' are specified.", param="tool_choice")
    if isinstance(request.tool_choice, NamedChoice):
        name = request.tool_choice.function.name
        if name not in {tool.function.name for tool in request.tools}:
            raise OpenAIRefusal(f"Tool choice '{name}' not found in 'tools' parameter.", param="tool_choice")


def _check_tool_messages(messages: list[Message]) -> None:
    """Each tool message answers a call of the assistant message before it, and each call is answered."""
    open_calls: set[str] = set()
    for position, message in enumerate(messages):
        if isinstance(message, ToolMessage):
            if message.tool_call_id not in open_calls:
                raise OpenAIRefusal(
                    "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'.",
                    param=f"messages.[{position}].role",
                )
            open_calls.remove(message.tool_call_id)
            continue
        if open_calls:
            break
        open_calls = {call.id for call in message.tool_calls or []} if isinstance(message, AssistantMessage) else set()
    if open_calls:
        raise OpenAIRefusal(
            "An assistant message with 'tool_calls' must be followed by tool messages that answer each of them; "
            f"missing: {', '.join(sorted(open_calls))}",
            param="messages",
        )

"""The bodies of `/api/chat` and `/api/generate`, and what they are in neutral terms."""

from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from msgspec import Struct

from conformance.scripted import conversation as neutral
from conformance.scripted.conversation import Conversation, Image, Text, Turn
from conformance.scripted.encodings import decoded
from conformance.scripted.ollama.store import OllamaRefusal


class CalledFunction(Struct, frozen=True):
    name: str
    arguments: dict[str, Any] = {}


class ToolCall(Struct, frozen=True):
    function: CalledFunction
    id: str = ""


class Message(Struct, frozen=True):
    role: str
    content: str | None = None
    images: list[str] | None = None
    tool_calls: list[ToolCall] | None = None
    tool_name: str = ""
    tool_call_id: str = ""


class Function(Struct, frozen=True):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(Struct, frozen=True):
    function: Function
    type: str = "function"


class Options(Struct, frozen=True):
    num_predict: int | None = None
    stop: list[str] | None = None


class ModelRequest(Struct, frozen=True, kw_only=True):
    """The keys that both requests share; other keys and options are accepted."""

    model: str = ""
    stream: bool | None = None
    think: bool | str | None = None
    format: str | dict[str, Any] | None = None
    options: Options | None = None
    keep_alive: float | str | None = None


class ChatRequest(ModelRequest, frozen=True, kw_only=True):
    messages: list[Message] | None = None
    tools: list[Tool] | None = None


class GenerateRequest(ModelRequest, frozen=True, kw_only=True):
    prompt: str = ""
    system: str = ""
    images: list[str] | None = None

    def as_chat(self) -> ChatRequest:
        """The same question as a chat; without a prompt, nothing is asked."""
        system = [Message("system", self.system)] if self.system else []
        messages = [*system, Message("user", self.prompt, self.images)] if self.prompt else []
        return ChatRequest(
            model=self.model,
            stream=self.stream,
            think=self.think,
            format=self.format,
            options=self.options,
            keep_alive=self.keep_alive,
            messages=messages,
        )


def understood(request: ChatRequest, received: Any, *, thinks: bool = False) -> Conversation:
    """System messages at the start are the system prompt, later ones turns; tool messages are results of the user.

    A model that can think does where the request does not say whether to (`thinks`), as a local model does.
    """
    messages = request.messages or []
    opening = list(takewhile(lambda message: message.role == "system", messages))
    options = request.options or Options()
    limit = options.num_predict
    return Conversation(
        turns=tuple(map(_turn, messages[len(opening) :])),
        system=tuple(message.content or "" for message in opening),
        tools=tuple(
            neutral.Tool(tool.function.name, tool.function.description or "", tool.function.parameters or {})
            for tool in request.tools or []
        ),
        max_tokens=None if limit is None or limit < 0 else limit,
        stop_sequences=tuple(options.stop or []),
        thinking=thinks if request.think is None else bool(request.think),
        schema=_schema(request.format),
        received=received,
    )


def _schema(wanted: str | dict[str, Any] | None) -> dict[str, Any] | None:
    if isinstance(wanted, dict):
        return wanted
    if wanted == "json":
        return {"type": "object"}
    if wanted:
        raise OllamaRefusal(f'invalid format: "{wanted}"; expected "json" or a valid JSON Schema object')
    return None


def _turn(message: Message) -> Turn:
    content = (*_images(message), *((Text(message.content),) if message.content else ()))
    match message.role.lower():
        case "tool":
            return Turn("user", (neutral.Result(message.tool_call_id or message.tool_name, content),))
        case "assistant":
            calls = (
                neutral.Call(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or []
            )
            return Turn("assistant", (*content, *calls))
        case "system":
            return Turn("system", content)
        case _:
            return Turn("user", content)


def _images(message: Message) -> Iterator[Image]:
    for image in message.images or []:
        data = decoded(image)
        if data is None:
            raise OllamaRefusal("illegal base64 data in an image")
        yield Image(data)

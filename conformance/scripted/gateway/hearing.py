"""A chat completion, whole or in chunks, as the reply that it is, or as the trouble that came instead."""

from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from conformance.scripted.conversation import Invocation, Reply, Speech, Thought
from conformance.scripted.gateway.passage import Heard, Mishap, Trouble


class Function(Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class ToolCall(Struct, frozen=True):
    index: int = 0
    function: Function = Function()


class Words(Struct, frozen=True):
    """A message, or what one chunk adds to it."""

    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(Struct, frozen=True):
    message: Words | None = None
    delta: Words | None = None
    finish_reason: str | None = None
    stop_reason: str | int | None = None
    """vLLM's addition: the stop sequence that ended the answer."""


class Details(Struct, frozen=True):
    reasoning_tokens: int | None = None


class Usage(Struct, frozen=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    completion_tokens_details: Details | None = None


class Chunk(Struct, frozen=True):
    """A completion object, or one of the chunks that make it."""

    choices: list[Choice] = []
    usage: Usage | None = None
    error: Any = None


_STOPS: dict[str, Literal["end", "length", "tool"]] = {"length": "length", "tool_calls": "tool"}
_DONE = "[DONE]"


class _Completion:
    """A completion while it is heard."""

    def __init__(self) -> None:
        self.thought = ""
        self.text = ""
        self.calls: dict[int, tuple[str, str]] = {}
        self.finish: str | None = None
        self.sequence: str | None = None
        self.usage = Usage()

    def add(self, chunk: Chunk) -> None:
        self.usage = chunk.usage or self.usage
        for choice in chunk.choices[:1]:
            words = choice.message or choice.delta or Words()
            self.thought += words.reasoning_content or ""
            self.text += words.content or ""
            for position, call in enumerate(words.tool_calls or []):
                self._call(position if choice.message else call.index, call.function)
            self.finish = choice.finish_reason or self.finish
            self.sequence = choice.stop_reason if isinstance(choice.stop_reason, str) else self.sequence

    def _call(self, index: int, function: Function) -> None:
        name, arguments = self.calls.get(index, ("", ""))
        self.calls[index] = (name + (function.name or ""), arguments + (function.arguments or ""))

    def heard(self, trouble: Trouble | None = None) -> Heard:
        """All of it, or as much as came before the trouble: calls only as a whole."""
        usage, details = self.usage, self.usage.completion_tokens_details
        said = ((Thought, self.thought), (Speech, self.text))
        try:
            calls = [] if trouble else [Invocation(name, _input(text)) for name, text in self.calls.values()]
        except msgspec.DecodeError:
            calls, trouble = [], Trouble("unreadable", "the arguments of a tool call are no JSON object")
        reply = Reply(
            blocks=(*(block(text) for block, text in said if text), *calls),
            stop="sequence" if self.sequence is not None else _STOPS.get(self.finish or "", "end"),
            stop_sequence=self.sequence,
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            thinking_tokens=(details.reasoning_tokens if details else None) or 0,
        )
        return Heard(reply, trouble)


class Interrupted(Exception):  # what the connection did, not a failure of ours
    """The bytes stopped before the answer was complete."""

    def __init__(self, mishap: Mishap, says: str) -> None:
        super().__init__(says)
        self.trouble = Trouble(mishap, says)


def nothing(trouble: Trouble) -> Heard:
    """Trouble before the first word."""
    return _Completion().heard(trouble)


def _input(arguments: str) -> dict[str, Any]:
    return msgspec.json.decode(arguments or "{}", type=dict[str, Any])


def whole(body: bytes) -> Heard:
    """What one JSON document says."""
    try:
        chunk = msgspec.json.decode(body, type=Chunk)
    except msgspec.DecodeError:
        return nothing(Trouble("unreadable", "the answer is no chat completion" if body else "the answer is empty"))
    if not chunk.choices:
        return nothing(Trouble("unreadable", "the answer has no choices"))
    completion = _Completion()
    completion.add(chunk)
    return completion.heard()


async def streamed(lines: AsyncIterator[str]) -> Heard:
    """What the lines of an event stream say, as far as they come."""
    completion = _Completion()
    try:
        async for line in lines:
            data = line.removeprefix("data:").strip()
            if data == _DONE:
                break
            if line.startswith("data:"):
                chunk = msgspec.json.decode(data, type=Chunk)
                if chunk.error is not None:
                    return completion.heard(Trouble("error", "the stream ended in an error"))
                completion.add(chunk)
    except msgspec.DecodeError:
        return completion.heard(Trouble("unreadable", "an event of the stream is not JSON"))
    except Interrupted as interrupted:
        return completion.heard(interrupted.trouble)
    if completion.finish is None:
        return completion.heard(Trouble("cut", "the stream ended before its answer did"))
    return completion.heard()

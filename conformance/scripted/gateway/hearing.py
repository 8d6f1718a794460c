"""A chat completion, whole or in chunks, read into the blocks of a reply as far as it has come.

Blocks stand in the order in which they began. Of one chunk the arguments of a call that has begun are read first, then
its reasoning and text, then new calls: so text beside the last arguments follows the call, and text beside a new call
precedes it.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from msgspec import Struct

from conformance.scripted.conversation import UNREADABLE, Invocation, Reply, Speech, Thought
from conformance.scripted.encodings import compact
from conformance.scripted.gateway.passage import Mishap, Trouble


class Function(Struct, frozen=True):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    """JSON text; some servers send the object itself."""

    @property
    def text(self) -> str:
        return compact(self.arguments) if isinstance(self.arguments, dict) else self.arguments or ""


class ToolCall(Struct, frozen=True):
    index: int | None = None
    id: str | None = None
    function: Function = Function()


class Part(Struct, frozen=True):
    """A part of a content that is a list: `text`, or `thinking` with parts of its own, as Mistral sends them."""

    type: str = "text"
    text: str | None = None
    thinking: "str | list[Part] | None" = None


class Words(Struct, frozen=True):
    """A message, or what one chunk adds to it."""

    content: str | list[Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[ToolCall] | None = None

    @property
    def thought(self) -> str:
        """The reasoning, under whichever of its two names it comes, or as parts."""
        parts = self.content if isinstance(self.content, list) else []
        return (self.reasoning_content or self.reasoning or "") + "".join(_text(part.thinking) for part in parts)

    @property
    def text(self) -> str:
        said = _text(self.content) if isinstance(self.content, list) else self.content or ""
        return said + (self.refusal or "")


def _text(content: str | list[Part] | None) -> str:
    if isinstance(content, list):
        return "".join(part.text or "" for part in content)
    return content or ""


class Choice(Struct, frozen=True):
    message: Words | None = None
    delta: Words | None = None
    finish_reason: str | None = None
    stop_reason: str | int | None = None
    """vLLM's addition: the stop sequence that ended the answer."""


class PromptDetails(Struct, frozen=True):
    cached_tokens: int | None = None


class Details(Struct, frozen=True):
    reasoning_tokens: int | None = None


class Usage(Struct, frozen=True):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: Details | None = None


class Chunk(Struct, frozen=True):
    """A completion object, or one of the chunks that make it."""

    choices: list[Choice] = []
    usage: Usage | None = None
    error: Any = None


class Block:
    """A block while it is heard: a thought, a text, or a call with its name and the text of its arguments."""

    def __init__(self, kind: type[Thought | Speech | Invocation], key: object = None, name: str = "") -> None:
        self.kind = kind
        self.key = key
        self.name = name
        self.text = ""

    def finished(self) -> Thought | Speech | Invocation:
        """The block as the reply has it; DecodeError where the arguments are no JSON object."""
        if self.kind is Invocation:
            return Invocation(self.name, msgspec.json.decode(self.text or "{}", type=dict[str, Any]))
        return Thought(self.text) if self.kind is Thought else Speech(self.text)


_DONE = "[DONE]"


class Hearing:
    """A completion while it is heard."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.finish: str | None = None
        self.sequence: str | None = None
        self.refused = False
        self.usage: Usage | None = None
        self.trouble: Trouble | None = None

    def add(self, chunk: Chunk) -> None:
        self.usage = chunk.usage or self.usage
        for choice in chunk.choices[:1]:
            words = choice.message or choice.delta or Words()
            calls = [(self._key(call, at), call) for at, call in enumerate(words.tool_calls or [])]
            begun = [(key, call) for key, call in calls if self._call(key) is not None]
            for key, call in begun:
                self._add_call(key, call)
            self._say(Thought, words.thought)
            self._say(Speech, words.text)
            for key, call in calls:
                if (key, call) not in begun:
                    self._add_call(key, call)
            self.refused = self.refused or bool(words.refusal)
            self.finish = choice.finish_reason or self.finish
            self.sequence = choice.stop_reason if isinstance(choice.stop_reason, str) else self.sequence

    def _say(self, kind: type[Thought | Speech], text: str) -> None:
        if not text:
            return
        if not self.blocks or self.blocks[-1].kind is not kind:
            self.blocks.append(Block(kind))
        self.blocks[-1].text += text

    def _key(self, call: ToolCall, position: int) -> object:
        """What tells calls apart: the index; without one, a new id begins a new call."""
        if call.index is not None:
            return call.index
        last = next((block for block in reversed(self.blocks) if block.kind is Invocation), None)
        if call.id is not None or last is None:
            return call.id or ("position", position)
        return last.key

    def _call(self, key: object) -> Block | None:
        return next((block for block in self.blocks if block.kind is Invocation and block.key == key), None)

    def _add_call(self, key: object, call: ToolCall) -> None:
        block = self._call(key)
        if block is None:
            block = Block(Invocation, key)
            self.blocks.append(block)
        block.name += call.function.name or ""
        block.text += call.function.text

    def reply(self) -> Reply:
        """As much as was understood: of a broken answer the calls are left out, for they may be cut."""
        try:
            blocks = [block.finished() for block in self.blocks if not self.trouble or block.kind is not Invocation]
        except UNREADABLE:
            self.trouble = Trouble("unreadable", "the arguments of a tool call are no JSON object")
            return self.reply()
        usage = self.usage or Usage()
        details = usage.completion_tokens_details
        called = any(isinstance(block, Invocation) for block in blocks)
        cached = (usage.prompt_tokens_details.cached_tokens if usage.prompt_tokens_details else None) or 0
        return Reply(
            blocks=tuple(blocks),
            stop=self._stop(called=called),
            stop_sequence=self.sequence,
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            cached_tokens=min(cached, usage.prompt_tokens),
            thinking_tokens=(details.reasoning_tokens if details else None) or 0,
        )

    def _stop(self, *, called: bool) -> Any:
        if self.sequence is not None:
            return "sequence"
        if self.finish == "length":
            return "length"
        if self.refused or self.finish == "content_filter":
            return "refusal"
        return "tool" if called else "end"


class Interrupted(Exception):  # what the connection did, not a failure of ours
    """The bytes stopped before the answer was complete."""

    def __init__(self, mishap: Mishap, says: str) -> None:
        super().__init__(says)
        self.trouble = Trouble(mishap, says)


def troubled(trouble: Trouble) -> Hearing:
    """Trouble before the first word."""
    hearing = Hearing()
    hearing.trouble = trouble
    return hearing


def whole(body: bytes) -> Hearing:
    """What one JSON document says."""
    try:
        chunk = msgspec.json.decode(body, type=Chunk)
    except UNREADABLE:
        return troubled(Trouble("unreadable", "the answer is no chat completion" if body else "the answer is empty"))
    if not chunk.choices:
        return troubled(Trouble("unreadable", "the answer has no choices"))
    hearing = Hearing()
    hearing.add(chunk)
    return hearing


async def streamed(lines: AsyncIterator[str]) -> AsyncIterator[Hearing]:
    """The completion after each chunk of an event stream, and once more at its end or its trouble."""
    hearing = Hearing()
    try:
        async for line in lines:
            data = line.removeprefix("data:").strip()
            if data == _DONE:
                break
            if line.startswith("data:"):
                chunk = msgspec.json.decode(data, type=Chunk)
                if chunk.error is not None:
                    hearing.trouble = Trouble("error", "the stream ended in an error")
                    break
                hearing.add(chunk)
                yield hearing
    except msgspec.ValidationError as error:
        hearing.trouble = Trouble("unreadable", f"a chunk of the stream is no chat completion chunk: {error}")
    except UNREADABLE:
        hearing.trouble = Trouble("unreadable", "an event of the stream is not JSON")
    except Interrupted as interrupted:
        hearing.trouble = interrupted.trouble
    if hearing.trouble is None and hearing.finish is None:
        hearing.trouble = Trouble("cut", "the stream ended before its answer did")
    yield hearing

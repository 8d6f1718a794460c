"""The neutral form of a conversation, which every face makes of its request and the brain reads."""

from typing import Any, Literal

from msgspec import DecodeError, Struct

UNREADABLE = (DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON, no UTF-8, too deep, or not of the type that was asked for."""


class Text(Struct, frozen=True):
    text: str


class Image(Struct, frozen=True):
    data: bytes


class Document(Struct, frozen=True):
    """A document or a search result: the texts and images that stand in it, its title and context among them."""

    content: "tuple[Text | Image, ...]"


class Call(Struct, frozen=True):
    """A tool call of an earlier assistant turn."""

    id: str
    name: str
    input: Any


class Result(Struct, frozen=True):
    """A tool result; it may hold images and documents too."""

    id: str
    content: "tuple[Text | Image | Document, ...]"
    is_error: bool = False


Part = Text | Image | Document | Call | Result


class Turn(Struct, frozen=True):
    role: Literal["user", "assistant", "system"]
    parts: tuple[Part, ...]


class Tool(Struct, frozen=True):
    name: str
    description: str = ""
    schema: dict[str, Any] = {}
    callable: bool = True
    """False for server tools, which are never called."""
    strict: bool = False
    """The input is valid under the schema whatever is asked."""


class Conversation(Struct, frozen=True, kw_only=True):
    """A request in neutral terms."""

    turns: tuple[Turn, ...]
    system: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: Literal["auto", "any", "tool", "none"] = "auto"
    chosen: str = ""
    """The tool's name where `choice` is `tool`."""
    parallel: bool = True
    max_tokens: int | None = None
    stop_sequences: tuple[str, ...] = ()
    thinking: bool = False
    budget: int | None = None
    schema: dict[str, Any] | None = None
    """Structured output asked for."""
    received: Any = None
    """The request as it came in, for the faces that give it back."""
    ending: str | None = None
    """How the answer that the instruction names ended, for the faces that know."""


class Thought(Struct, frozen=True, tag=True):
    text: str


class Speech(Struct, frozen=True, tag=True):
    text: str


class Invocation(Struct, frozen=True, tag=True):
    name: str
    input: dict[str, Any]


class Failure(Struct, frozen=True):
    """`Fail with KIND.`: what the face is to do instead of answering."""

    kind: Literal["status", "cut", "silence", "error", "split-bytes", "not-json", "empty"]
    status: int | None = None
    retry_after: int | None = None
    after_words: int | None = None


class Reply(Struct, frozen=True, kw_only=True):
    """The brain's answer: blocks in order, and why it ended."""

    blocks: tuple[Thought | Speech | Invocation, ...]
    stop: Literal["end", "length", "sequence", "tool", "refusal"]
    stop_sequence: str | None = None
    input_tokens: int
    output_tokens: int
    thinking_tokens: int = 0
    cached_tokens: int = 0
    """Of the input tokens, those that an upstream read from its cache."""
    failure: Failure | None = None

"""The probe language's own pairs of request and answer, as values and in the neutral terms that a brain reads."""

import base64
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from conformance.scripted.conversation import Call, Conversation, Document, Image, Part, Result, Text, Tool, Turn

_FILE = Path(__file__).parents[2] / "cases" / "probe-vectors.yaml"

Protocol = Literal["anthropic", "openai", "ollama"]
Mode = Literal["json", "stream"]


class Fails(Struct, frozen=True, forbid_unknown_fields=True):
    status: int | None = None
    retry_after: int | None = None
    after: str = ""
    then: Literal["cut", "silence", "error"] | None = None
    body: str | None = None


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    text: str | None = None
    content: list[dict[str, Any]] | None = None
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    fails: Fails | None = None

    @property
    def blocks(self) -> list[dict[str, Any]]:
        if self.content is not None:
            return self.content
        return [{"type": "text", "text": self.text}] if self.text else []


class Vector(Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    says: str
    request: dict[str, Any]
    answer: Answer
    faces: tuple[Protocol, ...] = ("anthropic", "openai", "ollama")
    modes: tuple[Mode, ...] = ("json", "stream")

    @property
    def body(self) -> dict[str, Any]:
        """The request as a Messages body."""
        rest = {key: value for key, value in self.request.items() if key != "prompt"}
        if "prompt" in self.request:
            rest["messages"] = [{"role": "user", "content": self.request["prompt"]}]
        return {"model": "scripted", "max_tokens": 1024, **rest}


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    vectors: list[Vector]
    images: dict[str, Any]
    tools: dict[str, Any]
    called: dict[str, Any]
    called_again: dict[str, Any]
    asked: dict[str, Any]


VECTORS = msgspec.yaml.decode(_FILE.read_bytes(), type=_File).vectors


Block = dict[str, Any]


def conversation_of(body: Block, *, upstream: bool) -> Conversation:
    choice = body.get("tool_choice", {"type": "auto"})
    thinking = body.get("thinking", {"type": "disabled"})
    return Conversation(
        turns=tuple(Turn(message["role"], _parts(message["content"])) for message in body["messages"]),
        system=tuple(block.text for block in _parts(body.get("system", [])) if isinstance(block, Text)),
        tools=tuple(
            Tool(
                name=tool["name"],
                description=tool.get("description", ""),
                schema=tool.get("input_schema", {}),
                callable="type" not in tool,
                strict=tool.get("strict", False),
            )
            for tool in body.get("tools", [])
        ),
        choice=choice["type"],
        chosen=choice.get("name", ""),
        parallel=not choice.get("disable_parallel_tool_use"),
        max_tokens=body["max_tokens"],
        stop_sequences=tuple(body.get("stop_sequences", [])),
        thinking=thinking["type"] != "disabled",
        budget=thinking.get("budget_tokens"),
        schema=body["output_config"]["format"]["schema"] if "output_config" in body else None,
        received=body if upstream else None,
    )


def _parts(content: str | list[Block]) -> tuple[Part, ...]:
    return (Text(content),) if isinstance(content, str) else tuple(map(_part, content))


def _part(block: Block) -> Part:
    match block["type"]:
        case "text":
            return Text(block["text"])
        case "image":
            return Image(base64.b64decode(block["source"]["data"]))
        case "document":
            return Document(tuple(Text(text) for text in (block.get("title"), block["source"]["data"]) if text))
        case "search_result":
            return Document((Text(block["title"]), *_parts(block["content"])))  # type: ignore[arg-type]
        case "tool_use":
            return Call(block["id"], block["name"], block["input"])
        case "tool_result":
            return Result(block["tool_use_id"], _parts(block["content"]), block.get("is_error", False))  # type: ignore[arg-type]
    raise ValueError(block["type"])

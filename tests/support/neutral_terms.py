"""A Messages body in the neutral terms that a brain reads."""

import base64
from typing import Any

from conformance.scripted.conversation import Call, Conversation, Document, Image, Part, Result, Text, Tool, Turn

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

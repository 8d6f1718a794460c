"""Asks endpoints with the official Python SDK: `ID URL` a line on standard input, four JSON lines for each of them."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import anthropic

PATIENCE = 10.0


def asked(kind: str) -> dict[str, Any]:
    """What is asked: a text, or two calls beside thinking."""
    if kind == "text":
        content = "Reply with exactly: alpha beta\ngamma"
        return {"model": "scripted", "max_tokens": 256, "messages": [{"role": "user", "content": content}]}
    calls = 'Call these tools in one turn: lookup {"key": "one", "n": 3}; lookup {"key": "two"}'
    schema = {"type": "object", "properties": {"key": {"type": "string"}, "n": {"type": "integer"}}}
    return {
        "model": "scripted",
        "max_tokens": 4096,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "tools": [{"name": "lookup", "description": "Looks a word up.", "input_schema": schema}],
        "messages": [{"role": "user", "content": calls}],
    }


def reported(message: Any) -> dict[str, Any]:
    """What a program sees of an answer."""
    blocks = message.content or []
    usage = message.usage
    return {
        "texts": [block.text for block in blocks if block.type == "text"],
        "calls": [[block.name, block.input] for block in blocks if block.type == "tool_use"],
        "thinking": [block.thinking for block in blocks if block.type == "thinking"],
        "stop": message.stop_reason,
        "usage": [type(count).__name__ for count in (usage.input_tokens, usage.output_tokens)] if usage else [],
    }


def answers(url: str) -> Iterator[dict[str, Any]]:
    client = anthropic.Anthropic(base_url=url, api_key="none", max_retries=0, timeout=PATIENCE)
    for kind in ("text", "tools"):
        for mode in ("json", "stream"):
            try:
                if mode == "json":
                    message = client.messages.create(**asked(kind))
                else:
                    with client.messages.stream(**asked(kind)) as stream:
                        message = stream.get_final_message()
                yield {"asked": f"{kind} {mode}", "answer": reported(message)}
            except Exception as problem:  # noqa: BLE001 - whatever the SDK throws is what is measured
                yield {"asked": f"{kind} {mode}", "error": type(problem).__name__}


if __name__ == "__main__":
    for line in sys.stdin:
        name, _, url = line.strip().partition(" ")
        for answer in answers(url):
            print(json.dumps({"id": name, **answer}), flush=True)

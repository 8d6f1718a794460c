"""What a Messages request is on each wire, and what comes back, told in the same words."""

import json
from collections.abc import Iterator
from typing import Any, Protocol

from msgspec import Struct

Block = dict[str, Any]


class Heard(Struct, frozen=True):
    """An answer: its blocks without ids, why it ended, its usage."""

    content: list[Block]
    stop_reason: str
    stop_sequence: str | None
    input_tokens: int
    output_tokens: int


class Wire(Protocol):
    name: str
    path: str

    def request(self, body: Block, *, stream: bool) -> Block: ...

    def whole(self, answer: bytes) -> Heard: ...

    def streamed(self, answer: bytes) -> Heard: ...

    def stop(self, reason: str) -> str:
        """How this wire calls a stop reason of the Messages API."""


def _blocks(content: str | list[Block]) -> list[Block]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _content(thinking: str, text: str, calls: list[Block]) -> list[Block]:
    thought = [{"type": "thinking", "thinking": thinking}] if thinking else []
    said = [{"type": "text", "text": text}] if text else []
    return [*thought, *said, *calls]


def _events(answer: bytes) -> Iterator[Any]:
    """The JSON of each event, however the bytes were cut."""
    for line in answer.decode().split("\n"):
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line.removeprefix("data: "))


class Anthropic:
    name = "anthropic"
    path = "/v1/messages"

    def request(self, body: Block, *, stream: bool) -> Block:
        return {**body, "stream": stream}

    def whole(self, answer: bytes) -> Heard:
        message = json.loads(answer)
        kept = {"text": ("text",), "thinking": ("thinking",), "tool_use": ("name", "input")}
        content = [{"type": b["type"], **{key: b[key] for key in kept[b["type"]]}} for b in message["content"]]
        usage = message["usage"]
        return Heard(
            content, message["stop_reason"], message["stop_sequence"], usage["input_tokens"], usage["output_tokens"]
        )

    def streamed(self, answer: bytes) -> Heard:
        message: Block = {}
        pieces: dict[int, str] = {}
        for event in _events(answer):
            match event:
                case {"type": "message_start"}:
                    message = event["message"]
                case {"type": "content_block_start"}:
                    message["content"].append(event["content_block"])
                    pieces[event["index"]] = ""
                case {"type": "content_block_delta", "delta": {"type": "text_delta" | "thinking_delta" as kind}}:
                    pieces[event["index"]] += event["delta"][kind.removesuffix("_delta")]
                case {"type": "content_block_delta", "delta": {"type": "input_json_delta"}}:
                    pieces[event["index"]] += event["delta"]["partial_json"]
                case {"type": "message_delta"}:
                    message |= event["delta"]
                    message["usage"] |= event["usage"]
        for block, piece in zip(message["content"], pieces.values(), strict=True):
            block[{"tool_use": "input"}.get(block["type"], block["type"])] = (
                json.loads(piece or "{}") if block["type"] == "tool_use" else piece
            )
        return self.whole(json.dumps(message).encode())

    def stop(self, reason: str) -> str:
        return reason


class OpenAI:
    name = "openai"
    path = "/v1/chat/completions"

    def request(self, body: Block, *, stream: bool) -> Block:
        system = body.get("system", [])
        messages = [{"role": "system", "content": block["text"]} for block in _blocks(system)]
        for message in body["messages"]:
            messages += self._messages(message["role"], _blocks(message["content"]))
        choice = body.get("tool_choice", {})
        wanted = {
            "model": body["model"],
            "messages": messages,
            "max_tokens": body["max_tokens"],
            "stop": body.get("stop_sequences"),
            "tools": [self._tool(tool) for tool in body["tools"]] if "tools" in body else None,
            "tool_choice": self._choice(choice),
            "parallel_tool_calls": False if choice.get("disable_parallel_tool_use") else None,
            "thinking": body.get("thinking"),
            "response_format": self._format(body),
        }
        sent = {key: value for key, value in wanted.items() if value is not None}
        return {**sent, **({"stream": True, "stream_options": {"include_usage": True}} if stream else {})}

    def _messages(self, role: str, blocks: list[Block]) -> Iterator[Block]:
        calls = [
            {
                "id": block["id"],
                "type": "function",
                "function": {"name": block["name"], "arguments": json.dumps(block["input"])},
            }
            for block in blocks
            if block["type"] == "tool_use"
        ]
        for block in blocks:
            if block["type"] == "tool_result":
                content = [self._part(part) for part in _blocks(block["content"])]
                yield {"role": "tool", "tool_call_id": block["tool_use_id"], "content": content}
        rest = [self._part(block) for block in blocks if block["type"] in {"text", "image"}]
        if calls:
            yield {"role": role, "content": rest or None, "tool_calls": calls}
        elif rest:
            plain = len(rest) == 1 and "text" in rest[0]
            yield {"role": role, "content": rest[0]["text"] if plain else rest}

    def _part(self, block: Block) -> Block:
        if block["type"] == "text":
            return {"type": "text", "text": block["text"]}
        source = block["source"]
        return {"type": "image_url", "image_url": {"url": f"data:{source['media_type']};base64,{source['data']}"}}

    def _tool(self, tool: Block) -> Block:
        function = {"name": tool["name"], "description": tool.get("description"), "parameters": tool["input_schema"]}
        if "strict" in tool:
            function["strict"] = tool["strict"]
        return {"type": "function", "function": function}

    def _choice(self, choice: Block) -> Any:
        if choice.get("type") == "tool":
            return {"type": "function", "function": {"name": choice["name"]}}
        return {"any": "required"}.get(choice.get("type", ""), choice.get("type"))

    def _format(self, body: Block) -> Block | None:
        if "output_config" not in body:
            return None
        schema = body["output_config"]["format"]["schema"]
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}

    def whole(self, answer: bytes) -> Heard:
        completion = json.loads(answer)
        (choice,) = completion["choices"]
        message = choice["message"]
        return self._heard(message, choice["finish_reason"], completion["usage"])

    def streamed(self, answer: bytes) -> Heard:
        assert answer.endswith(b"data: [DONE]\n\n")
        message: Block = {"content": "", "reasoning_content": "", "tool_calls": []}
        reason = ""
        usage: dict[str, Any] = {}
        for chunk in _events(answer):
            usage = chunk.get("usage") or usage
            for choice in chunk["choices"]:
                delta = choice["delta"]
                message["content"] += delta.get("content") or ""
                message["reasoning_content"] += delta.get("reasoning_content") or ""
                for call in delta.get("tool_calls", []):
                    if "id" in call:
                        assert call["index"] == len(message["tool_calls"])
                        message["tool_calls"].append(call)
                    else:
                        message["tool_calls"][call["index"]]["function"]["arguments"] += call["function"]["arguments"]
                reason = choice["finish_reason"] or reason
        return self._heard(message, reason, usage)

    def _heard(self, message: Block, reason: str, usage: Block) -> Heard:
        calls = [
            {"type": "tool_use", "name": call["function"]["name"], "input": json.loads(call["function"]["arguments"])}
            for call in message.get("tool_calls") or []
        ]
        content = _content(message.get("reasoning_content") or "", message["content"] or "", calls)
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        return Heard(content, reason, None, usage["prompt_tokens"], usage["completion_tokens"])

    def stop(self, reason: str) -> str:
        return {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls"}[reason]


class Ollama:
    name = "ollama"
    path = "/api/chat"

    def request(self, body: Block, *, stream: bool) -> Block:
        system = body.get("system", [])
        messages = [{"role": "system", "content": block["text"]} for block in _blocks(system)]
        for message in body["messages"]:
            messages += [self._message(message["role"], block) for block in _blocks(message["content"])]
        options: Block = {"num_predict": body["max_tokens"]}
        if "stop_sequences" in body:
            options["stop"] = body["stop_sequences"]
        wanted = {
            "model": body["model"],
            "messages": messages,
            "tools": [OpenAI()._tool(tool) for tool in body["tools"]] if "tools" in body else None,
            "think": "thinking" in body,
            "format": body["output_config"]["format"]["schema"] if "output_config" in body else None,
        }
        return {
            **{key: value for key, value in wanted.items() if value is not None},
            "options": options,
            "stream": stream,
        }

    def _message(self, role: str, block: Block) -> Block:
        match block["type"]:
            case "tool_use":
                function = {"name": block["name"], "arguments": block["input"]}
                return {"role": role, "content": "", "tool_calls": [{"function": function}]}
            case "tool_result":
                texts = [part["text"] for part in _blocks(block["content"]) if part["type"] == "text"]
                return {"role": "tool", "content": "\n".join(texts)}
            case "image":
                return {"role": role, "content": "", "images": [block["source"]["data"]]}
        return {"role": role, "content": block["text"]}

    def whole(self, answer: bytes) -> Heard:
        return self._heard([json.loads(answer)])

    def streamed(self, answer: bytes) -> Heard:
        return self._heard([json.loads(line) for line in answer.decode().splitlines()])

    def _heard(self, parts: list[Block]) -> Heard:
        assert [part["done"] for part in parts] == [False] * (len(parts) - 1) + [True]
        messages = [part["message"] for part in parts]
        calls = [
            {"type": "tool_use", "name": call["function"]["name"], "input": call["function"]["arguments"]}
            for message in messages
            for call in message.get("tool_calls") or []
        ]
        thinking = "".join(message.get("thinking") or "" for message in messages)
        content = _content(thinking, "".join(message["content"] for message in messages), calls)
        last = parts[-1]
        return Heard(content, last["done_reason"], None, last["prompt_eval_count"], last["eval_count"])

    def stop(self, reason: str) -> str:
        return "length" if reason == "max_tokens" else "stop"


WIRES: dict[str, Wire] = {wire.name: wire for wire in (Anthropic(), OpenAI(), Ollama())}

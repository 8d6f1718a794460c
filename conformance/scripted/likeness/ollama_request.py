"""Emulation of how Ollama's Messages layer reads a request, as a request for the strict reference endpoint.

Ollama turns messages into those of its own chat API: text blocks run together, tool results become messages of their
own, and what it does not know falls away. Here the same is said in the words of the Messages API, with every call and
result paired anew, since Ollama pairs none of them.
"""

import base64
import binascii
from typing import Any

import msgspec
from msgspec.structs import replace

from conformance.scripted.anthropic.answer import Answer, Frame, json_answer, stream_answer
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.checks.tools import check_schema
from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.anthropic.media import LONGEST_SIDE
from conformance.scripted.anthropic.models import SCRIPTED
from conformance.scripted.likeness.ollama_parsing import bad, check_types, decoded
from conformance.scripted.likeness.ollama_versions import RESULT_IMAGES, SEARCHES, THINKING_DISABLED, TYPED_BLOCKS

MODEL_HEADER = "x-likeness-model"
"""Where the model's name as asked travels to the answer, which echoes it."""

CONTEXT = 131_072
"""The tokens that the model is loaded with; a prompt beyond them is cut."""

SEARCH_HEADER = "x-likeness-web-search"
"""Says to the answer that the request has the web_search server tool."""

NAMES = ("scripted", "scripted:latest")
"""The model that is installed, with and without its tag."""

Block = dict[str, Any]
Body = dict[str, Any]

_SIGNATURES = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"RIFF": "image/webp",
}
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_SCHEMA_KEYS = ("type", "$defs", "items", "required", "properties")


class Understanding:
    """The reading of requests by one version of Ollama, gaps included."""

    def __init__(self, version: tuple[int, int, int], gaps: frozenset[str]) -> None:
        self.version = version
        self.gaps = gaps

    def of(self, call: Call) -> Call | Answer:
        """The request as understood; an answer where none is asked of the model; or the refusal."""
        body = decoded(call.body)
        if "leniency" in self.gaps:
            check_types(body, typed=self.version >= TYPED_BLOCKS, documents="documents" not in self.gaps)
        self._check(body)
        name = body["model"]
        system, messages = self._messages(body)
        if not messages:
            if "empty" in self.gaps:
                return _loading(name, streams=call.streams)
            raise bad("messages: at least one message with content is required")
        understood = self._fields(body) if "leniency" in self.gaps else dict(body)
        understood |= {"model": SCRIPTED.id, "messages": messages}
        understood.pop("system", None)
        if system:
            understood["system"] = [{"type": "text", "text": system, **self._marker(body.get("system"))}]
        if messages and messages[-1]["role"] == "assistant":
            understood["thinking"] = {"type": "disabled"}
        headers = {**call.headers, MODEL_HEADER: name, "anthropic-version": "2023-06-01"}
        if self._searches(body):
            headers[SEARCH_HEADER] = "yes"
        if "truncation" in self.gaps:
            _truncate(understood)
        return replace(call, headers=headers, body=msgspec.json.encode(understood))

    def _check(self, body: Body) -> None:
        if not body.get("model"):
            raise bad("model is required")
        if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] <= 0:
            raise bad("max_tokens is required and must be positive")
        if not body.get("messages"):
            raise bad("messages is required")
        if body["model"] not in NAMES:
            raise Refusal(404, "not_found_error", f"model '{body['model']}' not found")

    def _fields(self, body: Body) -> Body:
        """The fields beside the messages, those in the gaps left out."""
        kept: Body = {"max_tokens": min(body["max_tokens"], SCRIPTED.max_output), "stream": body.get("stream") is True}
        stops = [stop for stop in body.get("stop_sequences") or [] if isinstance(stop, str) and stop.strip()]
        if stops:
            kept["stop_sequences"] = stops
        tools = self._tools(body.get("tools") or [])
        if tools:
            kept["tools"] = tools
        if "tool_choice" not in self.gaps and body.get("tool_choice"):
            kept["tool_choice"] = body["tool_choice"]
        if "output_format" not in self.gaps and (body.get("output_config") or {}).get("format"):
            kept["output_config"] = {"format": body["output_config"]["format"]}
        forced = kept.get("tool_choice", {}).get("type") in ("any", "tool")
        if self._thinks(body) and not forced:
            kept["thinking"] = {"type": "adaptive"}
        return kept

    def _thinks(self, body: Body) -> bool:
        """Whether the model is told to think, or does so untold."""
        said = (body.get("thinking") or {}).get("type")
        effort = (body.get("output_config") or {}).get("effort")
        if said == "enabled" or (said == "adaptive" and "adaptive" not in self.gaps):
            return True
        if self.version >= THINKING_DISABLED and (said == "disabled" or effort in _EFFORTS):
            return said != "disabled"
        return "thinks_by_default" in self.gaps

    def _tools(self, tools: list[Any]) -> list[Block]:
        """Custom tools by name; of two with one name the last counts."""
        kept: dict[str, Block] = {}
        for tool in tools:
            if not isinstance(tool, dict):
                raise bad("json: cannot unmarshal into Go struct field MessagesRequest.tools of type anthropic.Tool")
            name, kind = tool.get("name"), tool.get("type")
            if kind not in (None, "custom") and "tool_types" not in self.gaps:
                raise bad(f"tools of the type {kind} are not supported")
            if isinstance(name, str) and name:
                kept[name] = self._tool(name, tool)
        return [tool for name, tool in kept.items() if _is_callable(name)]

    def _marker(self, blocks: Any) -> Block:
        """The last cache marker of blocks that became one, as that one's key; nothing where markers are ignored."""
        blocks = blocks if isinstance(blocks, list) and "cache_control" not in self.gaps else []
        marked = [block["cache_control"] for block in blocks if isinstance(block, dict) and block.get("cache_control")]
        return {"cache_control": marked[-1]} if marked else {}

    def _searches(self, body: Body) -> bool:
        kinds = [tool.get("type") for tool in body.get("tools") or [] if isinstance(tool, dict)]
        return self.version >= SEARCHES and any(str(kind).startswith("web_search") for kind in kinds)

    def _tool(self, name: str, tool: Block) -> Block:
        schema = tool.get("input_schema")
        if schema is not None and not _is_readable(schema):
            raise bad(f'invalid input_schema for tool "{name}": json: cannot unmarshal')
        loose = {key: value for key, value in schema.items() if key in _SCHEMA_KEYS} if isinstance(schema, dict) else {}
        loose["type"] = "object"
        try:
            check_schema(loose, "")
        except Refusal:
            loose = {"type": "object"}
        described = {"description": tool["description"]} if isinstance(tool.get("description"), str) else {}
        return {"name": name, "input_schema": loose, **described, **self._marker([tool])}

    def _messages(self, body: Body) -> tuple[str, list[Body]]:
        """The system prompt and the turns, in which a system message stays where it was put."""
        separator = "" if "separator" in self.gaps else "\n\n"
        system = [_system(body.get("system"), separator)]
        turns: list[Body] = []
        inputs: dict[str, Body] = {}
        """What was called, by the id of the call."""
        for message in body["messages"]:
            role = str(message.get("role", "")).lower()
            content = message.get("content")
            if content == "" and self.version < TYPED_BLOCKS:
                content = "(nothing)"
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
            if role == "system":
                turns.append({"role": "system", "content": [{"type": "text", "text": _joined(blocks, separator)}]})
            elif role in ("user", "assistant"):
                known: list[Block] = [block for block in blocks if isinstance(block, dict)]
                inputs |= {str(block.get("id")): block["input"] for block in known if _is_call(block)}
                turns += self._turn(role, known, len(turns), inputs)
        system += _out_of_place(turns)
        return "\n".join(text for text in system if text), _ended(turns)

    def _turn(self, role: str, blocks: list[Block], number: int, inputs: dict[str, Body]) -> list[Body]:
        answered = [block for block in blocks if block.get("type") == "tool_result"]
        results = [self._result(block) for block in answered]
        images = [image for block in blocks if block.get("type") == "image" and (image := self._image(block))]
        kept = blocks if "documents" in self.gaps else []
        documents = [block for block in blocks if block.get("type") in ("document", "search_result") and not kept]
        said: list[Block] = []
        texts = [block for block in blocks if block.get("type") == "text"]
        text = _joined(texts, "" if "separator" in self.gaps else "\n")
        if text.strip():
            said.append({"type": "text", "text": text, **self._marker(texts)})
        if role == "assistant":
            return [{"role": "assistant", "content": said}] if said else []
        calls = [
            {
                "type": "tool_use",
                "id": f"call_{number}_{at}",
                "name": "earlier",
                "input": inputs.get(str(result.get("tool_use_id")), {}),
            }
            for at, result in enumerate(answered)
        ]
        for call, result in zip(calls, results, strict=True):
            result["tool_use_id"] = call["id"]
        turns: list[Body] = [{"role": "assistant", "content": calls}] if calls else []
        content = [*results, *images, *documents, *said]
        return [*turns, {"role": "user", "content": content}] if content else turns

    def _result(self, block: Block) -> Block:
        content = block.get("content")
        result: Block = {"type": "tool_result", **self._marker([block])}
        if block.get("is_error") is True and "is_error" not in self.gaps:
            result["is_error"] = True
        if isinstance(content, str):
            return result | ({"content": content} if content.strip() else {})
        parts = [part for part in content or [] if isinstance(part, dict)]
        text = _joined(parts, "" if "separator" in self.gaps else "\n")
        images = [image for part in parts if part.get("type") == "image" and (image := self._image(part))]
        pieces = [{"type": "text", "text": text}] if text.strip() else []
        return result | {"content": [*pieces, *(images if self.version >= RESULT_IMAGES else [])]}

    def _image(self, block: Block) -> Block | None:
        source = block.get("source")
        if not isinstance(source, dict):
            raise bad("invalid image source")
        if source.get("type") != "base64":
            if source.get("type") == "url" and "image_url" not in self.gaps:
                return {"type": "image", "source": {"type": "url", "url": source.get("url")}}
            raise bad(f"invalid image source type: {source.get('type', '')}. Only base64 images are supported.")
        try:
            data = base64.b64decode(str(source.get("data", "")), validate=True)
        except (binascii.Error, ValueError):
            raise bad("invalid base64 image data: illegal base64 data at input byte 0") from None
        kind = next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), None)
        if kind is None or _is_oversized(data):
            return None
        return {"type": "image", "source": {"type": "base64", "media_type": kind, "data": source["data"]}}


def _is_oversized(data: bytes) -> bool:
    """Whether a PNG is larger than the reference endpoint takes: Ollama looks at no size, and the model sees little."""
    sides = [int.from_bytes(data[at : at + 4]) for at in (16, 20)]
    return data.startswith(b"\x89PNG") and max(sides) > LONGEST_SIDE


def _is_call(block: Block) -> bool:
    return block.get("type") == "tool_use" and isinstance(block.get("input"), dict)


def known_model(call: Call) -> Call:
    """A request for another route, with the name that the reference endpoint knows the model by."""
    document = call.document
    if not isinstance(document, dict) or document.get("model") not in NAMES:
        return call
    return replace(call, body=msgspec.json.encode({**document, "model": SCRIPTED.id}))


def estimated(call: Call) -> int:
    """The input tokens that a stream begins with: a quarter of the characters, images left out."""
    document = call.document if isinstance(call.document, dict) else {}
    total = len(str(document.get("system") or ""))
    for message in document.get("messages") or []:
        content = message.get("content")
        blocks = [{"text": content}] if isinstance(content, str) else content
        total += len(message.get("role", "")) + sum(len(str(block.get("text") or "")) for block in blocks)
    total += sum(_size(tool) for tool in document.get("tools") or [] if isinstance(tool, dict))
    return max(total // 4, 1)


def _size(tool: Block) -> int:
    """The characters of a tool: its name, its description, and its schema as JSON."""
    schema = tool.get("input_schema")
    words = len(str(tool.get("name") or "")) + len(str(tool.get("description") or ""))
    return words + (len(msgspec.json.encode(schema)) if schema else 0)


def _system(system: Any, separator: str) -> str:
    if isinstance(system, str):
        return system
    return (
        _joined([block for block in system if isinstance(block, dict)], separator) if isinstance(system, list) else ""
    )


def _joined(blocks: list[Any], separator: str) -> str:
    texts = [block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text"]
    return separator.join(text for text in texts if isinstance(text, str))


def _out_of_place(turns: list[Body]) -> list[str]:
    """Takes out the system messages that the strict reference endpoint has no place for; their texts."""
    texts: list[str] = []
    for at in reversed(range(len(turns))):
        before, after = turns[at - 1 : at], turns[at + 1 : at + 2]
        fits = [turn["role"] for turn in before] == ["user"] and all(turn["role"] == "assistant" for turn in after)
        text = turns[at]["content"][0]["text"] if turns[at]["role"] == "system" else ""
        if turns[at]["role"] == "system" and not (fits and text.strip()):
            texts.insert(0, text)
            del turns[at]
    return texts


def _ended(turns: list[Body]) -> list[Body]:
    """A final assistant turn as a prefill that the reference takes: without white space at its end."""
    if turns and turns[-1]["role"] == "assistant":
        content = turns[-1]["content"]
        if content and content[-1]["type"] == "text":
            content[-1]["text"] = content[-1]["text"].rstrip()
    return turns


def _truncate(body: Body) -> None:
    """A prompt beyond the context loses the middle of its longest text, and nothing says so."""
    texts = [block for message in body["messages"] for block in message["content"] if block["type"] == "text"]
    excess = sum(len(block["text"].split()) for block in texts) - CONTEXT * 9 // 10
    if excess > 0:
        longest = max(texts, key=lambda block: len(block["text"]))
        words = longest["text"].split(" ")
        kept = max(len(words) - excess, 2) // 2
        longest["text"] = " ".join([*words[:kept], *words[-kept:]])


def _is_readable(schema: Any) -> bool:
    """Whether a schema fits the types that Ollama reads it into."""
    if not isinstance(schema, dict) or not isinstance(schema.get("type", ""), str):
        return False
    properties = schema.get("properties") or {}
    if not isinstance(properties, dict):
        return False
    kinds = [each.get("type", "") if isinstance(each, dict) else None for each in properties.values()]
    return all(isinstance(kind, str | list) for kind in kinds)


def _is_callable(name: str) -> bool:
    return len(name) <= 128 and all(
        character.isascii() and (character.isalnum() or character in "_-") for character in name
    )


def _loading(model: str, *, streams: bool) -> Answer:
    """What comes back where nothing is asked: the model is loaded, and the answer is a success."""
    message = {
        "id": fresh("msg"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": None,
        "stop_reason": "stop_sequence",
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }
    if not streams:
        return json_answer(message)
    begun: dict[str, Any] = {key: value for key, value in message.items() if key != "stop_reason"} | {"content": []}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "message_delta", "delta": {"stop_reason": "stop_sequence"}, "usage": message["usage"]},
        {"type": "message_stop"},
    ]
    return stream_answer(Frame(event["type"], msgspec.json.encode(event).decode()) for event in events)

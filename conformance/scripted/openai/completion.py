"""A reply as a chat completion: one object, or a stream of chunks."""

import secrets
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from conformance.scripted.conversation import Invocation, Reply, Speech, Thought
from conformance.scripted.encodings import compact
from conformance.scripted.openai.errors import envelope_of
from conformance.scripted.openai.request import ChatRequest, NamedChoice
from conformance.scripted.openai.shapes import SHAPES, Shape
from conformance.scripted.speaking import NOT_JSON, SpokenPiece
from conformance.scripted.tokens import split

_REASONS = {"end": "stop", "sequence": "stop", "length": "length", "tool": "tool_calls"}
_CANONICAL = Shape("as OpenAI sends it")
_PIECE = 12
"""Characters of tool arguments in one chunk."""


class Completion:
    """The `Voice` of this wire."""

    media_type = "text/event-stream"

    def __init__(self, request: ChatRequest, reply: Reply, shape: str | None = None) -> None:
        """`shape` names one of `SHAPES`; without it the answer comes as OpenAI sends it."""
        self.request = request
        self.reply = reply
        self.shape = SHAPES.get(shape or "", _CANONICAL)
        self.id = f"chatcmpl-{secrets.token_hex(12)}"
        self.created = int(time.time())
        self.with_usage = bool(request.stream_options and request.stream_options.include_usage)

    def body(self) -> bytes:
        whole = self.whole()
        return msgspec.json.encode(self.shape.whole(whole) if self.shape.whole else whole)

    def frames(self) -> Iterator[SpokenPiece]:
        said = 0
        for chunk in self._shaped():
            said += _words_in(chunk)
            yield SpokenPiece(self.shape.comment + _event(msgspec.json.encode(chunk)), said)
        if self.shape.done:
            yield SpokenPiece(_event(b"[DONE]"), self.reply.output_tokens)

    def _shaped(self) -> list[dict[str, Any]]:
        chunks = list(self.chunks())
        return self.shape.stream(chunks) if self.shape.stream else chunks

    def not_json(self) -> bytes:
        return _event(NOT_JSON)

    def error(self, status: int) -> bytes:
        return msgspec.json.encode(envelope_of(status))

    def error_frame(self) -> bytes:
        return _event(self.error(500))

    def whole(self) -> dict[str, Any]:
        """The completion object."""
        choice = {"index": 0, "message": self._message(), "logprobs": None, **self._end()}
        return self._envelope("chat.completion") | {"choices": [choice], "usage": self.usage()}

    def chunks(self) -> Iterator[dict[str, Any]]:
        """The chunk objects as OpenAI sends them."""
        content = None if any(isinstance(block, Invocation) for block in self.reply.blocks) else ""
        yield self._chunk({"role": "assistant", "content": content, "refusal": None})
        for delta in self._deltas():
            yield self._chunk(delta)
        yield self._chunk({}, self._end())
        if self.with_usage:
            yield self._envelope("chat.completion.chunk") | {"choices": [], "usage": self.usage()}

    def usage(self) -> dict[str, Any]:
        """The counts; an answer that ended by itself took at least the token that ends it."""
        reply = self.reply
        said = max(reply.output_tokens, 1)
        return {
            "prompt_tokens": reply.input_tokens,
            "completion_tokens": said,
            "total_tokens": reply.input_tokens + said,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reply.thinking_tokens,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }

    def _message(self) -> dict[str, Any]:
        blocks = self.reply.blocks
        calls = [block for block in blocks if isinstance(block, Invocation)]
        text = "".join(block.text for block in blocks if isinstance(block, Speech))
        thought = "".join(block.text for block in blocks if isinstance(block, Thought))
        message: dict[str, Any] = {"role": "assistant", "content": None if calls else text, "refusal": None}
        if thought:
            message["reasoning_content"] = thought
        if calls:
            message["tool_calls"] = [_called(call, compact(call.input)) for call in calls]
        return message | {"annotations": []}

    def _deltas(self) -> Iterator[dict[str, Any]]:
        """What each chunk adds."""
        calls = 0
        for block in self.reply.blocks:
            match block:
                case Thought():
                    yield from ({"reasoning_content": word} for word in split(block.text))
                case Speech():
                    yield from ({"content": word} for word in split(block.text))
                case Invocation():
                    yield from _call_deltas(block, calls)
                    calls += 1

    def _end(self) -> dict[str, Any]:
        """Why the answer ended."""
        by = {} if self.reply.stop_sequence is None else {"stop_reason": self.reply.stop_sequence}
        return {"finish_reason": self._reason(), **by}

    def _reason(self) -> str:
        """As OpenAI has it: a call that `tool_choice` names ends with `stop`."""
        if self.reply.stop == "tool" and isinstance(self.request.tool_choice, NamedChoice):
            return "stop"
        return _REASONS[self.reply.stop]

    def _chunk(self, delta: dict[str, Any], end: dict[str, Any] | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, **(end or {"finish_reason": None})}
        unknown_yet = {"usage": None} if self.with_usage else {}
        return self._envelope("chat.completion.chunk") | {"choices": [choice]} | unknown_yet

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.request.model,
            "service_tier": "default",
            "system_fingerprint": None,
        }


def _call_deltas(call: Invocation, index: int) -> Iterator[dict[str, Any]]:
    yield {"tool_calls": [{"index": index} | _called(call, "")]}
    arguments = compact(call.input)
    for start in range(0, len(arguments), _PIECE):
        piece = arguments[start : start + _PIECE]
        yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _called(call: Invocation, arguments: str) -> dict[str, Any]:
    function = {"name": call.name, "arguments": arguments}
    return {"id": f"call_{secrets.token_hex(12)}", "type": "function", "function": function}


def _words_in(chunk: dict[str, Any]) -> int:
    """The words that a chunk says, by which the answer is paced; a call counts as one with each piece of it."""
    delta = chunk["choices"][0]["delta"] if chunk["choices"] else {}
    said = delta.get("content") or delta.get("reasoning_content") or delta.get("reasoning") or ""
    return len(split(said)) if isinstance(said, str) else 1


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"

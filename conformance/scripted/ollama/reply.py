"""A reply in Ollama's form: one object, or a line of JSON for each piece."""

import secrets
from collections.abc import Iterator
from typing import Any

import msgspec

from conformance.scripted.conversation import Invocation, Reply, Speech, Thought
from conformance.scripted.ollama.shapes import SHAPES, Shape
from conformance.scripted.ollama.store import timestamp
from conformance.scripted.speaking import NDJSON, NOT_JSON, SpokenPiece
from conformance.scripted.tokens import split

_CANONICAL = Shape("as Ollama sends it")
_NANOSECONDS = 1_000_000
"""For each token: time is not measured, so that all but the time stamps is the same each time."""

_ERRORS = {
    400: "invalid request",
    401: "unauthorized",
    403: "forbidden",
    404: "model not found",
    429: "too many requests",
    503: "server busy, please try again. maximum pending requests exceeded",
}


class OllamaVoice:
    """The `Voice` of `/api/chat`, and of `/api/generate` where `spoken_as` is `response`."""

    media_type = NDJSON

    def __init__(self, model: str, reply: Reply, spoken_as: str = "message", shape: str | None = None) -> None:
        """`shape` names one of `SHAPES`; without it the answer comes as Ollama sends it."""
        self.model = model
        self.reply = reply
        self.spoken_as = spoken_as
        self.shape = SHAPES.get(shape or "", _CANONICAL)

    def body(self) -> bytes:
        whole: dict[str, Any] = {"role": "assistant", "content": ""}
        for piece in self._shaped():
            for key, value in piece.items():
                whole[key] = whole[key] + value if key in whole else value
        return msgspec.json.encode(self._part(whole, last=True))

    def frames(self) -> Iterator[SpokenPiece]:
        words = 0
        for piece in self._shaped():
            words += _words_in(piece)
            yield SpokenPiece(_line(self._part({"role": "assistant", "content": "", **piece}, last=False)), words)
        yield SpokenPiece(_line(self._part({"role": "assistant", "content": ""}, last=True)), self.reply.output_tokens)

    def not_json(self) -> bytes:
        return NOT_JSON + b"\n"

    def error(self, status: int) -> bytes:
        return msgspec.json.encode({"error": _ERRORS.get(status, "internal server error")})

    def error_frame(self) -> bytes:
        return self.error(500) + b"\n"

    def _shaped(self) -> list[dict[str, Any]]:
        pieces = list(self._pieces())
        return self.shape.pieces(pieces) if self.shape.pieces else pieces

    def _pieces(self) -> Iterator[dict[str, Any]]:
        """What each line adds to the message; a call comes whole."""
        calls = 0
        for block in self.reply.blocks:
            match block:
                case Thought():
                    yield from ({"thinking": word} for word in split(block.text))
                case Speech():
                    yield from ({"content": word} for word in split(block.text))
                case Invocation():
                    function = {"index": calls, "name": block.name, "arguments": block.input}
                    call = {"id": f"call_{secrets.token_hex(4)}", "function": function}
                    yield {"tool_calls": [call]}
                    calls += 1

    def _part(self, message: dict[str, Any], *, last: bool) -> dict[str, Any]:
        part: dict[str, Any] = {"model": self.model, "created_at": timestamp()}
        if self.spoken_as == "message":
            part["message"] = message
        else:
            thinking = {"thinking": message["thinking"]} if "thinking" in message else {}
            part |= {"response": message["content"]} | thinking
        part["done"] = last
        return part | self._end() if last else part

    def _end(self) -> dict[str, Any]:
        asked = self.reply.input_tokens
        said = max(self.reply.output_tokens, 1)  # the end of an answer is a token too
        end = {
            "done_reason": "length" if self.reply.stop == "length" else "stop",
            "total_duration": (asked + said) * _NANOSECONDS,
            "load_duration": _NANOSECONDS,
            "prompt_eval_count": asked,
            "prompt_eval_duration": asked * _NANOSECONDS,
            "eval_count": said,
            "eval_duration": said * _NANOSECONDS,
        }
        return self.shape.end(end) if self.shape.end else end


def _words_in(piece: dict[str, Any]) -> int:
    """The words that a line says, by which the answer is paced; a call counts as one."""
    return len(split(piece.get("content") or piece.get("thinking") or "")) or 1


def _line(part: dict[str, Any]) -> bytes:
    return msgspec.json.encode(part) + b"\n"

"""The shapes in which Ollama, or a server that speaks its API, sends an answer; `Shape: NAME.` asks for one.

Each changes the pieces of a message, or the line that ends it. A shape whose name `openai/shapes.py` has too is the
same there.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from conformance.scripted.openai.shapes import AFTER, SPOKEN, THOUGHT

Piece = dict[str, Any]
"""What one line adds to the message: `content`, `thinking` or `tool_calls`."""
Pieces = list[Piece]
SECOND_THOUGHT = "and once more"


class Shape(Struct, frozen=True):
    """One way to send an answer; None changes nothing."""

    says: str
    pieces: Callable[[Pieces], Pieces] | None = None
    end: Callable[[Piece], Piece] | None = None
    """Changes the keys of the last line."""


def _text(pieces: Pieces) -> str:
    return "".join(piece.get("content", "") for piece in pieces)


def _calls(change: Callable[[Piece], Piece]) -> Callable[[Pieces], Pieces]:
    def changed(pieces: Pieces) -> Pieces:
        return [
            {"tool_calls": [change(call) for call in piece["tool_calls"]]} if "tool_calls" in piece else piece
            for piece in pieces
        ]

    return changed


def _function(call: Piece, **changes: Any) -> Piece:
    return {**call, "function": {**call["function"], **changes}}


def _without_arguments(call: Piece) -> Piece:
    return {**call, "function": {key: value for key, value in call["function"].items() if key != "arguments"}}


def _text_before_thinking(pieces: Pieces) -> Pieces:
    """Text, thinking, text: the answer is said after the thinking."""
    return [{"content": f"{SPOKEN} "}, {"thinking": THOUGHT}, {"content": _text(pieces)}]


def _thinking_twice(pieces: Pieces) -> Pieces:
    return [
        {"thinking": THOUGHT},
        {"content": f"{SPOKEN} "},
        {"thinking": SECOND_THOUGHT},
        {"content": _text(pieces)},
    ]


def _together(pieces: Pieces) -> Pieces:
    calls = [call for piece in pieces for call in piece.get("tool_calls", [])]
    return [*(piece for piece in pieces if "tool_calls" not in piece), *([{"tool_calls": calls}] if calls else [])]


SHAPES: dict[str, Shape] = {
    "text-before-thinking": Shape("text, thinking, text", _text_before_thinking),
    "thinking-twice": Shape("thinking, text, thinking, text", _thinking_twice),
    "text-after-call": Shape("text follows a call", lambda pieces: [*pieces, {"content": AFTER}]),
    "calls-in-one-delta": Shape("all calls come in one line", _together),
    "calls-with-one-id": Shape("all calls have one id", _calls(lambda call: {**call, "id": "call_same"})),
    "calls-without-id": Shape("calls have no id", _calls(lambda call: {k: v for k, v in call.items() if k != "id"})),
    "null-arguments": Shape("arguments are null", _calls(lambda call: _function(call, arguments=None))),
    "no-arguments": Shape("calls have no arguments", _calls(_without_arguments)),
    "no-done-reason": Shape(
        "the last line has no done_reason", end=lambda end: {k: v for k, v in end.items() if k != "done_reason"}
    ),
    "unknown-done-reason": Shape(
        "the last line has a done_reason that nobody knows", end=lambda end: {**end, "done_reason": "finished"}
    ),
    "reasoning": Shape(
        "reasoning comes, asked for or not",
        lambda pieces: pieces if any("thinking" in piece for piece in pieces) else [{"thinking": THOUGHT}, *pieces],
    ),
}
"""By name; a name that is not here is answered as if no shape were asked for."""

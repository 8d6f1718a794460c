"""The part of a request that an answer gives back word for word: a model does so whose instruction never arrived."""

from collections.abc import Iterator
from typing import Any

from conformance.judge.answer import Answer

SHORTEST = 16
"""Characters from which on the beginning of a text is known again, where a limit cut the answer."""
LENGTHENED = 2
"""How much longer than the whole request a text may be that is given back: by white space."""


def given_back(answer: Answer, sought: Any = None) -> str:
    """The type of the block whose text the whole answer is, such as `tool_result`; empty where it is none's.

    `sought` is what an effect expected: who was asked for that very text, and lost only its white space, did as told.
    """
    if len(answer.text) > LENGTHENED * len(answer.exchange.request.body):  # to look at its words takes memory
        return ""
    said = _flat(answer.text)
    if not said or _holds(said, sought):
        return ""
    cut = len(said) >= SHORTEST and (answer.message or {}).get("stop_reason") == "max_tokens"
    for kind, text in _texts((answer.request or {}).get("messages"), ""):
        if said == text or (cut and text.startswith(said)):
            return kind
    return ""


def _holds(said: str, sought: Any) -> bool:
    """Whether a text is what was sought, but for its white space."""
    match sought:
        case {"contains": str(part)}:
            return _flat(part) in said
        case str(whole):
            return _flat(whole) == said
    return False


def _texts(value: Any, kind: str) -> Iterator[tuple[str, str]]:
    """The texts of the turns, the last first, each with the type of the outermost block that holds it."""
    if isinstance(value, list):
        for inner in reversed(value):
            yield from _texts(inner, kind)
    elif isinstance(value, dict):
        own = kind or str(value.get("type", ""))
        for inner in (value.get("content"), value.get("text")):
            if isinstance(inner, str):
                yield own, _flat(inner)
            else:
                yield from _texts(inner, own)


def _flat(text: str) -> str:
    return " ".join(text.split())

"""Extracts what probe prompts ask for: the secret word, tool results, images."""

import re
from collections.abc import Iterator

from conformance.scripted.conversation import Conversation, Document, Image, Part, Result, Text
from conformance.scripted.instructions import latest_user_parts

UNKNOWN = "unknown"
"""The answer where what was asked for is not in the request."""

_SECRET = re.compile(r"The secret word is ([^\s.]+)\.")


def secret_word(conversation: Conversation) -> str:
    """X of the last `The secret word is X.` in request order: tool descriptions, system, then the turns."""
    words = [word for text in _texts(conversation) for word in _SECRET.findall(text)]
    return words[-1] if words else UNKNOWN


def last_result(conversation: Conversation) -> Result | None:
    """The last tool result of the whole conversation."""
    results = [part for turn in conversation.turns for part in turn.parts if isinstance(part, Result)]
    return results[-1] if results else None


def text_of(result: Result) -> str:
    """Its text blocks, joined by a newline."""
    return "\n".join(part.text for part in result.content if isinstance(part, Text))


def images(conversation: Conversation) -> list[bytes]:
    """Those of the latest user turn, tool results and documents included; all of the request where it has none."""
    latest = list(_images(latest_user_parts(conversation)))
    return latest or [image for turn in conversation.turns for image in _images(turn.parts)]


def _texts(conversation: Conversation) -> Iterator[str]:
    for tool in conversation.tools:
        yield tool.description
    yield from conversation.system
    for turn in conversation.turns:
        for part in _flat(turn.parts):
            if isinstance(part, Text):
                yield part.text


def _images(parts: tuple[Part, ...]) -> Iterator[bytes]:
    return (part.data for part in _flat(parts) if isinstance(part, Image))


def _flat(parts: tuple[Part, ...]) -> Iterator[Part]:
    """The parts in request order, what stands inside documents and tool results in their place."""
    for part in parts:
        if isinstance(part, Document | Result):
            yield from _flat(part.content)
        else:
            yield part

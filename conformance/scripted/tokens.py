"""Token counts of the scripted model: one token is one word with its leading space."""

import json
import re
from functools import lru_cache
from typing import Any

from conformance.scripted.conversation import Call, Conversation, Document, Image, Invocation, Part, Result, Text

_TOKEN = re.compile(r"\s*\S+(?:\s+\Z)?|\s+\Z")

_TURN = 3
"""What a turn costs besides its words."""
_PART = 1
"""What a tool, a document, a tool call or a tool result costs besides its words."""
_IMAGE = 85
_LONG = range(2**10, 2**18)
"""Characters of a text whose words are counted once: a request is counted up to each of its cache breakpoints."""


def split(text: str) -> list[str]:
    """The tokens of a text; joined, they are the text again."""
    return _TOKEN.findall(text)


def cost(call: Invocation) -> int:
    """The tokens of a tool call: its name, and the words of its input written with spaces; never below two."""
    return 1 + _words_of_json(call.input)


def counts_input(conversation: Conversation) -> int:
    """The input tokens of a conversation: `count_tokens` and `usage` are both this number.

    Monotone: nothing that is added to a request lowers it.
    """
    tools = sum(
        _PART + _words(tool.name) + _words(tool.description) + _words_of_json(tool.schema)
        for tool in conversation.tools
    )
    system = sum(_words(text) for text in conversation.system)
    turns = sum(_TURN + sum(map(_size, turn.parts)) for turn in conversation.turns)
    schema = _words_of_json(conversation.schema) if conversation.schema is not None else 0
    return tools + system + turns + schema


def _size(part: Part) -> int:
    match part:
        case Text():
            return _words(part.text)
        case Image():
            return _IMAGE
        case Document() | Result():
            return _PART + sum(map(_size, part.content))
        case Call():
            return _PART + _words(part.name) + _words_of_json(part.input)


def _words(text: str) -> int:
    return _words_once(text) if len(text) in _LONG else len(text.split())


@lru_cache(maxsize=64)
def _words_once(text: str) -> int:
    return len(text.split())


def _words_of_json(value: Any) -> int:
    return _words(json.dumps(value, ensure_ascii=False))

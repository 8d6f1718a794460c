"""The server's error message, and the same with nonces, ids and numbers masked."""

import re
from typing import Any

from conformance.judge.answer import Answer
from conformance.judge.wire import ABSENT
from conformance.keys import shortened

LONGEST = 300
"""Characters of a sentence that are kept."""

_TAG = re.compile(r"<[^<>]{0,200}>")
_MASKS = (
    re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"),
    re.compile(r"\b[A-Za-z]{2,12}[_-](?=[A-Za-z]{0,24}\d)[A-Za-z0-9]{6,64}\b"),
    re.compile(r"\b(?=[a-z]{0,24}\d)[a-z0-9]{10,64}\b"),
)
_NUMBER = re.compile(r"\d{1,64}(?:[.,:]\d{1,64}){0,8}")


def sentence_of(answer: Answer) -> str:
    """The server's error in one line: status, type and message; empty where it says nothing."""
    words = message_of(answer)
    error = answer.error or {}
    kind = error.get("type")
    status = str(answer.status) if answer.status >= 400 else ""
    parts = [status, kind if isinstance(kind, str) else "", f'"{words}"' if words else ""]
    return " ".join(part for part in parts if part)


def message_of(answer: Answer) -> str:
    """The server's error message alone, in one line, whatever status or event brings it."""
    envelope = answer.stream_result.error if answer.in_events else answer.json
    said = _message_in(envelope) if envelope is not ABSENT else ""
    if not said and envelope is ABSENT:
        said = _TAG.sub(" ", answer.exchange.body[: 4 * LONGEST].decode(errors="replace"))
    flat = " ".join((said if answer.status < 500 else said.strip().split("\n", 1)[0]).split())
    return shortened(flat, LONGEST)


def _message_in(envelope: Any, depth: int = 3) -> str:
    """The message of an error envelope, in the shapes in which servers send it."""
    if isinstance(envelope, str):
        return shortened(envelope, 4 * LONGEST, "")
    if isinstance(envelope, list) and envelope and depth:
        return _message_in(envelope[0], depth - 1)
    if isinstance(envelope, dict) and depth:
        for name in ("error", "message", "msg", "detail", "error_description", "title"):
            if said := _message_in(envelope.get(name), depth - 1):
                return said
    return ""


def masked(sentence: str, nonce: str = "") -> str:
    """A sentence with numbers, ids and the nonce of its attempt taken out, so that two of a kind are equal."""
    text = shortened(sentence, 4 * LONGEST, "")
    if nonce:
        text = text.replace(nonce, "*")
    for mask in _MASKS:
        text = mask.sub("*", text)
    return _NUMBER.sub("N", text)

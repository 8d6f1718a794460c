"""Encodings in which upstream wires carry values: compact JSON, JSON pointers (RFC 6901), base64 and `data:` URLs."""

import base64
import binascii
from typing import Any

import msgspec

from conformance.scripted.conversation import Document, Text


def compact(value: Any) -> str:
    """The compact text of a JSON value."""
    return msgspec.json.encode(value).decode()


def value_at(document: Any, pointer: str) -> Any:
    """What stands there; LookupError where nothing does."""
    if not pointer:
        return document
    if not pointer.startswith("/"):
        raise LookupError(pointer)
    for step in pointer[1:].split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        match document:
            case dict():
                document = document[name]
            case list() if name.isdecimal():
                document = document[int(name)]
            case _:
                raise LookupError(pointer)
    return document


def decoded(text: str) -> bytes | None:
    """Base64, to the letter; None where it is not."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def of_data_url(url: str) -> tuple[str, bytes] | None:
    """Media type and bytes of a `data:...;base64,...` URL; None for any other."""
    head, comma, rest = url.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        return None
    data = decoded(rest)
    return None if data is None else (head[len("data:") : -len(";base64")].split(";")[0].lower(), data)


def document(media_type: str, data: bytes, title: str = "") -> Document:
    """A file as a document: the text of a PDF or of plain text, after its title."""
    if media_type == "application/pdf":
        from conformance.scripted.anthropic.documents import pages_of

        texts = pages_of(data)
    else:
        texts = [data.decode(errors="replace")]
    return Document(tuple(Text(text) for text in [title, *texts] if text))

"""Images and files as upstream wires carry them: base64 in a `data:` URL."""

import base64
import binascii

from conformance.scripted.conversation import Document, Text


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

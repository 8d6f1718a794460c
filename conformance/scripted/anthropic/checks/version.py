"""Checks of version 2026-10-21: the parameters that it removed.

Source: https://platform.claude.com/docs/en/api/versioning (migration to 2026-10-21)
"""

from conformance.scripted.anthropic.blocks import DocumentBlock, SearchResultBlock, TextBlock
from conformance.scripted.anthropic.errors import invalid
from conformance.scripted.anthropic.request import Prompt

OLDER, NEWEST = "2023-06-01", "2026-10-21"
VERSIONS = (OLDER, NEWEST)


def version_of(header: str | None) -> str:
    """The version a request asks for; without the header, the older one, as clients that leave it out expect."""
    if header is None:
        return OLDER
    if header.strip() not in VERSIONS:
        raise invalid("anthropic-version", f"{header!r} is not a version; expected one of {', '.join(VERSIONS)}")
    return header.strip()


def check_version(request: Prompt, version: str) -> None:
    if version != NEWEST:
        return
    for key in ("temperature", "top_p", "top_k"):
        if isinstance(getattr(request, key, None), int | float):
            raise invalid(key, "Extra inputs are not permitted")
    for index, message in enumerate(request.messages):
        for number, block in enumerate(message.blocks):
            at = f"messages.{index}.content.{number}"
            if message.role == "assistant" and isinstance(block, DocumentBlock):
                raise invalid(at, "`document` blocks cannot stand in a message of the role assistant")
            if message.role == "user" and isinstance(block, TextBlock) and block.citations:
                raise invalid(f"{at}.citations", "only text blocks of assistant messages can have citations")
            if isinstance(block, SearchResultBlock) and any(piece.citations for piece in block.content):
                raise invalid(f"{at}.content", "texts in a search result cannot have citations")

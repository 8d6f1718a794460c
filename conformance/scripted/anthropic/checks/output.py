"""Checks of structured output.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from conformance.scripted.anthropic.blocks import DocumentBlock, SearchResultBlock, ToolResultBlock
from conformance.scripted.anthropic.checks.schema import check_schema, check_supported
from conformance.scripted.anthropic.errors import invalid
from conformance.scripted.anthropic.request import Prompt


def check_output(request: Prompt) -> None:
    _check_citations(request)
    schema = request.output_schema
    if schema is None:
        return
    config = request.output_config
    at = "output_config.format.schema" if config and config.format else "output_format.schema"
    check_schema(schema, at)
    check_supported(schema, at)
    if any(cites(block) for block in citable(request)):
        raise invalid(at.rsplit(".", 1)[0], "citations and structured output exclude each other")
    last = request.messages[-1]
    if last.role == "assistant" and last.content:
        raise invalid("messages", "a final assistant message and structured output exclude each other")


def citable(request: Prompt) -> list[DocumentBlock | SearchResultBlock]:
    """The documents and search results of a request, in order; those in tool results too."""
    found: list[DocumentBlock | SearchResultBlock] = []
    for message in request.messages:
        for block in message.blocks:
            inner = block.content if isinstance(block, ToolResultBlock) and isinstance(block.content, list) else [block]
            found.extend(piece for piece in inner if isinstance(piece, DocumentBlock | SearchResultBlock))
    return found


def cites(block: DocumentBlock | SearchResultBlock) -> bool:
    return block.citations is not None and block.citations.enabled


def _check_citations(request: Prompt) -> None:
    """Citations are on for all documents of a request, or for none; so too for its search results."""
    for kind in (DocumentBlock, SearchResultBlock):
        settings = {cites(block) for block in citable(request) if isinstance(block, kind)}
        if len(settings) > 1:
            raise invalid("messages", f"citations must be enabled on all or none of the {kind.__name__[:-5]} blocks")

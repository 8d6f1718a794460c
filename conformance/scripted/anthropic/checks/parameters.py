"""Checks of the parameters of a request: limits, structured output, thinking, and those that a version removed.

Sources: https://platform.claude.com/docs/en/api/messages, .../api/versioning (migration to 2026-10-21),
.../build-with-claude/structured-outputs, .../build-with-claude/extended-thinking
"""

from conformance.scripted.anthropic.blocks import (
    DocumentBlock,
    SearchResultBlock,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
)
from conformance.scripted.anthropic.checks.tools import check_schema, check_supported
from conformance.scripted.anthropic.errors import invalid, not_found
from conformance.scripted.anthropic.fields import AnyTool, Container, OneTool, ThinkingBetweenTools, ThinkingEnabled
from conformance.scripted.anthropic.identity import is_genuine
from conformance.scripted.anthropic.models import Model
from conformance.scripted.anthropic.request import MessagesRequest, Prompt


def check_limits(request: Prompt, model: Model) -> None:
    if not isinstance(request, MessagesRequest):
        return
    if request.max_tokens > model.max_output:
        most = f"the maximum allowed number of output tokens for {model.id}"
        raise invalid("max_tokens", f"{request.max_tokens} > {model.max_output}, which is {most}")
    for index, sequence in enumerate(request.stop_sequences):
        if not sequence.strip():
            raise invalid(f"stop_sequences.{index}", "each stop sequence must contain non-whitespace")
    if request.max_tokens == 0:
        _check_warming(request)
    _check_container(request.container)


def _check_warming(request: MessagesRequest) -> None:
    """max_tokens 0 only fills the prompt cache, so nothing may be asked that needs an answer."""
    excluded = {
        "stream": request.stream,
        "thinking": request.thinks,
        "output_config.format": request.output_schema is not None,
        "tool_choice": isinstance(request.tool_choice, AnyTool | OneTool),
    }
    for key, given in excluded.items():
        if given:
            raise invalid("max_tokens", f"0 cannot be combined with {key}")


def _check_container(container: str | Container | None) -> None:
    if isinstance(container, Container) and container.skills:
        raise invalid(
            "container.skills", "skills need the code execution tool, which is not available on this endpoint"
        )
    name = container.id if isinstance(container, Container) else container
    if name is not None:
        raise not_found(f"container: {name}")


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


INTERLEAVED = "interleaved-thinking-2025-05-14"
"""With this beta flag and tools, the budget spans several answers and may exceed max_tokens."""


def check_thinking(request: Prompt, model: Model, betas: frozenset[str]) -> None:
    for index, message in enumerate(request.messages):
        for number, block in enumerate(message.blocks):
            if isinstance(block, ThinkingBlock) and not is_genuine(block.thinking, block.signature):
                raise invalid(f"messages.{index}.content.{number}", "Invalid `signature` in `thinking` block")
    if not model.thinks and (request.thinks or isinstance(request.thinking, ThinkingBetweenTools)):
        raise invalid("thinking.type", f"thinking is not supported by the model {model.id}")
    if request.thinks:
        _check_exclusions(request, betas)


def _check_exclusions(request: Prompt, betas: frozenset[str]) -> None:
    last = request.messages[-1]
    if last.role == "assistant" and last.content:
        raise invalid("messages", "a final assistant message cannot be given while thinking is on")
    if not isinstance(request, MessagesRequest):
        return
    if isinstance(request.temperature, int | float) and request.temperature != 1:
        raise invalid("temperature", "may only be 1 while thinking is on")
    interleaved = bool(request.tools) and INTERLEAVED in betas
    thinking = request.thinking
    if isinstance(thinking, ThinkingEnabled) and not interleaved and thinking.budget_tokens >= request.max_tokens:
        raise invalid("thinking.budget_tokens", "must be less than max_tokens")


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

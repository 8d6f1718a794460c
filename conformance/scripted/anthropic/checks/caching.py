"""Checks of cache breakpoints: at most four, and no long-lived one after a short-lived one.

Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching
"""

from collections.abc import Iterable, Iterator

from conformance.scripted.anthropic.blocks import (
    CacheControl,
    DocumentBlock,
    Pieces,
    SearchResultBlock,
    ToolResultBlock,
)
from conformance.scripted.anthropic.errors import invalid
from conformance.scripted.anthropic.fields import Tool
from conformance.scripted.anthropic.request import Prompt

MOST_BREAKPOINTS = 4


def check_breakpoints(request: Prompt, tools: tuple[Tool, ...]) -> None:
    explicit = [(place, control) for place, control in controls(request, tools) if control]
    count = len(explicit)
    automatic = request.cache_control
    if automatic:
        last = last_control(request)
        if last and last.ttl != automatic.ttl:
            raise invalid("cache_control", "the last block has a breakpoint with another ttl")
        if not last:
            explicit.append(("cache_control", automatic))
            count += 1
    if count > MOST_BREAKPOINTS:
        raise invalid("", f"A maximum of {MOST_BREAKPOINTS} blocks with cache_control may be provided. Found {count}.")
    _check_order(explicit)


def last_control(request: Prompt) -> CacheControl | None:
    """The explicit breakpoint on the last block of the last message, where automatic caching would set its own."""
    content = request.messages[-1].content
    return getattr(content[-1], "cache_control", None) if isinstance(content, list) and content else None


def _check_order(explicit: Iterable[tuple[str, CacheControl]]) -> None:
    short = False
    for place, control in explicit:
        if short and control.ttl == "1h":
            raise invalid(f"{place}.ttl", "a breakpoint with ttl 1h cannot come after one with ttl 5m")
        short = short or control.ttl == "5m"


def controls(request: Prompt, tools: tuple[Tool, ...]) -> Iterator[tuple[str, CacheControl | None]]:
    """Every place where a breakpoint can stand, in the order of the prompt: tools, system, messages."""
    for index, tool in enumerate(tools):
        yield f"tools.{index}.cache_control", tool.cache_control
    if isinstance(request.system, list):
        yield from _of_blocks(request.system, "system")
    for index, message in enumerate(request.messages):
        if isinstance(message.content, list):
            yield from _of_blocks(message.content, f"messages.{index}.content")


def _of_blocks(blocks: Iterable[object], at: str) -> Iterator[tuple[str, CacheControl | None]]:
    for index, block in enumerate(blocks):
        match block:
            case ToolResultBlock(content=list() as inner) | SearchResultBlock(content=list() as inner):
                yield from _of_blocks(inner, f"{at}.{index}.content")
            case DocumentBlock(source=Pieces(content=list() as inner)):
                yield from _of_blocks(inner, f"{at}.{index}.source.content")
        yield f"{at}.{index}.cache_control", getattr(block, "cache_control", None)

"""Checks of thinking: the budget, exclusions, and thinking blocks that are sent back unchanged.

Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking
"""

from conformance.scripted.anthropic.blocks import ThinkingBlock
from conformance.scripted.anthropic.errors import invalid
from conformance.scripted.anthropic.fields import ThinkingBetweenTools, ThinkingEnabled
from conformance.scripted.anthropic.models import Model
from conformance.scripted.anthropic.request import MessagesRequest, Prompt
from conformance.scripted.anthropic.signature import is_genuine

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

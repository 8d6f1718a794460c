"""Checks of a request beyond its types: exclusions, pairings, limits, by family of fields.

Every check either returns or raises a `Refusal` whose message begins with the dotted path of what is wrong.
"""

from conformance.scripted.anthropic.checks.caching import check_breakpoints
from conformance.scripted.anthropic.checks.conversation import check_messages
from conformance.scripted.anthropic.checks.parameters import check_limits, check_output, check_thinking, check_version
from conformance.scripted.anthropic.checks.tools import check_tools
from conformance.scripted.anthropic.fields import Tool
from conformance.scripted.anthropic.models import Model
from conformance.scripted.anthropic.request import Prompt

__all__ = ["check"]


def check(request: Prompt, tools: tuple[Tool, ...], model: Model, version: str, betas: frozenset[str]) -> None:
    """Refuse a request that breaks a law of the API; what it fetches from elsewhere is checked when it is there."""
    check_version(request, version)
    check_messages(request)
    check_tools(request, tools)
    check_thinking(request, model, betas)
    check_output(request)
    check_limits(request, model)
    check_breakpoints(request, tools)

"""The defaults of a family: a request that does not name its limit or its messages gets those of its file."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from conformance.catalog.case import Ask, Case, Defaults

MESSAGES = "/v1/messages"


def completed(case: Case, defaults: Defaults | None) -> Case:
    """The case with the defaults of its family written out."""
    if defaults is None:
        return case
    if case.steps is not UNSET:
        return replace(case, steps=[replace(step, ask=_completed(step.ask, defaults)) for step in case.steps])
    return case if case.ask is UNSET else replace(case, ask=_completed(case.ask, defaults))


def _completed(ask: Ask, defaults: Defaults) -> Ask:
    if ask.method != "POST" or ask.path != MESSAGES or ask.body is UNSET:
        return ask
    common: dict[str, Any] = {}
    if defaults.max_tokens is not None:
        common["max_tokens"] = defaults.max_tokens
    if defaults.prompt is not None:
        common["messages"] = [{"role": "user", "content": defaults.prompt}]
    return replace(ask, body=common | ask.body)

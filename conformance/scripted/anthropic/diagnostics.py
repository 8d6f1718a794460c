"""Cache diagnostics: what changed since an earlier request, so that the prompt cache could not be used.

Source: https://platform.claude.com/docs/en/build-with-claude/cache-diagnostics
"""

from collections import OrderedDict
from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace

from conformance.scripted.anthropic.fields import Tool
from conformance.scripted.anthropic.request import MessagesRequest

_MOST_RECORDS = 1_000


class EarlierRequest(Struct, frozen=True):
    """An earlier request, by the message that answered it."""

    request: MessagesRequest
    tools: tuple[Tool, ...]
    input_tokens: int


class CacheDiagnostics:
    """The requests that asked to be compared with later ones."""

    def __init__(self) -> None:
        self._records: OrderedDict[str, EarlierRequest] = OrderedDict()

    def compare(self, record: EarlierRequest) -> dict[str, Any] | None:
        """`diagnostics` of the answer: null where nothing was asked, or where nothing changed."""
        asked = record.request.diagnostics
        if asked is None or asked.previous_message_id is None:
            return None
        before = self._records.get(asked.previous_message_id)
        if before is None:
            return {"cache_miss_reason": {"type": "previous_message_not_found"}}
        changed = _changed(before, record)
        if changed is None:
            return None
        return {"cache_miss_reason": {"type": changed, "cache_missed_input_tokens": before.input_tokens}}

    def remember(self, message_id: str, record: EarlierRequest) -> None:
        if record.request.diagnostics is None:
            return
        self._records[message_id] = record
        if len(self._records) > _MOST_RECORDS:
            self._records.popitem(last=False)


def _changed(before: EarlierRequest, now: EarlierRequest) -> str | None:
    """The first part of the prompt, in its order, that is not as it was; messages may only have been appended."""
    if before.request.model != now.request.model:
        return "model_changed"
    if _plain(before.request).system != _plain(now.request).system:
        return "system_changed"
    if before.tools != now.tools:
        return "tools_changed"
    earlier = _plain(before.request).messages
    return None if _plain(now.request).messages[: len(earlier)] == earlier else "messages_changed"


def _plain(request: MessagesRequest) -> MessagesRequest:
    """The request without cache breakpoints, which move from turn to turn and change nothing."""
    system = request.system
    if isinstance(system, list):
        system = [replace(block, cache_control=None) for block in system]
    messages = [
        message
        if isinstance(message.content, str)
        else replace(message, content=[_unmarked(b) for b in message.content])
        for message in request.messages
    ]
    return replace(request, system=system or UNSET, messages=messages)


def _unmarked(block: Any) -> Any:
    return replace(block, cache_control=None) if hasattr(block, "cache_control") else block

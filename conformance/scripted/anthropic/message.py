"""The brain's reply as a message of the API, with every documented key.

Source: https://platform.claude.com/docs/en/api/messages (response)
"""

from typing import Any

from conformance.scripted.anthropic import citations
from conformance.scripted.anthropic.caching import Counters
from conformance.scripted.anthropic.fields import ThinkingAdaptive, ThinkingEnabled
from conformance.scripted.anthropic.identity import fresh, sign
from conformance.scripted.anthropic.media import Media
from conformance.scripted.anthropic.models import Model
from conformance.scripted.anthropic.request import MessagesRequest, Prompt
from conformance.scripted.conversation import Invocation, Reply, Speech, Thought

_STOP_REASONS = {
    "end": "end_turn",
    "length": "max_tokens",
    "sequence": "stop_sequence",
    "tool": "tool_use",
    "refusal": "refusal",
}


def message_of(
    reply: Reply, request: MessagesRequest, media: Media, model: Model, counters: Counters, *, window_full: bool
) -> dict[str, Any]:
    """The 200 answer to POST /v1/messages."""
    stop_reason = _STOP_REASONS[reply.stop]
    if stop_reason == "max_tokens" and window_full:
        stop_reason = "model_context_window_exceeded"
    message = {
        "id": fresh("msg"),
        "type": "message",
        "role": "assistant",
        "model": model.id,
        "content": [_block(block, request, media) for block in reply.blocks],
        "stop_reason": stop_reason,
        "stop_sequence": reply.stop_sequence,
        "stop_details": None,
        "container": None,
        "diagnostics": None,
        "usage": _usage(reply, request, counters),
    }
    if request.context_management is not None:
        message["context_management"] = {"applied_edits": []}
    return message


def _block(block: Thought | Speech | Invocation, request: MessagesRequest, media: Media) -> dict[str, Any]:
    match block:
        case Thought():
            shown = "" if omits_thinking(request) else block.text
            return {"type": "thinking", "thinking": shown, "signature": sign(shown)}
        case Speech():
            cited = citations.citations_of(block.text, request, media) if citations.enabled(request) else []
            return {"type": "text", "text": block.text, "citations": cited or None}
        case Invocation():
            caller = {"type": "direct"}
            return {
                "type": "tool_use",
                "id": fresh("toolu"),
                "name": block.name,
                "input": block.input,
                "caller": caller,
            }


def omits_thinking(request: Prompt) -> bool:
    """Whether thinking is to be shown by its signature only."""
    thinking = request.thinking
    return isinstance(thinking, ThinkingEnabled | ThinkingAdaptive) and thinking.display == "omitted"


def _usage(reply: Reply, request: MessagesRequest, counters: Counters) -> dict[str, Any]:
    # The API counts at least one output token even for an empty text, unless none were allowed.
    output = max(reply.output_tokens, 1) if request.max_tokens else 0
    if reply.cached_tokens:  # an upstream's own cache counts, not this endpoint's
        counters = Counters(read=reply.cached_tokens)
    return {
        "input_tokens": max(reply.input_tokens - counters.read - counters.created, 0),
        "cache_creation_input_tokens": counters.created,
        "cache_read_input_tokens": counters.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": counters.created_5m,
            "ephemeral_1h_input_tokens": counters.created_1h,
        },
        "output_tokens": output,
        "output_tokens_details": {"thinking_tokens": reply.thinking_tokens},
        "server_tool_use": None,
        "service_tier": "standard",
        "inference_geo": request.inference_geo,
        "speed": request.speed,
    }


def plain_message(model: Any) -> dict[str, Any]:
    """A message that says OK, whatever was asked; for faults and variants that answer what should be refused."""
    counters = ("cache_creation_input_tokens", "cache_read_input_tokens")
    return {
        "id": fresh("msg"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": "OK", "citations": None}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "usage": {
            "input_tokens": 1,
            **dict.fromkeys(counters, 0),
            "output_tokens": 1,
            "output_tokens_details": None,
            "server_tool_use": None,
        },
    }

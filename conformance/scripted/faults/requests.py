"""Faults in the handling of requests: legal ones refused, illegal ones accepted, parts lost."""

from collections.abc import Callable, Iterator
from typing import Any

from conformance.scripted.anthropic.errors import Refusal, invalid, not_found, too_large
from conformance.scripted.anthropic.models import ALIASES, MODELS
from conformance.scripted.anthropic.rewriting import on_body
from conformance.scripted.faults.fault import Call, FaultGroup, Message, replace

REQUESTS = FaultGroup("requests")

Body = dict[str, Any]
Block = dict[str, Any]

CLAUDE_CODE_FLAGS = frozenset(
    ["claude-code-20250219", "interleaved-thinking-2025-05-14", "thinking-token-count-2026-05-13",
     "context-management-2025-06-27", "prompt-caching-scope-2026-01-05", "mid-conversation-system-2026-04-07",
     "effort-2025-11-24"]
)  # fmt: skip
_EFFORT = "effort-2025-11-24"
_DISPLAY = "thinking-display-updates-2026-08-18"
_LATE_FIELDS = ("context_management", "output_config", "service_tier", "cache_control", "diagnostics", "speed")
_LATE_TOOL_FIELDS = ("defer_loading", "eager_input_streaming", "strict", "input_examples", "allowed_callers")
_LARGE = 1_000_000


def _messages(body: Any) -> list[dict[str, Any]]:
    messages = body.get("messages") if isinstance(body, dict) else None
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


def _results(body: Any) -> Iterator[Block]:
    for message in _messages(body):
        content = message.get("content")
        for block in content if isinstance(content, list) else []:
            if isinstance(block, dict) and block.get("type") == "tool_result":
                yield block


def _without(body: Body, kind: str) -> None:
    """Take all blocks of a type out of a request, those in tool results too."""
    for holder in [*_messages(body), *_results(body)]:
        if isinstance(holder.get("content"), list):
            kept = [block for block in holder["content"] if not isinstance(block, dict) or block.get("type") != kind]
            holder["content"] = kept or [{"type": "text", "text": "(nothing)"}]


def _refusing(name: str, says: str, wrong: Callable[[Call], Refusal | None], needs: str = "") -> None:
    """A fault that refuses a legal request."""

    @REQUESTS.request(name, says, needs=needs)
    def request(call: Call) -> Call:
        refusal = wrong(call)
        if refusal is not None:
            raise refusal
        return call


def _array_result(call: Call) -> Refusal | None:
    arrays = any(isinstance(block.get("content"), list) for block in _results(call.document))
    return invalid("messages", "tool_result content must be a string") if arrays else None


_refusing("RQ01", "a tool_result with array content is refused", _array_result, "turns")


@REQUESTS.body("RQ02", "images are silently dropped", needs="vision")
def images_dropped(body: Body) -> None:
    _without(body, "image")


def _system_role(call: Call) -> Refusal | None:
    roles = [message.get("role") for message in _messages(call.document)]
    return invalid(f"messages.{roles.index('system')}.role", "unexpected role") if "system" in roles else None


_refusing("RQ04", "a system message inside the conversation is refused", _system_role, "turns")


def _system_role_named(call: Call) -> Refusal | None:
    if (refusal := _system_role(call)) is None:
        return None
    return invalid(refusal.message.partition(":")[0], "Input should be 'user' or 'assistant'")


_refusing(
    "RQ04-known",
    "a system message inside the conversation is refused in words that clients know",
    _system_role_named,
    "turns",
)


@REQUESTS.body("RQ04-dropped", "a system message inside the conversation is silently dropped", needs="turns")
def system_dropped(body: Body) -> None:
    if "messages" in body:
        body["messages"] = [message for message in body["messages"] if message.get("role") != "system"]


def _known_flag(call: Call) -> Refusal | None:
    flags = sorted(call.betas & CLAUDE_CODE_FLAGS)
    return invalid("anthropic-beta", f"unexpected value {flags[0]}") if flags else None


_refusing("RQ06", "a beta flag that Claude Code sends is refused", _known_flag, "betas")


def _named_flag(call: Call) -> Refusal | None:
    if _EFFORT not in call.betas:
        return None
    says = f"Unexpected value(s) `{_EFFORT}` for the `anthropic-beta` header. Please try again without the header."
    return Refusal(400, "invalid_request_error", says)


def _display(call: Call) -> Refusal | None:
    refused = _DISPLAY in call.betas
    return invalid("", "a beta of this request is not known here") if refused else None


def _deferred(call: Call) -> Refusal | None:
    tools = call.document.get("tools") if isinstance(call.document, dict) else None
    refused = any(isinstance(tool, dict) and "defer_loading" in tool for tool in tools or [])
    return invalid("tools", 'json: unknown field "defer_loading"') if refused else None


def _of_agent(call: Call) -> Refusal | None:
    refused = "x-claude-code-agent-id" in call.headers
    return Refusal(403, "permission_error", "agents are not allowed") if refused else None


_refusing("X-agent-refused", "the requests of sub-agents are refused", _of_agent)
_refusing("RQ06-named", "a beta flag is refused in words that clients know", _named_flag, "betas")
_refusing("RQ06-display", "the beta flag for the display of thinking is refused", _display, "betas")
_refusing("X-defer-refused", "a tool with defer_loading is refused", _deferred, "tools")
_refusing(
    "RQ07",
    "the query ?beta=true is answered with 404",
    lambda call: not_found("not found") if call.parameter("beta") else None,
    "beta-query",
)


def _late_field(call: Call) -> Refusal | None:
    body = call.document if isinstance(call.document, dict) else {}
    found = [key for key in _LATE_FIELDS if key in body]
    tools = body.get("tools") if isinstance(body.get("tools"), list) else []
    found += [f"tools.{at}.{key}" for at, tool in enumerate(tools or []) for key in _LATE_TOOL_FIELDS if key in tool]
    return invalid(found[0], "Extra inputs are not permitted") if found else None


_refusing("RQ09", "a documented field of the API is refused as an extra input", _late_field)


def _system_array(call: Call) -> Refusal | None:
    body = call.document
    return (
        invalid("system", "must be a string")
        if isinstance(body, dict) and isinstance(body.get("system"), list)
        else None
    )


_refusing("RQ11", "system as an array is refused", _system_array)


@REQUESTS.body("RQ11-first", "only the first block of system is used")
def first_system(body: Body) -> None:
    if isinstance(body.get("system"), list):
        body["system"] = body["system"][:1]


@REQUESTS.message("RQ12", "a prefill is repeated in the answer", strength="note", needs="prefill")
def prefill_repeated(message: Message, call: Call) -> Message:
    turns = _messages(call.document)
    prefill = turns[-1].get("content") if turns and turns[-1].get("role") == "assistant" else None
    content = message["content"]
    if not isinstance(prefill, str) or not content or content[-1]["type"] != "text":
        return message
    return {**message, "content": [*content[:-1], {**content[-1], "text": prefill + content[-1]["text"]}]}


@REQUESTS.body("RQ14", "is_error of a tool_result is lost", needs="turns")
def error_lost(body: Body) -> None:
    for block in _results(body):
        block.pop("is_error", None)


@REQUESTS.body("RQ16", "text after a tool_result in the same message is dropped", needs="turns")
def text_dropped(body: Body) -> None:
    for message in _messages(body):
        content = message.get("content")
        if isinstance(content, list) and any(
            isinstance(block, dict) and block.get("type") == "tool_result" for block in content
        ):
            message["content"] = [block for block in content if block.get("type") != "text"]


@REQUESTS.body("RQ17", "documents are ignored", needs="documents")
def documents_dropped(body: Body) -> None:
    _without(body, "document")


@REQUESTS.body("RQ17-search", "search results are ignored", needs="documents")
def search_results_dropped(body: Body) -> None:
    _without(body, "search_result")


def _asks_for_message(body: Body) -> bool:
    return "messages" in body and "requests" not in body


@REQUESTS.request("RQ19", "a request without max_tokens is accepted")
def max_tokens_defaulted(call: Call) -> Call:

    if call.path != "/v1/messages":
        return call
    return on_body(lambda body: body.setdefault("max_tokens", 4096))(call)


@REQUESTS.body("RQ21", "a request without messages is accepted")
def nothing_asked(body: Body) -> None:
    if body.get("messages") == []:
        body["messages"] = [{"role": "user", "content": "(nothing)"}]


_refusing(
    "RQ21-500",
    "a request without messages is answered with 500",
    lambda call: (
        Refusal(500, "api_error", "list index out of range")
        if isinstance(call.document, dict) and call.document.get("messages") == []
        else None
    ),
)


@REQUESTS.body("RQ22", "a message of an unknown role is accepted, and vanishes")
def strangers_dropped(body: Body) -> None:
    if _asks_for_message(body) and isinstance(body["messages"], list):
        known = [message for message in body["messages"] if message.get("role") in ("user", "assistant", "system")]
        body["messages"] = known or [{"role": "user", "content": "(nothing)"}]


@REQUESTS.body("RQ24", "an unknown model is answered by a silent default")
def model_defaulted(body: Body) -> None:
    if isinstance(body.get("model"), str) and body["model"] not in {*MODELS, *ALIASES}:
        body["model"] = "scripted"


@REQUESTS.body("RQ26", "temperature, top_p and top_k are dropped unread, whatever they are")
def sampling_dropped(body: Body) -> None:
    for key in ("temperature", "top_p", "top_k"):
        body.pop(key, None)


def _user_id(call: Call) -> Refusal | None:
    metadata = call.document.get("metadata") if isinstance(call.document, dict) else None
    return invalid("metadata.user_id", "Extra inputs are not permitted") if metadata and "user_id" in metadata else None


_refusing("RQ27", "metadata.user_id is refused", _user_id)
_refusing(
    "RQ29",
    "a body above 1 MB is answered with 413",
    lambda call: too_large(_LARGE) if len(call.body) > _LARGE else None,
    "large",
)


@REQUESTS.body("GW05", "a negative max_tokens is accepted")
def negative_accepted(body: Body) -> None:
    if isinstance(body.get("max_tokens"), int) and body["max_tokens"] < 0:
        body["max_tokens"] = 4096


_refusing(
    "GW08",
    "every stream is answered with 500",
    lambda call: Refusal(500, "api_error", "the stream could not be passed through") if call.streams else None,
    "stream",
)


@REQUESTS.body("X-stream-default", "a request that does not say stream is answered with a stream")
def streamed_by_default(body: Body) -> None:
    if "max_tokens" in body and "requests" not in body:
        body.setdefault("stream", True)


_refusing(
    "X-long-context-500",
    "the flag for a window of a million tokens is answered with 500",
    lambda call: (
        Refusal(500, "api_error", "KeyError: 'context-1m-2025-08-07'")
        if "context-1m-2025-08-07" in call.betas
        else None
    ),
    "betas",
)


@REQUESTS.request("GW09", "anthropic-beta is not passed on", needs="thinking tools")
def flags_lost(call: Call) -> Call:
    return replace(call, headers={name: value for name, value in call.headers.items() if name != "anthropic-beta"})


@REQUESTS.body("X-marked-tool-lost", "a tool with cache_control is lost", needs="tools caching")
def marked_tool_lost(body: Body) -> None:
    tools = body.get("tools")
    if isinstance(tools, list) and len(tools) > 1 and all(isinstance(tool, dict) for tool in tools):
        body["tools"] = [tool for tool in tools if "cache_control" not in tool] or tools


@REQUESTS.body("X-image-once", "an image that a message holds already is lost", needs="vision")
def images_once(body: Body) -> None:
    for message in _messages(body):
        if isinstance(content := message.get("content"), list):
            images = [block for block in content if isinstance(block, dict) and block.get("type") == "image"]
            again = [id(image) for at, image in enumerate(images) if image in images[:at]]
            message["content"] = [block for block in content if id(block) not in again]


@REQUESTS.body("X-system-unmarked-lost", "system blocks without cache_control are lost beside one", needs="caching")
def unmarked_lost(body: Body) -> None:
    system = body.get("system")
    blocks = [block for block in system if isinstance(block, dict)] if isinstance(system, list) else []
    body |= {"system": marked} if (marked := [block for block in blocks if block.get("cache_control")]) else {}


def _unthinking(name: str, says: str, when: Callable[[Body], object], needs: str) -> None:
    """A fault that turns thinking off where something else is there too."""

    @REQUESTS.body(name, says, needs=needs)
    def unthinking(body: Body) -> None:
        if when(body):
            body.pop("thinking", None)


def _pictured(body: Body) -> bool:
    contents = [message.get("content") for message in _messages(body)]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    return any(isinstance(block, dict) and block.get("type") == "image" for block in blocks)


_unthinking(
    "X-thinking-with-stop",
    "thinking is off beside stop_sequences",
    lambda body: body.get("stop_sequences"),
    "thinking stop",
)
_unthinking("X-thinking-with-image", "thinking is off beside an image", _pictured, "thinking vision")

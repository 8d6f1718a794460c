"""Faults about what need not be said: defaults, null, limits, how JSON is written, and what holds on every route."""

from collections.abc import Callable, Iterator
from typing import Any

from conformance.scripted.anthropic.errors import Refusal, invalid, not_found
from conformance.scripted.faults.fault import Call, FaultGroup, replace

DEFAULTS = FaultGroup("defaults")

MESSAGES = "/v1/messages"
_AT_DEFAULT: dict[str, Any] = {
    "stop_sequences": [],
    "temperature": 1,
    "tools": [],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": False},
    "thinking": {"type": "disabled"},
    "metadata": {},
    "service_tier": "auto",
    "output_config": {},
    "context_management": {"edits": []},
}
_LONGEST_TITLE = 500


def _document(call: Call) -> dict[str, Any]:
    return call.document if call.path == MESSAGES and isinstance(call.document, dict) else {}


def _blocks(document: dict[str, Any]) -> list[dict[str, Any]]:
    """All blocks of the messages."""
    messages = document.get("messages")
    contents = [message.get("content") for message in messages or [] if isinstance(message, dict)]
    return [one for content in contents if isinstance(content, list) for one in content if isinstance(one, dict)]


@DEFAULTS.request("X-default-refused", "a field that is given at its default is refused")
def default_refused(call: Call) -> Call:
    document = _document(call)
    for name, value in _AT_DEFAULT.items():
        if name in document and document[name] == value:
            raise invalid(name, "Extra inputs are not permitted")
    if any(tool.get("strict") is False for tool in _tools(document)):
        raise invalid("tools.0.strict", "Extra inputs are not permitted")
    for block in _blocks(document):
        if block.get("citations") == {"enabled": False} or (block.get("cache_control") or {}).get("ttl") == "5m":
            raise invalid("messages", "Extra inputs are not permitted")
    return call


@DEFAULTS.request("X-null-500", "null in place of a field is answered with 500")
def null_crashes(call: Call) -> Call:
    document = _document(call)
    values = [*document.values(), *(block.get("content", "") for block in _blocks(document))]
    if any(value is None for value in values):
        raise Refusal(500, "api_error", "Cannot read properties of null")
    return call


@DEFAULTS.request("X-beta-elsewhere", "?beta=true is a 404 on every route but those of messages")
def beta_elsewhere(call: Call) -> Call:
    if call.parameter("beta") is not None and call.method == "GET":
        raise not_found("not found")
    return call


@DEFAULTS.request("X-version-elsewhere", "version 2026-10-21 is refused on every route but that of messages")
def version_elsewhere(call: Call) -> Call:
    if call.path != MESSAGES and call.headers.get("anthropic-version") == "2026-10-21":
        raise invalid("anthropic-version", "2026-10-21 is not a valid version")
    return call


@DEFAULTS.request("X-limit-short", "the last legal value of a field is refused")
def limit_short(call: Call) -> Call:
    document = _document(call)
    thinking = document.get("thinking") or {}
    blocks = _blocks(document)
    at_the_edge = (
        document.get("top_p") == 1,
        document.get("top_k") == 1,
        thinking.get("budget_tokens") == document.get("max_tokens", 0) - 1,
        any(len(tool.get("name") or "name") == 1 for tool in _tools(document)),
        any(len(block.get("title") or "") == _LONGEST_TITLE for block in blocks),
        any(block.get("type") == "tool_result" and block.get("content") == [] for block in blocks),
    )
    if any(at_the_edge):
        raise invalid("", "a value is out of its range")
    return call


@DEFAULTS.body("X-title-any", "a document's title is cut at 500 characters", needs="documents")
def title_cut(body: dict[str, Any]) -> None:
    for block in _blocks(body):
        if isinstance(block.get("title"), str):
            block["title"] = block["title"][:_LONGEST_TITLE]


_UNREAD = invalid("", "the request cannot be read")
_CRASH = Refusal(500, "api_error", "unexpected value")


def _failing(
    name: str, says: str, wrong: Callable[[dict[str, Any], Call], bool], needs: str = "", refusal: Refusal = _UNREAD
) -> None:
    """A fault that refuses a legal request for a message, or crashes on it."""

    @DEFAULTS.request(name, says, needs=needs)
    def request(call: Call) -> Call:
        document = _document(call)
        if document and wrong(document, call):
            raise refusal
        return call


def _typed(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of the messages and of system."""
    return [*_blocks(document), *_blocks({"messages": [{"content": document.get("system")}]})]


def _tools(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [tool for tool in document.get("tools") or [] if isinstance(tool, dict)]


def _schemas(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The input_schema of each tool."""
    yield from (tool["input_schema"] for tool in _tools(document) if isinstance(tool.get("input_schema"), dict))


def _named(schema: dict[str, Any]) -> dict[str, Any]:
    """The properties of a schema by their names."""
    named = schema.get("properties")
    return named if isinstance(named, dict) else {}


def _properties(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The properties that the schemas of tools describe, at the first level."""
    for schema in _schemas(document):
        yield from (one for one in _named(schema).values() if isinstance(one, dict))


_failing(
    "X-white-space-refused",
    "a body that begins with a line break is refused",
    lambda _, call: call.body[:1].isspace(),
)


@DEFAULTS.request("X-chunks-unread", "a body that comes in chunks is read as empty")
def chunks_unread(call: Call) -> Call:
    return replace(call, body=b"") if "transfer-encoding" in call.headers else call


_failing(
    "X-messages-first-refused",
    "a body that begins with its messages is refused",
    lambda document, _: next(iter(document)) == "messages",
)
_failing(
    "X-type-first",
    "a block whose type is not its first key is refused",
    lambda document, _: any(next(iter(block), "type") != "type" for block in _typed(document)),
)
_failing(
    "X-description-needed",
    "a tool without a description is answered with 500",
    lambda document, _: any("input_schema" in tool and "description" not in tool for tool in _tools(document)),
    "tools",
    _CRASH,
)
_failing(
    "X-properties-needed",
    "a schema that names no properties is refused",
    lambda document, _: any("properties" not in schema for schema in _schemas(document)),
    "tools",
)
_failing(
    "X-description-empty-refused",
    "a tool whose description is empty is refused",
    lambda document, _: any(tool.get("description") == "" for tool in _tools(document)),
    "tools",
)
_failing(
    "X-name-of-objects-500",
    "a tool that is called as every object's own are is answered with 500",
    lambda document, _: any(tool.get("name") in ("constructor", "__proto__", "toString") for tool in _tools(document)),
    "tools",
    _CRASH,
)
_failing(
    "X-schema-recursive-500",
    "a schema that refers to itself is answered with 500",
    lambda document, _: any(
        f"#/$defs/{name}" in str(definition)
        for schema in _schemas(document)
        for name, definition in (schema.get("$defs") or {}).items()
    ),
    "tools",
    _CRASH,
)
_failing(
    "X-schema-any-500",
    "a property whose schema is true is answered with 500",
    lambda document, _: any(one is True for schema in _schemas(document) for one in _named(schema).values()),
    "tools",
    _CRASH,
)
_failing(
    "X-enum-of-texts",
    "an enum of other values than texts is refused",
    lambda document, _: any(
        not isinstance(value, str) for one in _properties(document) for value in one.get("enum") or []
    ),
    "tools",
)
_failing(
    "X-property-dots-refused",
    "the name of a property with a dot in it is refused",
    lambda document, _: any("." in name for schema in _schemas(document) for name in _named(schema)),
    "tools",
)
_failing(
    "X-none-after-call-refused",
    "tool_choice none is refused after a call",
    lambda document, _: (
        document.get("tool_choice") == {"type": "none"}
        and any(block.get("type") == "tool_use" for block in _blocks(document))
    ),
    "tools turns",
)
_failing("X-agent-needed", "a request without user-agent is refused", lambda _, call: "user-agent" not in call.headers)
_failing(
    "X-agent-curl",
    "a request of curl is refused",
    lambda _, call: call.headers.get("user-agent", "").startswith("curl/"),
)
_failing(
    "X-types-500",
    "a property of several types is answered with 500",
    lambda document, _: any(isinstance(one.get("type"), list) for one in _properties(document)),
    "tools",
    _CRASH,
)
_failing(
    "X-combined-refused",
    "a property described by oneOf or allOf is refused",
    lambda document, _: any({"oneOf", "allOf"} & set(one) for one in _properties(document)),
    "tools",
)
_failing(
    "X-standard-only-refused",
    "service_tier standard_only is refused",
    lambda document, _: document.get("service_tier") == "standard_only",
)


@DEFAULTS.body("X-not-error-is-error", "is_error false is taken for true", needs="tools turns")
def any_is_error(body: dict[str, Any]) -> None:
    for block in _blocks(body):
        if "is_error" in block:
            block["is_error"] = True

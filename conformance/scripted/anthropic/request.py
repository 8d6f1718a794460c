"""The bodies of requests: bytes in, typed values out, or a refusal that begins with the path of what is wrong."""

import re
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from conformance.scripted.anthropic import fields
from conformance.scripted.anthropic.blocks import CacheControl, Closed, Message, TextBlock
from conformance.scripted.anthropic.errors import Refusal, invalid, not_json
from conformance.scripted.conversation import UNREADABLE

T = TypeVar("T")

Share = Annotated[float, Meta(ge=0, le=1)]


class Prompt(Closed, frozen=True, kw_only=True):
    """The fields that POST /v1/messages and POST /v1/messages/count_tokens share."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    messages: Annotated[list[Message], Meta(max_length=100_000)]
    system: str | list[TextBlock] | UnsetType = UNSET
    tools: list[dict[str, Any]] | UnsetType = UNSET
    tool_choice: fields.ToolChoice | UnsetType = UNSET
    thinking: fields.Thinking | UnsetType = UNSET
    output_config: fields.OutputConfig | UnsetType = UNSET
    output_format: fields.JsonFormat | None = None
    cache_control: CacheControl | None = None
    context_management: fields.ContextManagement | None = None
    safeguards: list[dict[str, Any]] | None = None
    speed: Literal["standard", "fast"] | None = None

    @property
    def output_schema(self) -> dict[str, Any] | None:
        """The schema that the answer must obey; `output_format` is the older name of `output_config.format`."""
        chosen = self.output_config.format if self.output_config else None
        chosen = chosen or self.output_format
        return chosen.schema if chosen else None

    @property
    def thinks(self) -> bool:
        return isinstance(self.thinking, fields.ThinkingEnabled | fields.ThinkingAdaptive)


class CountRequest(Prompt, frozen=True, kw_only=True):
    """The body of POST /v1/messages/count_tokens."""


class MessagesRequest(Prompt, frozen=True, kw_only=True):
    """The body of POST /v1/messages."""

    max_tokens: Annotated[int, Meta(ge=0)]
    stream: bool = False
    stop_sequences: list[str] = []
    temperature: Share | UnsetType = UNSET
    top_p: Share | UnsetType = UNSET
    top_k: Annotated[int, Meta(ge=0)] | UnsetType = UNSET
    metadata: fields.Metadata = fields.Metadata()
    service_tier: Literal["auto", "standard_only"] = "auto"
    inference_geo: str | None = None
    container: str | fields.Container | None = None
    diagnostics: fields.Diagnostics | None = None


def parse_json(body: bytes) -> Any:
    """The JSON document in a body, or a refusal that says where it breaks."""
    try:
        return msgspec.json.decode(body)
    except UNREADABLE as error:
        raise not_json(str(error)) from error


def typed(document: Any, kind: type[T], at: str = "") -> T:
    """`document` as a value of `kind`; `at` is the dotted path at which it stands in the request."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise refusal_of(error, at) from error


_PLACE = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<key>.*)`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<key>.*)`$")


def refusal_of(error: msgspec.ValidationError, at: str) -> Refusal:
    """A validation error in the API's words: the dotted path first, then what was wrong there."""
    match = _PLACE.match(str(error))
    assert match
    what = match["what"]
    path = re.sub(r"\[(\d+|\.\.\.)\]", r".\1", match["path"] or "").replace("`", "")
    steps = [step for step in (at, path.strip(".")) if step]
    for pattern, sentence in ((_MISSING, "Field required"), (_UNKNOWN, "Extra inputs are not permitted")):
        if found := pattern.match(what):
            return invalid(".".join([*steps, found["key"]]), sentence)
    return invalid(".".join(steps), what)


def typed_tools(tools: list[dict[str, Any]]) -> tuple[fields.Tool, ...]:
    """The tools of a request, each as what its `type` says; server tools are refused, for none is run here."""
    return tuple(_typed_tool(tool, f"tools.{index}") for index, tool in enumerate(tools))


def _typed_tool(tool: dict[str, Any], at: str) -> fields.Tool:
    kind = tool.get("type")
    if isinstance(kind, str) and kind.startswith(fields.SERVER_TOOL_PREFIXES):
        raise invalid(f"{at}.type", f"the server tool {kind} is not available on this endpoint")
    if not isinstance(kind, str | None) or kind not in fields.TOOL_TYPES:
        known = ", ".join(name for name in fields.TOOL_TYPES if name)
        raise invalid(f"{at}.type", f"unknown tool type {kind!r}; expected one of {known}")
    return typed(tool, fields.TOOL_TYPES[kind], at)


_ATTRIBUTION = "x-anthropic-billing-header:"


def unattributed(request: Prompt) -> Prompt:
    """The request without the system block in which Claude Code says who pays: it is no part of the prompt."""
    if not isinstance(request.system, list):
        return request
    kept = [block for block in request.system if not block.text.startswith(_ATTRIBUTION)]
    return request if len(kept) == len(request.system) else msgspec.structs.replace(request, system=kept)

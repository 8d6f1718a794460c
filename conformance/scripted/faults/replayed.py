"""Faults in the handling of calls, results and thoughts that are sent back: what is missing is made up, or crashes."""

from collections.abc import Callable, Iterator
from typing import Any

from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.faults.fault import Call, FaultGroup

REPLAYED = FaultGroup("replayed")

Body = dict[str, Any]
Block = dict[str, Any]

_IN_RESULTS = frozenset({"text", "image", "document", "search_result", "tool_reference", "browser_state"})


def _dicts(value: Any) -> list[Block]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _turns(body: Body) -> list[list[Block]]:
    """The blocks of the messages whose content is a list."""
    return [_dicts(message.get("content")) for message in _dicts(body.get("messages"))]


def _blocks(body: Body, kind: str) -> Iterator[Block]:
    for turn in _turns(body):
        yield from (block for block in turn if block.get("type") == kind)


def _results(body: Body) -> list[Block]:
    return list(_blocks(body, "tool_result"))


@REPLAYED.body("X-call-id-filled-in", "a tool_use without an id is given that of the next result", needs="turns tools")
def id_filled_in(body: Body) -> None:
    calls = [block for block in _blocks(body, "tool_use") if not block.get("id")]
    for call, result in zip(calls, _results(body), strict=False):
        call["id"] = result.get("tool_use_id", "toolu_01")


@REPLAYED.body("X-call-name-filled-in", "a tool_use without a name is called unknown", needs="turns tools")
def name_filled_in(body: Body) -> None:
    for call in _blocks(body, "tool_use"):
        call["name"] = call.get("name") or "unknown"


@REPLAYED.body("X-call-input-filled-in", "a tool_use without input has an empty one", needs="turns tools")
def input_filled_in(body: Body) -> None:
    for call in _blocks(body, "tool_use"):
        call.setdefault("input", {})


@REPLAYED.body("X-result-id-filled-in", "a tool_result without an id answers the last call", needs="turns tools")
def result_id_filled_in(body: Body) -> None:
    calls = list(_blocks(body, "tool_use"))
    for result in _results(body):
        if not result.get("tool_use_id") and calls:
            result["tool_use_id"] = calls[-1].get("id")


@REPLAYED.body(
    "X-result-block-skipped", "blocks of unknown types inside a tool_result are skipped", needs="turns tools"
)
def block_skipped(body: Body) -> None:
    for result in _results(body):
        if isinstance(result.get("content"), list):
            result["content"] = [block for block in _dicts(result["content"]) if block.get("type") in _IN_RESULTS]


@REPLAYED.body("X-thought-skipped", "a thinking block that lacks a part is skipped", needs="turns thinking")
def thought_skipped(body: Body) -> None:
    for message in _dicts(body.get("messages")):
        content = message.get("content")
        if isinstance(content, list):
            message["content"] = [block for block in content if not _is_incomplete(block)]


def _is_incomplete(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "thinking" and not {"thinking", "signature"} <= block.keys()


def _crashing(name: str, says: str, message: str, wrong: Callable[[Body], bool], needs: str) -> None:
    @REPLAYED.request(name, says, needs=needs)
    def request(call: Call) -> Call:
        if isinstance(call.document, dict) and wrong(call.document):
            raise Refusal(500, "api_error", message)
        return call


def _lacks_source(body: Body) -> bool:
    return any("source" not in block for kind in ("document", "search_result") for block in _blocks(body, kind))


_crashing(
    "X-source-missing-500",
    "a document or a search result without source is answered with 500",
    "KeyError: 'source'",
    _lacks_source,
    "documents",
)


@REPLAYED.refusal(
    "X-signature-foreign-500", "a signature of another server is answered with 500", needs="turns thinking"
)
def foreign_crashes(refusal: Refusal, _: Call) -> Refusal:
    foreign = "Invalid `signature`" in refusal.message
    return Refusal(500, "api_error", "cipher: message authentication failed") if foreign else refusal


@REPLAYED.body("X-display-any", "an unknown display of thinking is taken for none", needs="thinking")
def display_dropped(body: Body) -> None:
    thinking = body.get("thinking")
    if isinstance(thinking, dict) and thinking.get("display") not in (None, "summarized", "omitted", "updates"):
        del thinking["display"]


@REPLAYED.body("X-result-text-beside-image", "texts beside an image in a tool_result are lost", needs="turns vision")
def text_beside_image_lost(body: Body) -> None:
    for result in _results(body):
        blocks = _dicts(result.get("content"))
        if any(block.get("type") == "image" for block in blocks):
            result["content"] = [block for block in blocks if block.get("type") != "text"]


@REPLAYED.body("X-result-url-image", "an image that a tool_result gives by its URL is lost", needs="turns vision")
def url_image_lost(body: Body) -> None:
    for result in _results(body):
        blocks = _dicts(result.get("content"))
        if blocks:
            result["content"] = [block for block in blocks if not _is_by_url(block)]


def _is_by_url(block: Block) -> bool:
    source = block.get("source")
    return block.get("type") == "image" and isinstance(source, dict) and source.get("type") == "url"

"""Faults of a gateway that knows one shape of an upstream's answer: what it loses of another legal one.

Each works on what the upstream sent, before the gateway reads it.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.conversation import Invocation
from conformance.scripted.faults.fault import FaultGroup, replace
from conformance.scripted.faults.gateway import reading
from conformance.scripted.gateway.passage import Heard

SHAPES = FaultGroup("shapes")

Object = dict[str, Any]
Lines = list[str]
_DATA = "data: "
_LONG_LINE = 65_536


def _lines(name: str, says: str, needs: str = "upstream") -> Callable[[Callable[[Lines], Lines]], None]:
    """The function changes the lines of a stream, or the one line of a whole completion."""

    def register(change: Callable[[Lines], Lines]) -> None:
        SHAPES.add(name, says, Hooks(lines=change), needs=needs)

    return register


def _objects(name: str, says: str, needs: str = "upstream") -> Callable[[Callable[[list[Object]], None]], None]:
    """The function changes the chunks of a stream, or the whole completion, in place."""

    def register(change: Callable[[list[Object]], None]) -> None:
        def lines(lines: Lines) -> Lines:
            places = [at for at, line in enumerate(lines) if _object(line) is not None]
            objects = [document for line in lines if (document := _object(line)) is not None]
            change(objects)
            written = dict(zip(places, objects, strict=True))
            return [_written(line, written[at]) if at in written else line for at, line in enumerate(lines)]

        SHAPES.add(name, says, Hooks(lines=lines), needs=needs)

    return register


@_lines("X-upstream-line-64k", "a line of the upstream above 64 KiB ends the answer", "upstream long")
def long_lines_end(lines: Lines) -> Lines:
    long = next(
        (at for at, line in enumerate(lines) if line.startswith(_DATA) and len(line.encode()) > _LONG_LINE), len(lines)
    )
    return lines[:long]


def _object(line: str) -> Object | None:
    try:
        document = json.loads(line.removeprefix("data:"))
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _written(line: str, document: Object) -> str:
    return (_DATA if line.startswith("data:") else "") + json.dumps(document)


def _said(objects: list[Object]) -> Iterator[Object]:
    """The deltas and messages."""
    for document in objects:
        for choice in document.get("choices") or []:
            for key in ("delta", "message"):
                if isinstance(choice.get(key), dict):
                    yield choice[key]


def _deltas(objects: list[Object]) -> list[Object]:
    return list(_said([document for document in objects if document.get("object") == "chat.completion.chunk"]))


def _calls(said: Object) -> list[Object]:
    return said.get("tool_calls") or []


@_objects("X-text-beside-call-lost", "text is lost where a call comes with it", "upstream tools")
def text_beside_call(objects: list[Object]) -> None:
    for said in _said(objects):
        if _calls(said):
            said["content"] = None


@_objects("X-calls-after-text-lost", "calls are lost where text comes with them", "upstream tools")
def calls_after_text(objects: list[Object]) -> None:
    for said in _said(objects):
        if said.get("content"):
            said.pop("tool_calls", None)


@_objects("X-arguments-beside-text-lost", "arguments are lost where text comes with them", "upstream tools stream")
def arguments_beside_text(objects: list[Object]) -> None:
    for said in _deltas(objects):
        if said.get("content") and any("name" not in call["function"] for call in _calls(said)):
            del said["tool_calls"]


@_objects("X-whole-calls-lost", "arguments are lost that come together with the name", "upstream tools stream")
def whole_calls(objects: list[Object]) -> None:
    for said in _deltas(objects):
        for call in _calls(said):
            if "name" in call["function"]:
                call["function"]["arguments"] = ""


@_objects("X-arguments-to-last-call", "arguments go to the call that began last", "upstream tools stream")
def arguments_to_last(objects: list[Object]) -> None:
    last = 0
    for said in _deltas(objects):
        for call in _calls(said):
            if "name" in call["function"]:
                last = call.get("index", last)
            else:
                call["index"] = last


@_objects("X-index-needed", "a call without an index counts as the first", "upstream tools stream")
def index_needed(objects: list[Object]) -> None:
    for said in _deltas(objects):
        for call in _calls(said):
            call.setdefault("index", 0)


@_objects("X-objects-lost", "arguments that are no text are lost", "upstream tools")
def objects_lost(objects: list[Object]) -> None:
    for said in _said(objects):
        for call in _calls(said):
            if not isinstance(call["function"].get("arguments"), str):
                call["function"]["arguments"] = ""


def _without(name: str, says: str, key: str) -> None:
    def change(objects: list[Object]) -> None:
        for said in _said(objects):
            said.pop(key, None)

    _objects(name, says)(change)


_without("X-refusal-lost", "the words of a refusal are lost", "refusal")
_without("X-reasoning-lost", "reasoning is lost where it is called `reasoning`", "reasoning")
_without("X-reasoning-content-lost", "reasoning is lost where it is called `reasoning_content`", "reasoning_content")


@_objects("X-parts-lost", "content that is a list of parts is lost")
def parts_lost(objects: list[Object]) -> None:
    for said in _said(objects):
        if isinstance(said.get("content"), list):
            said["content"] = None


@_objects("X-nulls-as-text", "a null content becomes the word null", "upstream stream")
def nulls_as_text(objects: list[Object]) -> None:
    for said in _deltas(objects):
        if "content" in said and said["content"] is None and "role" not in said:
            said["content"] = "null"


@_objects("X-last-delta-lost", "what comes together with the finish_reason is lost", "upstream stream")
def last_delta(objects: list[Object]) -> None:
    for document in objects:
        for choice in document.get("choices") or []:
            if choice.get("finish_reason") and "delta" in choice:
                choice["delta"] = {}


@_objects("X-choices-needed", "a first chunk without choices ends in a failure", "upstream stream")
def choices_needed(objects: list[Object]) -> None:
    if objects and objects[0].get("choices") == []:
        raise Refusal(500, "api_error", "list index out of range")


@_objects("X-usage-needs-own-chunk", "a usage that comes with a choice does not count", "upstream stream")
def usage_with_choice(objects: list[Object]) -> None:
    for document in objects:
        if document.get("choices") and document.get("object") == "chat.completion.chunk":
            document["usage"] = {"prompt_tokens": 0, "completion_tokens": 0}


@_objects("X-usage-summed", "several usages are added up", "upstream stream")
def usage_summed(objects: list[Object]) -> None:
    counted = [document for document in objects if document.get("usage")]
    total = sum(document["usage"]["completion_tokens"] for document in counted)
    for document in counted[-1:]:
        document["usage"]["completion_tokens"] = total


@_objects("X-usage-required", "an answer without a usage ends in a failure")
def usage_required(objects: list[Object]) -> None:
    if objects and "error" not in objects[0] and not any(document.get("usage") for document in objects):
        raise Refusal(500, "api_error", "'usage'")


@_objects("X-cached-lost", "cached tokens count as any others")
def cached_lost(objects: list[Object]) -> None:
    for document in objects:
        (document.get("usage") or {}).pop("prompt_tokens_details", None)


@_lines("X-comments-as-data", "a comment line ends in a failure", "upstream stream")
def comments_as_data(lines: Lines) -> Lines:
    if any(line.startswith(":") for line in lines):
        raise Refusal(500, "api_error", "Expecting value: line 1 column 1 (char 0)")
    return lines


@_lines("X-done-needed", "a stream without [DONE] ends in a failure", "upstream stream")
def done_needed(lines: Lines) -> Lines:
    streams = any(line.startswith("data:") for line in lines)
    if streams and not any(line.strip() == "data: [DONE]" for line in lines):
        raise Refusal(500, "api_error", "stream ended unexpectedly")
    return lines


def _stop(heard: Heard, stop: Any) -> Heard:
    return replace(heard, reply=replace(heard.reply, stop=stop))


@reading(SHAPES, "X-stop-is-end", "an answer that ended with stop is a plain end, whatever is in it", "upstream tools")
def stop_is_end(heard: Heard) -> Heard:
    return _stop(heard, "end") if heard.finish == "stop" and heard.reply.stop == "tool" else heard


@reading(SHAPES, "X-filter-is-end", "an answer that a filter ended is a plain end")
def filter_is_end(heard: Heard) -> Heard:
    return _stop(heard, "end") if heard.finish == "content_filter" else heard


@reading(SHAPES, "X-text-first", "the text of an answer stands before its calls, whenever it came", "upstream tools")
def text_first(heard: Heard) -> Heard:
    blocks = sorted(heard.reply.blocks, key=lambda block: isinstance(block, Invocation))
    return replace(heard, reply=replace(heard.reply, blocks=tuple(blocks)))


@reading(SHAPES, "X-empty-call-lost", "a call without an input is lost", "upstream tools")
def empty_call_lost(heard: Heard) -> Heard:
    kept = tuple(block for block in heard.reply.blocks if not isinstance(block, Invocation) or block.input)
    return replace(heard, reply=replace(heard.reply, blocks=kept))

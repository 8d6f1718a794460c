"""Faults in what a gateway makes of a request, an answer and a failure: they show in front of an upstream only.

`X-`: not in the survey; what else a translation can lose.
"""

import json
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.conversation import Invocation, Reply, Speech, Thought
from conformance.scripted.faults.fault import Call, FaultGroup, Refusal, replace
from conformance.scripted.gateway.passage import Asking, Heard

GATEWAY = FaultGroup("gateway")

COOLDOWN_SECONDS = 1.0

Body = dict[str, Any]


def _asking(name: str, says: str, needs: str = "upstream") -> Callable[[Callable[[Body, Body], None]], None]:
    """The function changes a copy of the body that goes upstream in place; it is shown the client's body too."""

    def register(change: Callable[[Body, Body], None]) -> None:
        def asking(correct: Asking, call: Call) -> Asking:
            body = msgspec.json.decode(msgspec.json.encode(correct.body))
            change(body, call.document)
            return replace(correct, body=body)

        GATEWAY.add(name, says, Hooks(asking=asking), needs=needs)

    return register


def reading(
    group: FaultGroup, name: str, says: str, needs: str = "upstream"
) -> Callable[[Callable[[Heard], Heard]], None]:
    """The function makes of what came back something else."""

    def register(change: Callable[[Heard], Heard]) -> None:
        group.add(name, says, Hooks(heard=lambda heard, _: change(heard)), needs=needs)

    return register


_heard = partial(reading, GATEWAY)


@_asking("GW01", "a stream does not ask the upstream for its usage", "upstream stream")
def no_usage(body: Body, _: Body) -> None:
    body.pop("stream_options", None)


@_asking("GW02", "cache_control is left in the parts that go upstream")
def cache_control_kept(body: Body, asked: Body) -> None:
    marked = [*_blocks(asked.get("system")), *_blocks(asked["messages"][-1].get("content"))]
    sent = [part for message in body["messages"] for part in _blocks(message.get("content"))]
    for block in marked:
        for part in sent:
            if "cache_control" in block and part.get("text") == block.get("text"):
                part["cache_control"] = block["cache_control"]
    for tool, described in zip(asked.get("tools") or [], body.get("tools") or [], strict=False):
        if "cache_control" in tool:
            described["cache_control"] = tool["cache_control"]


def _blocks(content: Any) -> list[Body]:
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


@_asking("GW03", "tool_choice goes upstream in Anthropic's words", "upstream tools")
def choice_untranslated(body: Body, asked: Body) -> None:
    if "tool_choice" in body:
        body["tool_choice"] = asked["tool_choice"]["type"]


@_asking("GW04", "a PDF goes upstream as an image", "upstream pdf")
def pdf_as_image(body: Body, _: Body) -> None:
    for message in body["messages"]:
        for part in _blocks(message.get("content")):
            if part["type"] == "file":
                file = part.pop("file")
                part |= {"type": "image_url", "image_url": {"url": file["file_data"]}}


def _other_route(asking: Asking, _: Call) -> Asking:
    return replace(asking, path="/v1/responses")


GATEWAY.add("GW06", "the upstream is asked on a route that it lacks", Hooks(asking=_other_route), needs="upstream")


class _Cooling:
    """After one failure of the upstream nobody is let through for a while."""

    def __init__(self) -> None:
        self.until = 0.0

    def asking(self, asking: Asking, _: Call) -> Asking:
        if time.monotonic() < self.until:
            raise Refusal(429, "rate_limit_error", "no deployment is available", (("retry-after", "1"),))
        return asking

    def heard(self, heard: Heard, _: Call) -> Heard:
        trouble = heard.trouble
        if trouble is not None and (trouble.status or 500) >= 500:
            self.until = time.monotonic() + COOLDOWN_SECONDS
        return heard


_cooling = _Cooling()
GATEWAY.add(
    "GW07",
    "one failure of the upstream turns the next requests into 429",
    Hooks(asking=_cooling.asking, heard=_cooling.heard),
    needs="upstream",
)


@_asking("GW10", "a system message between turns goes upstream as a user's note")
def system_as_note(body: Body, _: Body) -> None:
    for message in body["messages"][1:]:
        if message["role"] == "system":
            message["role"] = "user"


@_asking("X-temperature-zero", "a temperature of 0 is taken for none and does not go upstream")
def zero_lost(body: Body, _: Body) -> None:
    if body.get("temperature") == 0:
        del body["temperature"]


@_asking("X-schema-definitions", "the definitions that a tool's schema refers to do not go upstream", "upstream tools")
def definitions_lost(body: Body, _: Body) -> None:
    for tool in body.get("tools") or []:
        tool["function"]["parameters"].pop("$defs", None)


@_asking("X-description-cut", "a tool's description is cut at 1024 characters", "upstream tools")
def description_cut(body: Body, _: Body) -> None:
    for tool in body.get("tools") or []:
        if "description" in tool["function"]:
            tool["function"]["description"] = tool["function"]["description"][:1024]


@_asking("X-images-last", "images go upstream after all texts", "upstream vision")
def images_last(body: Body, _: Body) -> None:
    for message in body["messages"]:
        if parts := _blocks(message.get("content")):
            message["content"] = sorted(parts, key=lambda part: part["type"] != "text")


@_asking("X-result-images-first", "the images of a result go upstream before its texts", "upstream tools vision")
def result_images_first(body: Body, _: Body) -> None:
    for message in body["messages"]:
        if message["role"] == "tool" and (parts := _blocks(message.get("content"))):
            message["content"] = sorted(parts, key=lambda part: part["type"] == "text")


@_asking("X-call-type-lost", "earlier calls go upstream without their type", "upstream tools")
def call_type_lost(body: Body, _: Body) -> None:
    for message in body["messages"]:
        for call in message.get("tool_calls") or []:
            call.pop("type", None)


@_asking("X-results-by-order", "results go upstream under the ids of the calls in their order", "upstream tools")
def results_by_order(body: Body, _: Body) -> None:
    left: list[str] = []
    for message in body["messages"]:
        if message["role"] == "tool" and left:
            message["tool_call_id"] = left.pop(0)
        elif message.get("tool_calls"):
            left = [call["id"] for call in message["tool_calls"]]


@_asking("X-call-inputs", "the inputs of earlier calls do not go upstream", "upstream tools")
def inputs_lost(body: Body, _: Body) -> None:
    for message in body["messages"]:
        for call in message.get("tool_calls") or []:
            call["function"]["arguments"] = "{}"


@_asking(
    "X-arguments-4k",
    "inputs of earlier calls go upstream cut at 4,000 characters",
    "upstream tools",
)
def arguments_cut(body: Body, _: Body) -> None:
    for message in body["messages"]:
        for call in message.get("tool_calls") or []:
            given = msgspec.json.decode(call["function"]["arguments"])
            cut = {key: value[:4000] if isinstance(value, str) else value for key, value in given.items()}
            call["function"]["arguments"] = msgspec.json.encode(cut).decode()


@_asking("X-result-none", "a tool result without content goes upstream as the word None", "upstream tools")
def nothing_as_none(body: Body, _: Body) -> None:
    for message in body["messages"]:
        said = any(part.get("text") != "" for part in _blocks(message.get("content")))
        if message["role"] == "tool" and not said:
            message["content"] = "None"


@_asking("X-thinking-not-asked", "that the model is to think does not go upstream", "upstream thinking")
def thinking_not_asked(body: Body, _: Body) -> None:
    body.pop("thinking", None)
    body.pop("reasoning_effort", None)


@_asking("X-effort-lost", "the effort does not go upstream", "upstream thinking")
def effort_lost(body: Body, _: Body) -> None:
    if "reasoning_effort" in body:
        body["reasoning_effort"] = "medium"


@_asking("X-format-lost", "the schema of a structured answer does not go upstream")
def format_lost(body: Body, _: Body) -> None:
    body.pop("response_format", None)


def _arguments(body: Body, change: Callable[[Any], str]) -> None:
    for message in body["messages"]:
        for call in message.get("tool_calls") or []:
            call["function"]["arguments"] = change(json.loads(call["function"]["arguments"]))


@_asking("X-inputs-sorted", "the keys of earlier calls' inputs go upstream in alphabetical order", "upstream tools")
def inputs_sorted(body: Body, _: Body) -> None:
    _arguments(body, lambda value: json.dumps(value, sort_keys=True))


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return int(float(value)) if isinstance(value, int) and not isinstance(value, bool) else value


@_asking("X-inputs-rounded", "large integers of earlier calls go upstream as floating-point numbers", "upstream tools")
def inputs_rounded(body: Body, _: Body) -> None:
    _arguments(body, lambda value: json.dumps(_rounded(value)))


@_asking("X-request-stripped", "texts go upstream without the white space around them")
def texts_stripped(body: Body, _: Body) -> None:
    for message in body["messages"]:
        for part in _blocks(message.get("content")):
            if part["type"] == "text":
                part["text"] = part["text"].strip()


def _with_blocks(heard: Heard, blocks: Iterable[Thought | Speech | Invocation]) -> Heard:
    return replace(heard, reply=replace(heard.reply, blocks=tuple(blocks)))


@_heard("X-first-call-only", "of several calls in one answer only the first is passed on", "upstream tools")
def first_call_only(heard: Heard) -> Heard:
    first = next((block for block in heard.reply.blocks if isinstance(block, Invocation)), None)
    return _with_blocks(heard, (b for b in heard.reply.blocks if not isinstance(b, Invocation) or b is first))


@_heard("X-calls-reversed", "several calls in one answer are passed on in reverse", "upstream tools")
def calls_reversed(heard: Heard) -> Heard:
    calls = [block for block in heard.reply.blocks if isinstance(block, Invocation)]
    others = [block for block in heard.reply.blocks if not isinstance(block, Invocation)]
    return _with_blocks(heard, [*others, *reversed(calls)])


@_heard("X-answer-stripped", "the answer's text is passed on without the white space around it")
def text_trimmed(heard: Heard) -> Heard:
    blocks = (Speech(block.text.strip()) if isinstance(block, Speech) else block for block in heard.reply.blocks)
    return _with_blocks(heard, blocks)


@_heard("X-tokens-estimated", "output_tokens are estimated, not those that the upstream counted")
def tokens_estimated(heard: Heard) -> Heard:
    letters = sum(len(block.text) for block in heard.reply.blocks if not isinstance(block, Invocation))
    return replace(heard, reply=replace(heard.reply, output_tokens=letters // 4 + 1))


@_heard("ER07", "an upstream's 429 becomes a 500")
def limit_as_failure(heard: Heard) -> Heard:
    if heard.trouble is None or heard.trouble.status != 429:
        return heard
    return replace(heard, trouble=replace(heard.trouble, status=500))


@_heard("ER07-retry-after", "an upstream's retry-after is lost")
def retry_after_lost(heard: Heard) -> Heard:
    return heard if heard.trouble is None else replace(heard, trouble=replace(heard.trouble, retry_after=None))


@_heard("ER12", "an answer that breaks off upstream ends as if it were complete", "upstream stream")
def broken_off_as_complete(heard: Heard) -> Heard:
    return replace(heard, trouble=None) if heard.reply.blocks else heard


@_heard("X-buffered", "a stream is passed on when it is complete, in its own pieces", "upstream stream")
def buffered(heard: Heard) -> Heard:
    return heard


GATEWAY.add(
    "LC01",
    "the upstream goes on when the client has gone away",
    Hooks(asks_on=True),
    needs="upstream cancel",
)


@_heard("ER14", "a failed upstream becomes a well-formed empty answer")
def failure_as_empty(heard: Heard) -> Heard:
    if heard.trouble is None:
        return heard
    return Heard(Reply(blocks=(), stop="end", input_tokens=0, output_tokens=0))

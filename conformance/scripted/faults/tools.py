"""Faults in tool calls."""

import json
from collections.abc import Callable
from typing import Any

from conformance.scripted.anthropic.manner import Manner
from conformance.scripted.faults.fault import Call, Event, Group, Message, on_body

TOOLS = Group("tools")

SAME_ID = "toolu_01AAAAAAAAAAAAAAAAAAAAAA"
Block = dict[str, Any]


def _calls(message: Message, change: Callable[[Block], Block]) -> Message:
    content = [change(block) if block["type"] == "tool_use" else block for block in message["content"]]
    return {**message, "content": content}


def _inputs(events: list[Event], change: Callable[[list[str]], list[Any]]) -> list[Event]:
    """Every call's pieces of JSON, changed; as many or fewer than there were."""
    said: list[Event] = []
    pieces: list[Event] = []
    for event in events:
        if event["type"] == "content_block_delta" and event["delta"]["type"] == "input_json_delta":
            pieces.append(event)
            continue
        if pieces:
            changed = change([piece["delta"]["partial_json"] for piece in pieces])
            said.extend(
                {**pieces[0], "delta": {"type": "input_json_delta", "partial_json": piece}} for piece in changed
            )
            pieces = []
        said.append(event)
    return said


@TOOLS.message("TO01", "tool ids begin with call_ instead of toolu_", needs="tools", strength="note")
def foreign_ids(message: Message, _: Call) -> Message:
    return _calls(message, lambda block: {**block, "id": block["id"].replace("toolu_", "call_")})


def _told_apart(body: dict[str, Any]) -> None:
    """What such a server does when its own ids come back: it takes calls and results by their order."""
    seen = {"tool_use": 0, "tool_result": 0}
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else []:
            for kind, key in (("tool_use", "id"), ("tool_result", "tool_use_id")):
                if isinstance(block, dict) and block.get("type") == kind and block.get(key) == SAME_ID:
                    seen[kind] += 1
                    block[key] = f"{SAME_ID}{seen[kind]}"


def _same_id(message: Message, _: Call) -> Message:
    return _calls(message, lambda block: {**block, "id": SAME_ID})


TOOLS.add(
    "TO02",
    "tool ids repeat, within a message and across turns",
    Manner(request=on_body(_told_apart), message=_same_id),
    needs="tools",
)


def _second_unsent(events: list[Event], _: Call) -> list[Event]:
    starts = (event for event in events if event["type"] == "content_block_start")
    later = [event["index"] for event in starts if event["content_block"]["type"] == "tool_use"][1:]
    return [event for event in events if event.get("index") not in later]


TOOLS.add(
    "ST34",
    "of two tool calls with one id, the second is silently not streamed",
    Manner(request=on_body(_told_apart), message=_same_id, events=_second_unsent),
    needs="parallel",
)


@TOOLS.message("TO04", "the tool's name is empty", needs="tools")
def nameless(message: Message, _: Call) -> Message:
    return _calls(message, lambda block: {**block, "name": ""})


@TOOLS.events("TO06", "partial_json is an object, not a string", needs="stream tools")
def object_delta(events: list[Event], _: Call) -> list[Event]:
    return _inputs(events, lambda pieces: [json.loads("".join(pieces) or "{}")])


@TOOLS.events("TO07", "the pieces of JSON lack the last brace", needs="stream tools arguments")
def brace_missing(events: list[Event], _: Call) -> list[Event]:
    return _inputs(events, lambda pieces: [*pieces[:-1], pieces[-1][:-1]])


@TOOLS.events("TO07-doubled", "the pieces of JSON begin with a doubled brace", needs="stream tools")
def brace_doubled(events: list[Event], _: Call) -> list[Event]:
    return _inputs(events, lambda pieces: ["{", *pieces] if any(pieces) else ["{}{}"])


@TOOLS.events("TO09", "each partial_json carries all that was said so far", needs="stream tools arguments")
def accumulated(events: list[Event], _: Call) -> list[Event]:
    return _inputs(events, lambda pieces: ["".join(pieces[: at + 1]) for at in range(len(pieces))])


@TOOLS.message("TO11", "the tool call is printed as text", needs="tools")
def printed(message: Message, _: Call) -> Message:
    if message["stop_reason"] != "tool_use":
        return message

    def text(block: Block) -> Block:
        call = json.dumps({"name": block["name"], "arguments": block["input"]})
        return {"type": "text", "text": f"<tool_call>{call}</tool_call>", "citations": None}

    return {**_calls(message, text), "stop_reason": "end_turn"}


@TOOLS.events("TO12", "arguments outside ASCII are corrupted where they are split", needs="stream tools unicode")
def corrupted(events: list[Event], _: Call) -> list[Event]:
    def damaged(pieces: list[str]) -> list[str]:
        text = "".join(pieces)
        wide = next((character for character in text if not character.isascii()), None)
        return [text.replace(wide, "\ufffd\ufffd", 1)] if wide else pieces

    return _inputs(events, damaged)


@TOOLS.body("TO14", "tool_choice {type: tool} is ignored", needs="tools choice")
def choice_ignored(body: dict[str, Any]) -> None:
    if isinstance(body.get("tool_choice"), dict) and body["tool_choice"].get("type") == "tool":
        del body["tool_choice"]


@TOOLS.body("TO16", "disable_parallel_tool_use is ignored", needs="parallel")
def parallel_anyway(body: dict[str, Any]) -> None:
    if isinstance(body.get("tool_choice"), dict):
        body["tool_choice"].pop("disable_parallel_tool_use", None)


@TOOLS.message("TO17", "text and tool_use come in the other order than in a stream", needs="tools")
def reversed_in_json(message: Message, call: Call) -> Message:
    if message["stop_reason"] != "tool_use":
        return message
    text = {"type": "text", "text": "Calling.", "citations": None}
    calls = message["content"]
    return {**message, "content": [text, *calls] if call.streams else [*calls, text]}

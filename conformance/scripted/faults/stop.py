"""Faults in the stop reason of an answer."""

import json
import re
from collections.abc import Callable
from typing import Any

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.identity import fresh
from conformance.scripted.faults.fault import Call, Event, FaultGroup, Message, Refusal

STOP = FaultGroup("stop")

_OPENAI = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "stop_sequence": "stop"}
_CUT = "toolu_cut"


@STOP.message("SR01", "end_turn although a tool_use block was sent", needs="tools")
def ended_with_tool(message: Message, _: Call) -> Message:
    return {**message, "stop_reason": "end_turn"} if message["stop_reason"] == "tool_use" else message


def _cut_call(call: Call, message: Message) -> Message | None:
    """The call that did not fit into max_tokens, as a server would send it that does not leave it out."""
    tools = call.document.get("tools") if isinstance(call.document, dict) else None
    if message["stop_reason"] != "max_tokens" or not tools:
        return None
    return {"type": "tool_use", "id": fresh(_CUT), "name": tools[0].get("name", ""), "input": {}}


def called_though_cut(message: Message, call: Call) -> Message:
    block = _cut_call(call, message)
    return {**message, "stop_reason": "tool_use", "content": [*message["content"], block]} if block else message


def arguments_cut(events: list[Event], _: Call) -> list[Event]:
    """In a stream the arguments of that call break off inside the JSON."""
    starts = (event for event in events if event["type"] == "content_block_start")
    cut = [event["index"] for event in starts if event["content_block"].get("id", "").startswith(_CUT)]
    delta = {"type": "input_json_delta", "partial_json": '{"te'}
    return [{**event, "delta": delta} if "delta" in event and event.get("index") in cut else event for event in events]


STOP.add(
    "SR02",
    "tool_use although max_tokens cut the arguments",
    Hooks(message=called_though_cut, events=arguments_cut),
    needs="tools cut",
)


@STOP.message("X-limit-always", "an answer that came to its end says max_tokens")
def limit_always(message: Message, _: Call) -> Message:
    return {**message, "stop_reason": "max_tokens"} if message["stop_reason"] == "end_turn" else message


@STOP.message("X-refused-always", "an answer that came to its end says refusal")
def refused_always(message: Message, _: Call) -> Message:
    return {**message, "stop_reason": "refusal"} if message["stop_reason"] in ("end_turn", "tool_use") else message


@STOP.message("X-window-always", "an answer that came to its end says model_context_window_exceeded")
def window_always(message: Message, _: Call) -> Message:
    return (
        {**message, "stop_reason": "model_context_window_exceeded"} if message["stop_reason"] == "end_turn" else message
    )


@STOP.events("X-delta-bare", "message_delta has its stop_reason beside delta, and no delta", needs="stream")
def delta_bare(events: list[Event], _: Call) -> list[Event]:
    def bare(event: Event) -> Event:
        return {"type": event["type"], **event["delta"], "usage": event["usage"]} if "usage" in event else event

    return [bare(event) if event["type"] == "message_delta" else event for event in events]


@STOP.events("X-message-delta-lost", "message_stop comes without any message_delta", needs="stream")
def delta_lost(events: list[Event], _: Call) -> list[Event]:
    return [event for event in events if event["type"] != "message_delta"]


@STOP.events("X-message-stop-lost", "the body ends after message_delta, without message_stop", needs="stream")
def stop_lost(events: list[Event], _: Call) -> list[Event]:
    return [event for event in events if event["type"] != "message_stop"]


@STOP.message("SR04", "stop_reason is null at the end")
def no_reason(message: Message, _: Call) -> Message:
    return {**message, "stop_reason": None}


@STOP.message("SR06", "the stop sequence is left in the text", needs="stop")
def sequence_left(message: Message, _: Call) -> Message:
    sequence = message["stop_sequence"]
    if sequence is None:
        return message
    content = [*message["content"]]
    if not content or content[-1]["type"] != "text":
        content.append({"type": "text", "text": "", "citations": None})
    content[-1] = {**content[-1], "text": content[-1]["text"] + sequence}
    return {**message, "content": content}


@STOP.body("SR07", "stop_sequences are ignored", needs="stop")
def sequences_ignored(body: dict[str, Any]) -> None:
    body.pop("stop_sequences", None)


@STOP.message("SR09", "stop_reason has the words of another API: stop, length, tool_calls")
def foreign_words(message: Message, _: Call) -> Message:
    return {**message, "stop_reason": _OPENAI.get(message["stop_reason"], message["stop_reason"])}


@STOP.events("SR11", "message_start already carries the final stop_reason", needs="stream")
def decided_at_start(events: list[Event], _: Call) -> list[Event]:
    return [{**events[0], "message": {**events[0]["message"], "stop_reason": "end_turn"}}, *events[1:]]


@STOP.events("SR12", "message_start lacks stop_reason and stop_sequence", needs="stream")
def start_without_keys(events: list[Event], _: Call) -> list[Event]:
    message = {key: value for key, value in events[0]["message"].items() if not key.startswith("stop_")}
    return [{**events[0], "message": message}, *events[1:]]


@STOP.events("SR14", "two message_delta disagree about stop_reason", needs="stream")
def two_reasons(events: list[Event], _: Call) -> list[Event]:
    at = next((at for at, event in enumerate(events) if event["type"] == "message_delta"), None)
    if at is None:  # an answer that broke off
        return events
    final = events[at]
    other = "max_tokens" if final["delta"]["stop_reason"] != "max_tokens" else "end_turn"
    return [*events[:at], {**final, "delta": {**final["delta"], "stop_reason": other}}, *events[at:]]


def _said(message: Message, change: Callable[[str], str]) -> Message:
    """The message with another last text; one that ends otherwise stays."""
    content = message["content"]
    if not content or content[-1]["type"] != "text":
        return message
    return {**message, "content": [*content[:-1], {**content[-1], "text": change(content[-1]["text"])}]}


@STOP.message("X-stop-eats", "three more characters before a stop sequence are lost", needs="stop")
def eaten_before(message: Message, _: Call) -> Message:
    return _said(message, lambda text: text.rstrip()[:-3]) if message["stop_reason"] == "stop_sequence" else message


@STOP.message("X-cut-thought", "an answer that max_tokens cut inside its thinking says end_turn", needs="thinking cut")
def cut_thought_ended(message: Message, _: Call) -> Message:
    inside = message["content"] and message["content"][-1]["type"] == "thinking"
    return {**message, "stop_reason": "end_turn"} if inside and message["stop_reason"] == "max_tokens" else message


def _stopping(name: str, says: str, find: Callable[[str, str], int | None]) -> None:
    """A fault that finds stop sequences in another way; `find` says where in a text one begins."""

    @STOP.message(name, says, needs="stop")
    def stopped(message: Message, call: Call) -> Message:
        for sequence in call.document.get("stop_sequences") or []:
            for at, block in enumerate(message["content"]):
                begins = find(sequence, block["text"]) if block["type"] == "text" else None
                if begins is not None:
                    content = [*message["content"][:at], {**block, "text": block["text"][:begins].rstrip()}]
                    return {**message, "content": content, "stop_reason": "stop_sequence", "stop_sequence": sequence}
        return message


def _as_pattern(sequence: str, text: str) -> int | None:
    try:
        found = re.search(sequence, text)
    except re.error:
        return None
    return found.start() if found and found[0] else None


def _in_any_case(sequence: str, text: str) -> int | None:
    at = text.lower().find(sequence.lower())
    return None if at < 0 else at


_stopping("X-stop-any-case", "a stop sequence ends the answer whatever its case", _in_any_case)
_stopping("X-stop-pattern", "a stop sequence is read as a regular expression", _as_pattern)


@STOP.body("X-stop-signs-ignored", "a stop sequence of other signs than letters and blanks is ignored", needs="stop")
def signs_ignored(body: dict[str, Any]) -> None:
    sequences = body.get("stop_sequences")
    if isinstance(sequences, list) and all(isinstance(sequence, str) for sequence in sequences):
        body["stop_sequences"] = [one for one in sequences if one.translate(_SIGNS) == one]


_SIGNS = str.maketrans("", "", r"\[](){}*+?^$|")


@STOP.message("X-stop-at-once-500", "an answer that a stop sequence ends before its first word is a 500", needs="stop")
def nothing_before(message: Message, _: Call) -> Message:
    said = any(str(block.get("text") or "").strip() or block["type"] == "tool_use" for block in message["content"])
    if message["stop_reason"] == "stop_sequence" and not said:
        raise Refusal(500, "api_error", "list index out of range")
    return message


@STOP.message("X-stop-held-back", "what an answer ends with is lost where a stop sequence begins so", needs="stop")
def held_back(message: Message, call: Call) -> Message:
    sequences = call.document.get("stop_sequences") or []
    ends = sorted({sequence[:size] for sequence in sequences for size in range(1, len(sequence))}, key=len)

    def kept(text: str) -> str:
        return text.removesuffix(next((end for end in reversed(ends) if text.endswith(end)), ""))

    return _said(message, kept) if message["stop_reason"] == "end_turn" else message


@STOP.message("X-stop-in-prompt", "a stop sequence that stands in the prompt ends the answer at once", needs="stop")
def stopped_by_prompt(message: Message, call: Call) -> Message:
    said = json.dumps([call.document.get("system"), call.document["messages"][:-1]], ensure_ascii=False)
    found = next((one for one in call.document.get("stop_sequences") or [] if one in said), None)
    return {**message, "content": [], "stop_reason": "stop_sequence", "stop_sequence": found} if found else message


@STOP.message(
    "X-stop-words-untold", "an answer that a stop sequence of several words ended says end_turn", needs="stop"
)
def words_untold(message: Message, _: Call) -> Message:
    several = " " in (message["stop_sequence"] or "").strip()
    return {**message, "stop_reason": "end_turn", "stop_sequence": None} if several else message

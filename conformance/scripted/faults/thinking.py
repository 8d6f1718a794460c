"""Faults in thinking blocks. A server that commits one accepts its own blocks when they are sent back."""

from collections.abc import Iterator
from typing import Any

from conformance.scripted.anthropic.errors import invalid
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.identity import is_genuine, sign
from conformance.scripted.anthropic.rewriting import on_body
from conformance.scripted.faults.fault import Call, Event, FaultGroup, Message

THINKING = FaultGroup("thinking")

CONSTANT = "c2lnbmF0dXJl"
Block = dict[str, Any]


def _blocks(body: dict[str, Any]) -> Iterator[tuple[str, Block]]:
    """The thinking blocks of a request."""
    messages = body.get("messages")
    for index, message in enumerate(messages if isinstance(messages, list) else []):
        content = message.get("content") if isinstance(message, dict) else None
        for number, block in enumerate(content if isinstance(content, list) else []):
            if isinstance(block, dict) and block.get("type") == "thinking":
                yield f"messages.{index}.content.{number}", block


def _own_accepted(body: dict[str, Any]) -> None:
    for _, block in _blocks(body):
        if block.get("signature") in (None, "", CONSTANT):
            block["signature"] = sign(str(block.get("thinking")))


@THINKING.body("X-effort-thinks", "an effort turns thinking on where it was disabled", needs="thinking")
def effort_thinks(body: Block) -> None:
    output, thinking = body.get("output_config"), body.get("thinking")
    if isinstance(output, dict) and output.get("effort") and thinking == {"type": "disabled"}:
        body["thinking"] = {"type": "adaptive"}


def _thoughts(message: Message, change: Any) -> Message:
    content = [change(block) if block["type"] == "thinking" else block for block in message["content"]]
    return {**message, "content": content}


def _is_thought(event: Event) -> bool:
    return bool(event["type"] == "content_block_start" and event["content_block"]["type"] == "thinking")


def _signs(event: Event) -> bool:
    return bool(event["type"] == "content_block_delta" and event["delta"]["type"] == "signature_delta")


def _unsigned(block: Block) -> Block:
    return {key: value for key, value in block.items() if key != "signature"}


def _unsigned_message(message: Message, call: Call) -> Message:
    return message if call.streams else _thoughts(message, _unsigned)


def _unsigned_events(events: list[Event], _: Call) -> list[Event]:
    kept = [event for event in events if not _signs(event)]
    return [
        {**event, "content_block": _unsigned(event["content_block"])} if _is_thought(event) else event for event in kept
    ]


THINKING.add(
    "TH01",
    "a thinking block has no signature, a stream no signature_delta",
    Hooks(request=on_body(_own_accepted), message=_unsigned_message, events=_unsigned_events),
    needs="thinking",
)


def _signature(name: str, says: str, value: str | None, **more: Any) -> None:
    def message(message: Message, _: Call) -> Message:
        return _thoughts(message, lambda block: {**block, "signature": value})

    THINKING.add(name, says, Hooks(request=on_body(_own_accepted), message=message), needs="thinking", **more)


_signature("TH02", "the signature is null", None)
_signature("TH04", "the signature is blank", "")
_signature("TH06", "every block has the same constant signature", CONSTANT, strength="note")


def _moved(events: list[Event], offset: int) -> list[Event]:
    at = next((at for at, event in enumerate(events) if _signs(event)), None)
    if at is None:
        return events
    rest = events[:at] + events[at + 1 :]
    return [*rest[: at + offset], events[at], *rest[at + offset :]]


@THINKING.events("TH07", "signature_delta comes after content_block_stop", needs="stream thinking")
def signed_late(events: list[Event], _: Call) -> list[Event]:
    return _moved(events, 1)


@THINKING.events("TH07-early", "signature_delta comes before the last thinking_delta", needs="stream thinking")
def signed_early(events: list[Event], _: Call) -> list[Event]:
    return _moved(events, -1)


@THINKING.message("TH09", "the thinking stands in the text block as <think>...</think>", needs="thinking")
def thinking_in_text(message: Message, _: Call) -> Message:
    thoughts = [block["thinking"] for block in message["content"] if block["type"] == "thinking"]
    content = [block for block in message["content"] if block["type"] != "thinking"]
    if not thoughts:
        return message
    written = f"<think>{thoughts[0]}</think>\n\n"
    if content and content[0]["type"] == "text":
        content[0] = {**content[0], "text": written + content[0]["text"]}
    else:
        content.insert(0, {"type": "text", "text": written, "citations": None})
    return {**message, "content": content}


@THINKING.message("X-thought-in-text", "the thinking is repeated at the head of the text", needs="thinking")
def thinking_repeated(message: Message, _: Call) -> Message:
    thoughts = [block["thinking"] for block in message["content"] if block["type"] == "thinking"]
    at = next((at for at, block in enumerate(message["content"]) if block["type"] == "text"), None)
    if not thoughts or at is None:
        return message
    content = [*message["content"]]
    content[at] = {**content[at], "text": f"{thoughts[0]}\n\n{content[at]['text']}"}
    return {**message, "content": content}


@THINKING.message("X-thought-twice", "the thinking block comes twice", needs="thinking")
def thinking_twice(message: Message, _: Call) -> Message:
    thoughts = [block for block in message["content"] if block["type"] == "thinking"]
    return {**message, "content": [*thoughts, *message["content"]]}


@THINKING.message("X-thought-before-call-lost", "the thinking before a call is lost", needs="thinking tools")
def thought_before_call_lost(message: Message, _: Call) -> Message:
    if all(block["type"] != "tool_use" for block in message["content"]):
        return message
    return {**message, "content": [block for block in message["content"] if block["type"] != "thinking"]}


@THINKING.message("TH11", "the thinking block comes after the text", needs="thinking", strength="note")
def thinking_last(message: Message, _: Call) -> Message:
    if [block["type"] for block in message["content"]] != ["thinking", "text"]:
        return message
    return {**message, "content": message["content"][::-1]}


@THINKING.message(
    "X-thought-after-call", "a call is followed by a thinking block", needs="thinking tools", strength="note"
)
def thinking_after_call(message: Message, _: Call) -> Message:
    thoughts = [block for block in message["content"] if block["type"] == "thinking"]
    if all(block["type"] != "tool_use" for block in message["content"]):
        return message
    return {**message, "content": [*message["content"], *thoughts]}


@THINKING.request(
    "TH12", "a replayed thinking block is changed on the way, and so refused on turn 2", needs="thinking turns"
)
def replay_refused(call: Call) -> Call:
    for place, block in _blocks(call.document if isinstance(call.document, dict) else {}):
        if is_genuine(str(block.get("thinking")), str(block.get("signature"))):
            raise invalid(place, "Invalid `signature` in `thinking` block")
    return call


@THINKING.request("TH12-other", "a replayed thinking block is refused in other words", needs="thinking turns")
def replay_refused_otherwise(call: Call) -> Call:
    for place, _ in _blocks(call.document if isinstance(call.document, dict) else {}):
        raise invalid(place, "unsupported content block")
    return call


@THINKING.message("X-thought-cut", "a thought is cut after 4,096 characters", needs="thinking long")
def thought_cut(message: Message, _: Call) -> Message:
    blocks = message["content"]
    cut = [{**one, "thinking": one["thinking"][:4096]} if one["type"] == "thinking" else one for one in blocks]
    return {**message, "content": cut}

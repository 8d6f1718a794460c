"""Faults that show after some turns of a conversation: what is old is lost, counted wrongly or mixed with another."""

from collections import OrderedDict
from typing import Any

from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.faults.fault import Call, FaultGroup, Message

JOURNEY = FaultGroup("journey")

Body = dict[str, Any]

_MANY = 12
"""Messages from which on a conversation counts as long: six turns and the newest question."""
_LATE = 6
"""Messages after which a result comes late."""
_CIRCLE = 4
"""Messages after which ids come again."""
_SESSIONS = 256


def _messages(body: Any) -> list[Body]:
    messages = body.get("messages") if isinstance(body, dict) else None
    return [message for message in messages if isinstance(message, dict)] if isinstance(messages, list) else []


def _blocks(message: Body, kind: str) -> list[Body]:
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return [block for block in blocks if isinstance(block, dict) and block.get("type") == kind]


@JOURNEY.request("X-turns-six", "a conversation with calls of more than six turns is answered with 500", needs="turns")
def six_turns(call: Call) -> Call:
    messages = _messages(call.document)
    if len(messages) > _MANY and any(_blocks(message, "tool_use") for message in messages):
        raise Refusal(500, "api_error", "list index out of range")
    return call


@JOURNEY.body("X-old-turns-emptied", "what a user said ten messages ago is left out", needs="turns")
def old_turns_emptied(body: Body) -> None:
    for message in _messages(body)[:-10]:
        if message.get("role") == "user" and isinstance(message.get("content"), str):
            message["content"] = "(left out)"
        for block in _blocks(message, "text") if message.get("role") == "user" else []:
            block["text"] = "(left out)"


@JOURNEY.body("X-late-results-lost", "a result after the third turn is that of the first", needs="turns tools")
def late_results_lost(body: Body) -> None:
    results = [(place, result) for place, one in enumerate(_messages(body)) for result in _blocks(one, "tool_result")]
    for place, result in results:
        if place > _LATE:
            result["content"] = results[0][1].get("content", "")


@JOURNEY.message("X-usage-newest", "input_tokens are those of the newest message", needs="turns")
def newest_weighed(message: Message, call: Call) -> Message:
    messages = _messages(call.document)
    if len(messages) < _LATE or not isinstance(message.get("usage"), dict):
        return message
    return {**message, "usage": {"input_tokens": 12, "output_tokens": message["usage"].get("output_tokens", 1)}}


@JOURNEY.message("X-call-ids-come-again", "the ids of calls come again every four messages", needs="turns tools")
def ids_come_again(message: Message, call: Call) -> Message:
    place = len(_messages(call.document)) % _CIRCLE
    content = [
        {**block, "id": f"toolu_0{place}{number}"} if block.get("type") == "tool_use" else block
        for number, block in enumerate(message["content"])
    ]
    return {**message, "content": content}


@JOURNEY.body("X-markers-stay", "cache_control after the first turn is lost", needs="turns caching")
def markers_stay(body: Body) -> None:
    for message in _messages(body)[1:]:
        content = message.get("content")
        for block in content if isinstance(content, list) else []:
            if isinstance(block, dict):
                block.pop("cache_control", None)


_SAID: OrderedDict[str, list[Body]] = OrderedDict()
"""User id to the longest conversation that was sent with it."""


@JOURNEY.body("X-session-kept", "a conversation that begins anew for a user follows his earlier one", needs="turns")
def session_kept(body: Body) -> None:
    metadata, messages = body.get("metadata"), _messages(body)
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user, str) or not messages:
        return
    earlier = _SAID.get(user, [])
    if len(messages) > len(earlier):
        _SAID[user] = [one for one in messages if not _blocks(one, "tool_use") and not _blocks(one, "tool_result")]
        while len(_SAID) > _SESSIONS:
            _SAID.popitem(last=False)
    else:
        body["messages"] = [*earlier, *messages]

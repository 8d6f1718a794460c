"""POST /v1/messages and POST /v1/messages/count_tokens."""

from typing import Any

from conformance.scripted.anthropic.answer import Answer, frames_of, json_answer, stream_answer
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import BrokenOff
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.request import CountRequest, MessagesRequest, parse_json
from conformance.scripted.anthropic.service import Service
from conformance.scripted.anthropic.stream import Event, broken_off, events_of
from conformance.scripted.pacing import SECONDS_PER_WORD, UNPACED_WORDS

VERSION = "anthropic-version"


async def create_message(service: Service, call: Call, hooks: tuple[Hooks, ...]) -> Answer:
    document = parse_json(call.body)
    asked = await service.understand(document, MessagesRequest, call.headers.get(VERSION), call.betas)
    try:
        message = await service.message(asked, call, hooks)
    except BrokenOff as broken:
        if not call.streams:
            raise
        return _streamed(broken_off(broken.said, broken.envelope(None)["error"]), call, hooks)
    return written(message, call, hooks)


def written(message: dict[str, Any], call: Call, hooks: tuple[Hooks, ...]) -> Answer:
    """A message as the JSON body or the stream that was asked for, bent on its way by the hooks in force."""
    for hook in hooks:
        message = hook.message(message, call) if hook.message else message
    if not call.streams:
        return json_answer(message, at=_seconds_to_say(message))
    return _streamed(events_of(message), call, hooks)


def _streamed(events: list[Event], call: Call, hooks: tuple[Hooks, ...]) -> Answer:
    for hook in hooks:
        events = hook.events(events, call) if hook.events else events
    frames = frames_of(events)
    for hook in hooks:
        frames = hook.frames(frames, call) if hook.frames else frames
    return stream_answer(frames)


def _seconds_to_say(message: dict[str, Any]) -> float:
    blocks = message.get("content") or []
    words = sum(len(str(block.get("text") or block.get("thinking") or "").split()) for block in blocks)
    return words * SECONDS_PER_WORD if words > UNPACED_WORDS else 0.0


async def count_tokens(service: Service, call: Call) -> dict[str, int]:
    document = parse_json(call.body)
    asked = await service.understand(document, CountRequest, call.headers.get(VERSION), call.betas)
    return {"input_tokens": asked.input_tokens}

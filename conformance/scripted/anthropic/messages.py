"""POST /v1/messages and POST /v1/messages/count_tokens."""

from typing import Any

from conformance.scripted.anthropic.answer import Answer, frames_of, json_answer, live_answer, stream_answer
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import BrokenOff
from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.anthropic.request import CountRequest, MessagesRequest, parse_json
from conformance.scripted.anthropic.service import Service
from conformance.scripted.anthropic.stream import Event, broken_off, events_of
from conformance.scripted.delivery import SECONDS_PER_WORD, UNPACED_WORDS, delivery_of

VERSION = "anthropic-version"


async def create_message(service: Service, call: Call, hooks: tuple[Hooks, ...]) -> Answer:
    document = parse_json(call.body)
    asked = await service.understand(document, MessagesRequest, call.headers.get(VERSION), call.betas)
    prepared = service.prepare(asked)
    try:
        if call.streams and not any(hook.needs_whole_answer for hook in hooks):
            live = await service.live(prepared, call, hooks)
            if live is not None:
                return live_answer(live)
        message = await service.message(prepared, call, hooks)
    except BrokenOff as broken:
        if not call.streams:
            raise
        return _streamed(broken_off(broken.said, broken.envelope(None)["error"]), call, hooks)
    pace = delivery_of(asked.conversation).seconds_per_word if service.answerer.paces else None
    return written(message, call, hooks, pace)


def written(
    message: dict[str, Any], call: Call, hooks: tuple[Hooks, ...], seconds_per_word: float | None = None
) -> Answer:
    """A message as the JSON body or the stream that was asked for, as the hooks in force change it."""
    for hook in hooks:
        message = hook.message(message, call) if hook.message else message
    if not call.streams:
        return json_answer(message, at=_seconds_to_say(message, seconds_per_word))
    events = events_of(message) if seconds_per_word is None else events_of(message, words_per_delta=1)
    return _streamed(events, call, hooks, seconds_per_word)


def _streamed(
    events: list[Event], call: Call, hooks: tuple[Hooks, ...], seconds_per_word: float | None = None
) -> Answer:
    for hook in hooks:
        events = hook.events(events, call) if hook.events else events
    frames = frames_of(events, seconds_per_word)
    for hook in hooks:
        frames = hook.frames(frames, call) if hook.frames else frames
    return stream_answer(frames)


def _seconds_to_say(message: dict[str, Any], seconds_per_word: float | None) -> float:
    blocks = message.get("content") or []
    words = sum(len(str(block.get("text") or block.get("thinking") or "").split()) for block in blocks)
    if seconds_per_word is not None:
        return words * seconds_per_word
    return words * SECONDS_PER_WORD if words > UNPACED_WORDS else 0.0


async def count_tokens(service: Service, call: Call) -> dict[str, int]:
    document = parse_json(call.body)
    asked = await service.understand(document, CountRequest, call.headers.get(VERSION), call.betas)
    return {"input_tokens": asked.input_tokens}

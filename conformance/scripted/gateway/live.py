"""The events of an answer while it is still being heard: each piece goes on as soon as it has come."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from conformance.scripted.anthropic.identity import fresh, sign
from conformance.scripted.anthropic.stream import Event, message_delta, message_start
from conformance.scripted.conversation import Invocation, Reply, Thought
from conformance.scripted.gateway.hearing import Block, Hearing
from conformance.scripted.gateway.passage import refusal_of

Message = dict[str, Any]


async def events_while_heard(
    hearings: AsyncIterator[Hearing], opening: Message, message_of: Callable[[Reply], Message]
) -> AsyncIterator[Event]:
    """The stream of a message; `opening` is the message as it begins, `message_of` makes it of the whole reply."""
    yield message_start(opening)
    writer = _Writer()
    hearing = Hearing()
    async for hearing in hearings:
        for event in writer.advance(hearing.blocks):
            yield event
    reply = hearing.reply()
    if hearing.trouble is not None:
        yield {"type": "error", "error": refusal_of(hearing.trouble).envelope(None)["error"]}
        return
    for event in writer.advance(hearing.blocks, last=True):
        yield event
    yield message_delta(message_of(reply))
    yield {"type": "message_stop"}


class _Writer:
    """Writes blocks one after the other, each as far as it has come.

    A text ends where the next block begins. A call ends with the answer only, since its arguments may go on after the
    next call has begun; what follows it waits.
    """

    def __init__(self) -> None:
        self._index = 0
        self._sent: int | None = None
        """The characters of the current block that went out; None before it was started."""

    def advance(self, blocks: list[Block], *, last: bool = False) -> Iterator[Event]:
        while self._index < len(blocks):
            block = blocks[self._index]
            yield from self._continue(block)
            ended = last or (block.kind is not Invocation and self._index + 1 < len(blocks))
            if not ended:
                return
            if block.kind is Thought:
                yield self._delta({"type": "signature_delta", "signature": sign(block.text)})
            yield {"type": "content_block_stop", "index": self._index}
            self._index += 1
            self._sent = None
        if last and self._index == 0:
            yield {"type": "ping"}

    def _continue(self, block: Block) -> Iterator[Event]:
        """The start of a block if it is new, and what was said since."""
        if self._sent is None:
            yield {"type": "content_block_start", "index": self._index, "content_block": _opened(block)}
            if self._index == 0:
                yield {"type": "ping"}
            self._sent = 0
        if more := block.text[self._sent :]:
            self._sent = len(block.text)
            yield self._delta(_said(block, more))

    def _delta(self, delta: Event) -> Event:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}


def _opened(block: Block) -> Event:
    if block.kind is Invocation:
        called = {"type": "tool_use", "id": fresh("toolu"), "name": block.name}
        return {**called, "input": {}, "caller": {"type": "direct"}}
    if block.kind is Thought:
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "text", "text": "", "citations": None}


def _said(block: Block, text: str) -> Event:
    if block.kind is Invocation:
        return {"type": "input_json_delta", "partial_json": text}
    if block.kind is Thought:
        return {"type": "thinking_delta", "thinking": text}
    return {"type": "text_delta", "text": text}

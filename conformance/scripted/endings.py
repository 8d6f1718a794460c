"""How the answers of an upstream ended: complete, or because the client went away."""

import asyncio
from collections import OrderedDict
from typing import Literal

from msgspec.structs import replace

from conformance.scripted.conversation import Conversation, Reply, Speech
from conformance.scripted.instructions import TellEnding, last_instruction

SECONDS_TO_NOTICE = 5.0
"""How long an answer that is still being given is waited for: a gateway whose client has gone hangs up by then."""
_MOST_KEPT = 1000

Outcome = Literal["whole", "left", "speaking"]


class Ending:
    """The end of one answer, once it is known."""

    def __init__(self) -> None:
        self.outcome: Outcome = "speaking"
        self._known = asyncio.Event()

    def came(self, outcome: Outcome) -> None:
        if not self._known.is_set():
            self.outcome = outcome
            self._known.set()

    async def known(self) -> Outcome:
        """The outcome; `speaking` where the answer is still being given after `SECONDS_TO_NOTICE`."""
        try:
            async with asyncio.timeout(SECONDS_TO_NOTICE):
                await self._known.wait()
        except TimeoutError:
            pass
        return self.outcome


class Endings:
    """The answers of one face, each by the first word of its text."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Ending] = OrderedDict()

    def of(self, word: str) -> Ending | None:
        return self._kept.get(word)

    def begin(self, reply: Reply) -> Ending:
        ending = Ending()
        text = next((block.text for block in reply.blocks if isinstance(block, Speech)), "")
        if words := text.split(maxsplit=1):
            self._kept[words[0]] = ending
            self._kept.move_to_end(words[0])
        if len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        return ending


async def with_ending(conversation: Conversation, endings: Endings) -> Conversation:
    """The conversation with the ending that its instruction asks for, which is waited for."""
    match last_instruction(conversation):
        case TellEnding(word, at_once) if (ending := endings.of(word)) is not None:
            return replace(conversation, ending=ending.outcome if at_once else await ending.known())
    return conversation

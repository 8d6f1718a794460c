"""The delivery of an answer: its shape on the wire, its pace, and how it ended.

Two lines of a prompt say it, each a line of its own: `Shape: NAME.` and `Pace: N ms.`; neither changes what is said.
"""

import asyncio
import re
from collections import OrderedDict
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from conformance.scripted.conversation import Conversation, Reply, Speech, Text
from conformance.scripted.instructions import TellEnding, last_instruction, latest_user_parts

SECONDS_PER_WORD = 0.002
MOST_SECONDS_PER_WORD = 1.0
UNPACED_WORDS = 100


class Pace:
    """The time line of one answer; short ones are not held up unless `seconds_per_word` says so."""

    def __init__(self, reply: Reply, seconds_per_word: float | None = None) -> None:
        usual = SECONDS_PER_WORD if reply.output_tokens > UNPACED_WORDS else 0.0
        self._each = usual if seconds_per_word is None else seconds_per_word
        self._begun = asyncio.get_running_loop().time()

    async def reach(self, words: int) -> None:
        """Wait until so many words, counted from the start of the answer, are due."""
        left = self._begun + words * self._each - asyncio.get_running_loop().time()
        if self._each and left > 0:
            await asyncio.sleep(left)


_SHAPE = re.compile(r"^Shape: ([a-z0-9-]+)\.[ \t\r]*$", re.MULTILINE)
_PACE = re.compile(r"^Pace: (\d{1,6}) ms\.[ \t\r]*$", re.MULTILINE)


class Delivery(Struct, frozen=True):
    """The shape by its name, and the seconds for each word; None leaves either to the wire."""

    shape: str | None = None
    seconds_per_word: float | None = None


def delivery_of(conversation: Conversation) -> Delivery:
    """What the latest user turn asks for; the last line of each kind counts."""
    text = "\n".join(part.text for part in latest_user_parts(conversation) if isinstance(part, Text))
    shapes, paces = _SHAPE.findall(text), _PACE.findall(text)
    return Delivery(
        shapes[-1] if shapes else None,
        min(int(paces[-1]) / 1000, MOST_SECONDS_PER_WORD) if paces else None,
    )


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

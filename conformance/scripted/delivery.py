"""The delivery of an answer: its shape on the wire and its pace.

Two lines of a prompt say it, each a line of its own: `Shape: NAME.` and `Pace: N ms.`; neither changes what is said.
"""

import asyncio
import re

from msgspec import Struct

from conformance.scripted.conversation import Conversation, Reply, Text
from conformance.scripted.instructions import latest_user_parts

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

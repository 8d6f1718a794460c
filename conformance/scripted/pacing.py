"""How fast the scripted model speaks: an answer of more than 100 words takes 2 ms for each."""

import asyncio

from conformance.scripted.conversation import Reply

SECONDS_PER_WORD = 0.002
UNPACED_WORDS = 100


class Pace:
    """The time line of one answer; short ones are not held up."""

    def __init__(self, reply: Reply) -> None:
        self._each = SECONDS_PER_WORD if reply.output_tokens > UNPACED_WORDS else 0.0
        self._begun = asyncio.get_running_loop().time()

    async def reach(self, words: int) -> None:
        """Wait until so many words, counted from the start of the answer, are due."""
        left = self._begun + words * self._each - asyncio.get_running_loop().time()
        if self._each and left > 0:
            await asyncio.sleep(left)

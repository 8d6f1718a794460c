"""How fast the scripted model speaks: 2 ms a word in answers of more than 100 words, or as the request asks."""

import asyncio

from conformance.scripted.conversation import Reply

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

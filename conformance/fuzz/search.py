"""Searches for requests that break a law, and shrinks each to the smallest that still does."""

import zlib
from collections.abc import Callable, Collection, Hashable, Iterator

from hypothesis import given, reject
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.errors import FlakyFailure, FlakyStrategyDefinition
from msgspec import Struct

from conformance.fuzz.conversation import conversations
from conformance.fuzz.laws import AskCase, Bad, BrokenLaw, CountedPair, Example, Known, Sent, Valid, case
from conformance.fuzz.mutations import mutations
from conformance.fuzz.requests import requests
from conformance.fuzz.sequences import Machine, SeenError, first_broken, unattended
from conformance.fuzz.stored import Keeps, stored

CONVERSATIONS = 3
"""Conversations beside each chunk of single requests."""
STORED = 12
"""Sequences about what is kept, beside each chunk: none of them asks the model to speak."""
CHUNK = 50
"""Examples between two points at which a search can be taken up again."""


def examples(able: Collection[str], *, counts: bool) -> st.SearchStrategy[Example]:
    """What is asked: as many bad requests as valid ones, and some counts where the endpoint has them."""
    valid = requests(able)
    kinds: list[st.SearchStrategy[Example]] = [valid.map(Valid), valid.flatmap(_bad)] * 3
    kinds += [valid.map(CountedPair)] if counts else []
    return st.one_of(*kinds)


def _bad(sent: Sent) -> st.SearchStrategy[Bad]:
    """The request with one of its mutations, each as often: of a list, hypothesis mostly takes what stands first."""
    made = mutations(sent.body)
    return st.integers(0, 2**20).map(lambda drawn: Bad(sent, made[zlib.crc32(b"%d" % drawn) % len(made)]))


class Search(Struct, frozen=True, kw_only=True):
    """A search: the endpoint, the seed, and the findings of earlier searches."""

    ask: AskCase
    able: Collection[str]
    """The capabilities on which requests may lean."""
    counts: bool
    """Whether the endpoint counts tokens."""
    seed: int
    known: Known
    keeps: Keeps = Keeps()
    """What the endpoint keeps for a client."""

    def run(
        self,
        done: int,
        count: int,
        *,
        enough: Callable[[], bool],
        progress: Callable[[int], None],
        tell: Callable[[BrokenLaw], None],
    ) -> None:
        """Asks `count` examples, from the `done`th on; `tell` is given each broken law, smallest request and all.

        After each chunk, `progress` is given how many were asked: with the same seed the search goes on from there.
        """
        strategy = examples(self.able, counts=self.counts)
        while done < count and not enough():
            size = min(CHUNK, count - done)
            for broken in self._chunk(strategy, self.seed * 1_000_003 + done * 31, size):
                tell(broken)
                if enough():
                    return
            done += size
            progress(done)

    def _chunk(self, strategy: st.SearchStrategy[Example], seed: int, size: int) -> Iterator[BrokenLaw]:
        """What one chunk finds, each law once: single requests, then conversations, then what is kept."""
        while (smallest := _first(self.ask, strategy, seed=seed, size=size, known=self.known)) is not None:
            self.known.found.append(smallest.broken)
            if _again(self.ask, smallest):  # what was seen once and never again is not reported
                yield smallest.broken
            seed += 1
        tools = "tools" in self.able
        yield from self._sequences(lambda seen: conversations(self.ask, seen, tools=tools), seed, CONVERSATIONS)
        if self.keeps.batches or self.keeps.files:
            yield from self._sequences(lambda seen: stored(self.ask, seen, self.keeps), seed, STORED)

    def _sequences(self, machine: Machine, seed: int, count: int) -> Iterator[BrokenLaw]:
        """What the sequences of a state machine find, each law once."""
        while (broken := first_broken(machine, seed=seed, count=count, known=self.known)) is not None:
            self.known.found.append(broken)
            yield broken
            seed += 1


class _Smallest(Struct, frozen=True):
    """The smallest example that breaks a law, and what it breaks."""

    example: Example
    broken: BrokenLaw


def _again(ask: AskCase, smallest: _Smallest) -> bool:
    """Whether the smallest example breaks its law again, asked from scratch."""
    return any(one.law == smallest.broken.law for one in smallest.example.broken(ask))


def _first(
    ask: AskCase, strategy: st.SearchStrategy[Example], *, seed: int, size: int, known: Known
) -> _Smallest | None:
    """The first law that one of these examples breaks and nothing known explains, by its smallest example."""
    smallest: list[_Smallest] = []
    asked: set[Hashable] = set()

    @seeded(seed)
    @unattended(size)
    @given(strategy)
    def holds(example: Example) -> None:
        if not smallest and example.kind in asked:  # of six examples, hypothesis makes five by copying parts about
            reject()
        for broken in example.broken(ask):
            if known.explains(broken) or (smallest and broken.law != smallest[0].broken.law):
                continue
            smallest[1:] = [_Smallest(example, broken)]  # the first stays: what is shrunk is its law
            raise SeenError
        asked.add(example.kind)  # not of one that was not asked to its end, such as the last of a server that died

    try:
        holds()
    except (SeenError, FlakyFailure, FlakyStrategyDefinition):
        return smallest[-1]
    return None


def has_counts(ask: AskCase) -> bool:
    """Whether the endpoint counts the tokens of a plain prompt."""
    sent = Sent(body={"messages": [{"role": "user", "content": "Hello."}]}, path="/v1/messages/count_tokens")
    document = case(
        "fuzz.count", "A prompt is counted", sent, effect=[{"at": "message.input_tokens", "type": "integer"}]
    )
    return ask(document, "json").observed.observation == "shown"

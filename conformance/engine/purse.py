"""The budget of a run: counted from the usage of each answer, and estimated before anything is sent."""

import re
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from conformance.catalog.case import asks_of
from conformance.engine.question import Question
from conformance.engine.scheduler import Deadline
from conformance.probe.exchange import Exchange

MILLION = 1_000_000
CHARACTERS_A_TOKEN = 4
USUAL_ANSWER = 100
"""Tokens: most questions ask for a few words."""
_INPUT = re.compile(rb'"(?:input_tokens|cache_creation_input_tokens|cache_read_input_tokens)"\s*:\s*(\d{1,9})')
_OUTPUT = re.compile(rb'"output_tokens"\s*:\s*(\d{1,9})')


class Price(Struct, frozen=True):
    """US dollars for a million tokens."""

    input: float
    output: float

    def of(self, input_tokens: float, output_tokens: float) -> float:
        return (input_tokens * self.input + output_tokens * self.output) / MILLION


EVEN = Price(1.0, 5.0)


class Estimate(Struct, frozen=True):
    """The estimated cost of a run, from the questions alone."""

    requests: int
    input_tokens: int
    usd: float
    """With answers of the usual length."""
    most_usd: float
    """With answers as long as they may be."""


def estimate(questions: Iterable[Question], price: Price, *, headroom: int = 0) -> Estimate:
    """One attempt of every question."""
    requests = sent = longest = 0
    for question in questions:
        for ask in asks_of(question.case):
            body = ask.body if isinstance(ask.body, dict) else {}
            requests += question.case.concurrent
            sent += question.case.concurrent * (len(msgspec.json.encode(body)) // CHARACTERS_A_TOKEN)
            limit = body.get("max_tokens")
            longest += question.case.concurrent * ((limit if isinstance(limit, int) and limit > 0 else 0) + headroom)
    return Estimate(requests, sent, price.of(sent, requests * USUAL_ANSWER), price.of(sent, longest))


def cheapest_first(questions: Iterable[Question]) -> list[Question]:
    """So that most is asked for the money there is."""
    return sorted(questions, key=lambda question: estimate([question], EVEN).usd)


class Purse(Deadline):
    """Ends a run when its time is over or its money is spent; what is in flight then is paid for all the same."""

    def __init__(self, seconds: float | None, most_usd: float, price: Price, spent_usd: float = 0.0) -> None:
        super().__init__(seconds)
        self.spent_usd = spent_usd
        self._most_usd = most_usd
        self._price = price

    def pay(self, _: Question, exchange: Exchange) -> None:
        """Counts an answer by what it says of itself; each count once, the largest that a stream gives."""
        self.spent_usd += cost(exchange.body, self._price)

    @property
    def passed(self) -> bool:
        return super().passed or self.spent_usd >= self._most_usd


def cost(body: bytes, price: Price) -> float:
    """What an answer cost, by its own usage."""
    read = max((int(found[1]) for found in _INPUT.finditer(body)), default=0)
    written = max((int(found[1]) for found in _OUTPUT.finditer(body)), default=0)
    return price.of(read, written)

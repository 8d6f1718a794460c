"""The rules of the wire: a closed list of small functions, each with its level, row and source."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from types import MappingProxyType, ModuleType
from typing import Any, get_args

from conformance.judge.answer import Answer
from conformance.judge.finding import bounded
from conformance.judge.rules import (
    content,
    conversation,
    ending,
    endpoints,
    errors,
    http,
    message,
    parity,
    stream,
    thinking,
    tools,
    usage,
)
from conformance.judge.rules.rule import Reading, Rule
from conformance.words import Level

__all__ = ["RULES", "Reading", "Rule", "examine", "examine_conversation", "examine_pair"]


LEVELS: tuple[Level, ...] = get_args(Level)


def _rules_of(module: ModuleType) -> list[Rule]:
    """The rules that a module defines, in the order in which it does."""
    named = [value for value in vars(module).values() if isinstance(value, Rule)]
    return [*getattr(module, "WATCHED", ()), *named]


_GROUPS = (http, errors, stream, message, content, ending, tools, thinking, usage, endpoints, parity, conversation)
_BY_WEIGHT = sorted((rule for group in _GROUPS for rule in _rules_of(group)), key=lambda rule: LEVELS.index(rule.level))

RULES: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in _BY_WEIGHT})
"""Every rule by its id, in order of weight, causes before consequences: the first that is broken names the cause."""


_FAIR_TO_BAD = frozenset(rule.id for group in (http, errors) for rule in _rules_of(group))
"""The rules of transport and of errors: all that the answer to a bad request is held to."""


@lru_cache(maxsize=32)
def _rules_on(scope: str, *, bad: bool = False) -> tuple[Reading, ...]:
    """The rules that apply, each as the reading of an answer that keeps it."""
    applied = (rule for rule in RULES.values() if scope in rule.on and (not bad or rule.id in _FAIR_TO_BAD))
    return tuple(Reading(rule, ()) for rule in applied)


MOST = 200
"""Violations of one rule that are kept of one answer: 90,000 empty blocks are one fault."""


def _readings(scope: str, of: Any, *, bad: bool = False) -> tuple[Reading, ...]:
    readings = []
    for kept in _rules_on(scope, bad=bad):
        found = kept.rule.check(of)
        if found:
            readings.append(Reading(kept.rule, tuple(map(bounded, islice(found, MOST)))))
        elif found is not None:
            readings.append(kept)
    return tuple(readings)


def examine(answer: Answer, *, bad: bool = False) -> tuple[Reading, ...]:
    """The readings of an answer, and of each message of a batch, by every rule that applies.

    `bad`: the request was sent in order to be refused. What a lenient server makes of it is no message like others.
    """
    if bad:
        return _readings(answer.scope, answer, bad=True)
    batched = [reading for message in answer.batched for reading in _readings(message.scope, message)]
    return (*_readings(answer.scope, answer), *batched)


def examine_pair(whole: Answer, streamed: Answer) -> tuple[Reading, ...]:
    """The readings of the parity rules in the JSON answer and the stream of one case."""
    return _readings("pair", (whole, streamed))


def examine_conversation(answers: Sequence[Answer]) -> tuple[Reading, ...]:
    """The readings of the conversation rules in the answers of one conversation, in the order of its turns."""
    return _readings("conversation", answers) if len(answers) > 1 else ()

"""What pytest collects: one item a question, then one a rule.

They are items of their own kind and no functions: what pytest does for the fixtures and parameters of a function costs
three times as much as the judging.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from conformance.engine.question import Question
from conformance.judge.rules import Rule

HERE = Path(__file__)
Settle = Callable[["QuestionItem | RuleItem"], None]
"""Judges what an item was made for, and tells pytest how it came out."""


class QuestionItem(pytest.Item):
    """One case in one mode."""

    question: Question
    settle: Settle

    def runtest(self) -> None:
        self.settle(self)

    def reportinfo(self) -> tuple[Path, None, str]:
        return HERE, None, self.name


class RuleItem(pytest.Item):
    """One rule, over the answers to all questions before it."""

    rule: Rule
    settle: Settle

    def runtest(self) -> None:
        self.settle(self)

    def reportinfo(self) -> tuple[Path, None, str]:
        return HERE, None, self.name


class Suite(pytest.Module):
    """The questions of a run, in its order, and then the rules."""

    questions: Iterable[Question]
    rules: Iterable[Rule]
    settle: Settle

    def collect(self) -> Iterator[pytest.Item]:
        for question in self.questions:
            item = QuestionItem.from_parent(self, name=f"test_case[{question.id}]")
            item.question, item.settle = question, self.settle
            yield item
        for rule in self.rules:
            ruled = RuleItem.from_parent(self, name=f"test_rule[{rule.id}]")
            ruled.rule, ruled.settle = rule, self.settle
            yield ruled

"""The items that pytest collects: one for each question, then one for each rule; and the text of a failed row.

They are items of their own kind and no functions: what pytest does for the fixtures and parameters of a function costs
three times as much as the judging.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance.engine.question import Question
from conformance.judge.rules import Rule
from conformance.keys import KNOWN, shortened
from conformance.runs.log import CaseRow, RuleRow

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


SHOWN = 160


def account_of(row: CaseRow | RuleRow) -> str:
    """A few lines: the row, its verdict and status, why, and each finding with what was expected and observed."""
    if isinstance(row, CaseRow):
        head = f"{row.case} ({row.mode}): {row.verdict}"
        reason = row.reason
        where = [f"evidence: {', '.join(row.exchanges)}"] if row.exchanges else []
    else:
        head = f"{row.rule}: {row.verdict}, broken by {row.violations} of {row.seen} answers"
        reason, where = "", []
    status = "" if row.status == "as-expected" else f" [{row.status}]"
    lines = [head + status, *([reason] if reason else []), *([row.expected_by] if row.expected_by else [])]
    for finding in row.findings:
        lines.append(
            f"  {finding.id} at {finding.at}: expected {brief(finding.expected)}, observed {brief(finding.observed)}"
        )
    return KNOWN.removed_from("\n".join([*lines, *where]))


def brief(value: Any) -> str:
    """A value on one line, cut to what a terminal can show."""
    text = KNOWN.removed_from(msgspec.json.encode(value).decode(errors="replace"))  # before a sign of it is replaced
    return shortened("".join(sign if sign.isprintable() else "�" for sign in text), SHOWN)

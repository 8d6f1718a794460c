"""What pytest collects: one item per case and mode, then one per rule; the plugin parametrises and judges them.

They take no session as a fixture: each fixture costs as much as the judging.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.engine.question import Question
    from conformance.judge.rules import Rule


def test_case(question: "Question") -> None: ...


def test_rule(rule: "Rule") -> None: ...

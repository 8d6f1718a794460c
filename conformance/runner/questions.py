"""What pytest collects: one item per case and mode, then one per rule; parametrised by the plugin."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conformance.judge.rules import Rule
    from conformance.runner.keeping import Drift
    from conformance.runner.question import Question
    from conformance.runner.session import Session


def test_case(question: "Question", conformance_session: "Session", drift: "Drift | None") -> None:
    conformance_session.judge_case(question, drift)


def test_rule(rule: "Rule", conformance_session: "Session") -> None:
    conformance_session.judge_rule(rule)

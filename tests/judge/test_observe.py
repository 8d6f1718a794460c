"""What one attempt showed, where the model did something else than it was asked."""

import pytest
from correct_exchanges import message, told

from conformance.catalog.case import Case, Check
from conformance.judge.answer import read
from conformance.judge.observe import Reply, observe

CALL = {"type": "tool_use", "id": "toolu_01", "name": "echo", "input": {}}


@pytest.mark.parametrize(
    ("content", "stop_reason", "observation"),
    [
        ([{"type": "text", "text": "heron"}], "end_turn", "shown"),
        ([{"type": "text", "text": "unknown"}], "end_turn", "absent"),
        ([CALL], "tool_use", "unelicited"),
        ([{"type": "text", "text": "heron"}, CALL], "tool_use", "shown"),
    ],
)
def test_a_call_of_the_models_own_accord_shows_nothing(content: list, stop_reason: str, observation: str) -> None:
    case = Case(
        id="a.case", title="t", surface="s", kind="witnessed", control="b", effect=[Check(at="text", contains="heron")]
    )
    answer = read(told(message(content, stop_reason)), "json")
    assert observe(case, [Reply("", answer, "e")], lambda value: value).observation == observation

"""What a finding says in one line, to a person who has not read its case."""

from typing import Any

import pytest

from conformance.judge.finding import ABSENT, Finding
from conformance.judge.wording import sentence


@pytest.mark.parametrize(
    ("at", "expected", "observed", "says"),
    [
        ("/text", {"contains": "heron"}, "OK", 'text: expected "heron" in it, observed "OK"'),
        ("/text", {"matches": r"(?is)^(?!.*\bred)"}, "OK", 'text: observed "OK", which is not what was asked for'),
        ("/text", {"valid_under": {"type": "object"}}, "OK", 'text: observed "OK", which is not what was asked for'),
        ("/join(' | ', [text])", {"equals": "a"}, "b", 'expected "a", observed "b"'),
        ("/message.content", {"empty": False}, [], "message.content: expected something in it, observed []"),
        ("/message.flag", {"equals": False}, True, "message.flag: expected false, observed true"),
        ("/error/type", ["api_error", "not_found_error"], "e", 'expected one of ["api_error","not_found_error"]'),
        ("/content/0/name", ["LookUp"], "lookup", '/content/0/name: expected "LookUp", observed "lookup"'),
        ("event/1/delta", [], ["x"], 'event/1/delta: expected [], observed ["x"]'),
        ("/stop_sequence", "a string or null", ABSENT, "expected a string or null, observed nothing (absent)"),
    ],
)
def test_a_finding_is_told_in_words(at: str, expected: Any, observed: Any, says: str) -> None:
    assert says in sentence(Finding("a.rule", "a.rule x", "must", at, expected, observed, 1, "e"))

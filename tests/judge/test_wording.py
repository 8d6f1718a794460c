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
        ("/text", ["a", "b"], ["a"], 'text: expected ["a","b"], observed ["a"]'),
        ("/message.stop_reason", "stop_sequence", "end_turn", 'expected "stop_sequence", observed "end_turn"'),
        ("/message.id", {"absent": True}, "a", 'message.id: expected nothing, observed "a"'),
        ("/message.id", '{"absent":true}', "a", 'message.id: expected nothing, observed "a"'),
        ("/message.usage.n", {"at_least": 20.0}, 0, "message.usage.n: expected at least 20, observed 0"),
        ("/message.content", {"type": "array"}, None, "message.content: expected an array, observed null"),
        (
            "/message.content[?type=='tool_use' && name=='Read'].input.file_path | [0]",
            "a.py",
            ABSENT,
            'tool_use.input.file_path: expected "a.py", observed nothing (absent)',
        ),
        ("/status >= `400` || ends == 'cut'", True, False, "what was asked for does not hold"),
        ("/starts_with(text, 'a')", False, True, "what was asked for does not hold"),
        ("/message.content", {"empty": False}, [], "message.content: expected something in it, observed []"),
        ("/message.flag", {"equals": False}, True, "message.flag: expected false, observed true"),
        ("/error/type", ["api_error", "not_found_error"], "e", 'expected one of ["api_error","not_found_error"]'),
        ("/content/0/name", ["LookUp"], "lookup", '/content/0/name: expected "LookUp", observed "lookup"'),
        ("/error", "an object", '{"error": 1}', '/error: expected an object, observed "{"error": 1}"'),
        ("event/1/delta", [], ["x"], 'event/1/delta: expected [], observed ["x"]'),
        ("/stop_sequence", "a string or null", ABSENT, "expected a string or null, observed nothing (absent)"),
    ],
)
def test_a_finding_is_told_in_words(at: str, expected: Any, observed: Any, says: str) -> None:
    name = "effect:0" if at.startswith(("/text", "/message", "/join", "/status", "/starts")) else "a.rule"
    assert says in sentence(Finding(name, f"{name} x", "must", at, expected, observed, 1, "e"))

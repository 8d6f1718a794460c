"""Matchers over the document of an answer: what holds, what does not, and that a missing key is not a null."""

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.catalog.case import Check
from conformance.judge.effects import MATCHERS, look, try_check
from conformance.judge.finding import ABSENT

DOCUMENT: dict[str, Any] = {
    "status": 200,
    "text": "one two",
    "message": {
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "content": [{"type": "text", "text": "one two"}, {"type": "tool_use", "id": "a", "name": "echo", "input": {}}],
        "usage": {"input_tokens": 12, "output_tokens": 2},
    },
    "steps": {"first": {"message": {"usage": {"input_tokens": 10}}}},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("message.stop_sequence", None),
        ("message.nothing", ABSENT),
        ("message.usage.nothing", ABSENT),
        ("nothing.at.all", ABSENT),
        ("message.content[7]", ABSENT),
        ("message.content[0].type", "text"),
        ("message.content[?type=='tool_use'].name | [0]", "echo"),
        ("message.content[?type=='image'].name | [0]", ABSENT),
        ("length(message.content)", 2),
    ],
)
def test_a_missing_key_and_a_null_differ(path: str, value: Any) -> None:
    assert look(path, DOCUMENT) == value


HOLD: list[tuple[str, dict[str, Any]]] = [
    ("status", {"equals": 200}),
    ("status", {"differs": 400}),
    ("status", {"in_": [200, 201]}),
    ("text", {"contains": "two"}),
    ("text", {"excludes": "three"}),
    ("text", {"starts": "one"}),
    ("text", {"ends": "two"}),
    ("text", {"matches": r"^one\s"}),
    ("text", {"type": "string"}),
    ("message.stop_sequence", {"type": "null"}),
    ("message.stop_sequence", {"present": True}),
    ("message.nothing", {"absent": True}),
    ("message.content[1].input", {"empty": True}),
    ("message.content", {"empty": False}),
    ("message.content", {"length": 2}),
    ("message.usage.input_tokens", {"at_least": 12}),
    ("message.usage.input_tokens", {"at_most": 12}),
    ("message.usage.input_tokens", {"more_than": "steps.first.message.usage.input_tokens"}),
    ("message.usage.input_tokens", {"less_than": 13}),
    ("message.content[1].input", {"valid_under": {"type": "object"}}),
    ("message.content[].type", {"unique": True}),
]
FAIL: list[tuple[str, dict[str, Any]]] = [
    ("status", {"equals": 400}),
    ("message.stop_sequence", {"equals": 0}),
    ("message.nothing", {"equals": None}),
    ("message.nothing", {"differs": 1}),
    ("status", {"in_": []}),
    ("text", {"contains": "three"}),
    ("text", {"excludes": "two"}),
    ("message.nothing", {"excludes": "two"}),
    ("text", {"starts": "two"}),
    ("text", {"ends": "one"}),
    ("text", {"matches": r"^two"}),
    ("status", {"type": "string"}),
    ("message.nothing", {"type": "object"}),
    ("message.nothing", {"present": True}),
    ("message.stop_sequence", {"absent": True}),
    ("message.content", {"empty": True}),
    ("message.nothing", {"empty": True}),
    ("message.content", {"length": 1}),
    ("message.usage.input_tokens", {"at_least": 13}),
    ("text", {"at_least": 0}),
    ("message.usage.input_tokens", {"at_most": 11}),
    ("message.usage.input_tokens", {"more_than": 12}),
    ("message.usage.input_tokens", {"less_than": "steps.first.message.usage.input_tokens"}),
    ("message.usage.input_tokens", {"more_than": "steps.first.message.nothing"}),
    ("text", {"valid_under": {"type": "object"}}),
    ("message.nothing", {"valid_under": {}}),
    ("text", {"unique": True}),
]


@pytest.mark.parametrize(("path", "matcher"), HOLD)
def test_what_holds(path: str, matcher: dict[str, Any]) -> None:
    assert try_check(Check(at=path, **matcher), DOCUMENT).held


@pytest.mark.parametrize(("path", "matcher"), FAIL)
def test_what_does_not_hold(path: str, matcher: dict[str, Any]) -> None:
    assert not try_check(Check(at=path, **matcher), DOCUMENT).held


def test_every_matcher_is_tried_both_ways() -> None:
    assert {name for _, matcher in HOLD for name in matcher} == set(MATCHERS) == {n for _, m in FAIL for n in m}


def test_placeholders_are_filled_in_path_and_argument() -> None:
    outcome = try_check(
        Check(at="text", contains="{nonce}"), DOCUMENT, lambda value: str(value).replace("{nonce}", "two")
    )
    assert outcome.held
    assert outcome.expected == {"contains": "two"}


def test_a_function_of_a_value_of_another_type_finds_nothing() -> None:
    assert look("sum(message.content[].type)", DOCUMENT) == ABSENT
    assert not try_check(Check(at="length(status)", at_least=1), DOCUMENT).held


def test_true_is_not_one() -> None:
    assert not try_check(Check(at="status", equals=True), {"status": 1}).held


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["message", "a", "b"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["message", "a", "b"]), json, max_size=3), st.sampled_from([h[1] for h in HOLD]))
def test_every_matcher_is_total(document: dict[str, Any], matcher: dict[str, Any]) -> None:
    assert try_check(Check(at="message.a", **matcher), document).held in (True, False)


KEYS = st.sampled_from(["a", "b"])
DEEP = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=12,
)
STEPS = st.lists(KEYS.map(".{}".format) | st.integers(-3, 3).map("[{}]".format), max_size=4)


@given(st.dictionaries(KEYS, DEEP, max_size=2), KEYS, STEPS)
def test_a_plain_path_finds_what_jmespath_finds(document: dict[str, Any], first: str, steps: list[str]) -> None:
    path = first + "".join(steps)
    found = look(path, document)
    assert (None if found is ABSENT else found) == jmespath.search(path, document)
    assert found == look(f"@ | {path}", document)  # which JMESPath itself finds, as it is no plain path

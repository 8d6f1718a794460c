"""Obstacles of an attempt, and findings in one line."""

from typing import Any

import pytest
from correct_exchanges import asked, events_of, message, refused, streamed, told

from conformance.catalog.case import Case, Check
from conformance.judge.answer import Answer, read
from conformance.judge.cause import Obstacle
from conformance.judge.finding import ABSENT, Finding
from conformance.judge.given_back import given_back
from conformance.judge.observe import Reply, observe
from conformance.judge.obstacles import obstacles_of
from conformance.judge.wording import sentence

RESULT = {"type": "tool_result", "tool_use_id": "toolu_01", "content": "There is no such key,\nsays the register."}
TURNS = [
    {"role": "user", "content": "Look it up."},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_01", "name": "lookup", "input": {}}]},
    {"role": "user", "content": [RESULT, {"type": "text", "text": "\nReply with only the secret word."}]},
]


def said(text: str, stop_reason: str = "end_turn") -> Answer:
    content = [{"type": "text", "text": text}]
    return read(told(message(content, stop_reason=stop_reason), request=asked(messages=TURNS)), "json")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("There is no such key, says the register.", "tool_result"),
        ("There is no such key", ""),
        ("Look it up.", ""),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_a_block_of_the_request_is_known_again(text: str, kind: str) -> None:
    assert given_back(said(text)) == kind


@pytest.mark.parametrize(("text", "kind"), [("There is no such key", "tool_result"), ("There is", "")])
def test_the_beginning_of_a_block_is_known_again_where_a_limit_cut_the_answer(text: str, kind: str) -> None:
    assert given_back(said(text, "max_tokens")) == kind


@pytest.mark.parametrize(
    ("check", "kind"),
    [
        (Check(at="text", contains="such key,\nsays"), ""),
        (Check(at="text", equals="There is no such key,\nsays the register."), ""),
        (Check(at="text", equals="no such key"), "tool_result"),
    ],
)
def test_who_was_asked_for_that_very_text_gives_nothing_back(check: Check, kind: str) -> None:
    assert met(said("There is no such key, says the register."), check).gives_back == kind


HERON = Check(at="text", contains="heron")


def met(answer: Answer, check: Check = HERON) -> Obstacle:
    """The obstacle of a question that looks for something in the text."""
    case = Case(id="a.case", title="t", surface="s", kind="witnessed", effect=[check])
    replies = [Reply("", answer, "e")]
    return obstacles_of(replies, observe(case, replies, lambda value: value), [], "n7x3kq9mpa")[0]


def test_what_gives_a_result_back_is_one_fault_and_what_knows_nothing_another() -> None:
    assert met(said("There is no such key, says the register.")).gives_back == "tool_result"
    assert met(said("unknown")).key != met(said("There is no such key, says the register.")).key


def test_a_failure_in_the_same_words_is_one_in_json_and_in_a_stream() -> None:
    error: dict[str, Any] = {"type": "error", "error": {"type": "api_error", "message": "boom at 12"}}
    in_json = read(refused(500, "api_error", "boom at 7"), "json")
    in_stream = read(streamed([*events_of(message([]))[:1], error]), "stream")
    assert met(in_json).key == met(in_stream).key
    assert met(in_json).quote != met(in_stream).quote


@pytest.mark.parametrize(
    ("at", "expected", "observed", "says"),
    [
        ("/text", {"contains": "heron"}, "OK", 'text: expected "heron" in it, observed "OK"'),
        ("/text", {"matches": r"(?is)^(?!.*\bred)"}, "OK", 'text: observed "OK", which is not what was asked for'),
        ("/text", {"valid_under": {"type": "object"}}, "OK", 'text: observed "OK", which is not what was asked for'),
        ("/text", {"matches": "pine"}, "", "text: observed an empty text, which is not what was asked for"),
        ("/text", {"equals": ""}, " ", 'text: expected an empty text, observed " "'),
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

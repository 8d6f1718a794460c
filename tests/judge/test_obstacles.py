"""What a question met, told so that questions which met the same are known for one fault."""

from typing import Any

import pytest
from correct_exchanges import asked, events_of, message, refused, streamed, told

from conformance.catalog.case import Case, Check
from conformance.judge.answer import Answer, read
from conformance.judge.cause import Obstacle
from conformance.judge.given_back import given_back
from conformance.judge.observe import Reply, observe
from conformance.judge.obstacles import obstacles_of

RESULT = {"type": "tool_result", "tool_use_id": "toolu_01", "content": "There is no such key,\nsays the register."}
TURNS = [
    {"role": "user", "content": "Look it up."},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_01", "name": "lookup", "input": {}}]},
    {"role": "user", "content": [RESULT, {"type": "text", "text": "\nReply with only the secret word."}]},
]


def said(text: str) -> Answer:
    content = [{"type": "text", "text": text}]
    return read(told(message(content), request=asked(messages=TURNS)), "json")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("There is no such key, says the register.", "tool_result"),
        ("There is no such key", "tool_result"),
        ("There is", ""),
        ("Look it up.", ""),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_a_block_of_the_request_is_known_again(text: str, kind: str) -> None:
    assert given_back(said(text)) == kind


def met(answer: Answer) -> Obstacle:
    """The obstacle of a question that looks for a word."""
    case = Case(id="a.case", title="t", surface="s", kind="witnessed", effect=[Check(at="text", contains="heron")])
    replies = [Reply("", answer, "e")]
    return obstacles_of(replies, observe(case, replies, lambda value: value), [], "n7x3kq9mpa")[0]


def test_what_gives_a_result_back_is_one_fault_and_what_knows_nothing_another() -> None:
    assert met(said("There is no such key, says the register.")).gives_back == "tool_result"
    assert met(said("unknown")).key != met(said("There is no such key")).key


def test_a_failure_in_the_same_words_is_one_in_json_and_in_a_stream() -> None:
    error: dict[str, Any] = {"type": "error", "error": {"type": "api_error", "message": "boom at 12"}}
    in_json = read(refused(500, "api_error", "boom at 7"), "json")
    in_stream = read(streamed([*events_of(message([]))[:1], error]), "stream")
    assert met(in_json).key == met(in_stream).key
    assert met(in_json).quote != met(in_stream).quote

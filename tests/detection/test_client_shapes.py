"""Shapes of a client's requests: what belongs to them, and what a new version is said to send otherwise."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.detection.client_program import PINNED
from conformance.detection.client_shapes import compared, read_shape, shape_lines
from conformance.errors import UserError

SCHEMA = {"properties": {"path": {"type": "string"}}, "required": ["path"]}
LINES = st.lists(st.text("abc", min_size=1, max_size=3), max_size=6)


def turn(**more: Any) -> dict[str, Any]:
    body = {
        "model": "m",
        "max_tokens": 32000,
        "system": [{"type": "text", "text": "Be quick.", "cache_control": {"type": "ephemeral"}}],
        "tools": [
            {
                "name": "Read",
                "description": "d",
                "input_schema": {"properties": {"path": {"type": "string"}}, "required": ["path"]},
            }
        ],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello 4711."}]}],
        "stream": True,
        **more,
    }
    headers = [("Anthropic-Beta", "a-1, b-2"), ("Authorization", "(key)"), ("X-App", "cli"), ("Host", "127.0.0.1:1")]
    return {"method": "POST", "path": "/v1/messages?beta=true", "headers": headers, "body": body}


def test_a_turn_is_told_by_its_names_and_settings_and_not_by_its_prose() -> None:
    assert shape_lines([turn()]) == sorted(
        [
            "turn: POST /v1/messages?beta=true",
            "turn: header anthropic-beta a-1",
            "turn: header anthropic-beta b-2",
            "turn: header authorization",
            "turn: header x-app: cli",
            "turn: field model",
            "turn: field max_tokens = 32000",
            "turn: field system",
            "turn: field tools",
            "turn: field messages",
            "turn: field stream = true",
            "turn: system: text {cache_control, text}",
            "turn: tool Read {description, input_schema, name}",
            "turn: tool Read takes path (required): type",
            "turn: message user: text {text}",
        ]
    )
    other = turn(model="n", messages=[{"role": "user", "content": [{"type": "text", "text": "Another word."}]}])
    assert shape_lines([turn(), other]) == shape_lines([other, turn(), turn()]) == shape_lines([turn()])


@pytest.mark.parametrize(
    ("more", "line"),
    [
        ({"messages": [{"role": "system", "content": "Notes."}]}, "+ turn: message system: a string"),
        ({"thinking": {"type": "adaptive"}}, '+ turn: field thinking = {"type":"adaptive"}'),
        (
            {"messages": [{"role": "user", "content": [{"type": "tool_result", "content": [{"type": "image"}]}]}]},
            "+ turn: message user: tool_result of image {}",
        ),
    ],
)
def test_what_a_version_sends_otherwise_is_one_line(more: dict[str, Any], line: str) -> None:
    assert line in compared(shape_lines([turn()]), shape_lines([turn(**more)]))


@given(LINES, LINES)
def test_nothing_differs_from_itself_and_what_is_new_there_is_gone_here(old: list[str], new: list[str]) -> None:
    assert compared(old, old) == []
    assert {line[2:] for line in compared(old, new)} == {line[2:] for line in compared(new, old)}
    assert {line[2:] for line in compared(old, new) if line[0] == "+"} == set(new) - set(old)


def test_the_measured_version_and_two_earlier_ones_are_committed() -> None:
    pinned, before, after = (read_shape(version) for version in (PINNED, "2.1.153", "2.1.154"))
    assert "turn: message system: text {cache_control, text}" in pinned
    assert "+ turn: message system: a string" in compared(before, after)
    assert not any(json.dumps(word)[1:-1] in line for line in pinned for word in ("/tmp", "127.0.0.1", "session_id"))


def test_a_version_of_which_nothing_is_committed_is_one_line() -> None:
    with pytest.raises(UserError, match=r"no shape of claude-code 9\.9\.9 is committed"):
        read_shape("9.9.9")

"""A refusal and its twin differ in one place; what counts as a place."""

from typing import Any

import pytest

from conformance.catalog.case import Ask
from conformance.catalog.difference import differences


def body(**fields: Any) -> Ask:
    return Ask(body={"max_tokens": 1, "messages": [{"role": "user", "content": "a"}]} | fields)


@pytest.mark.parametrize(
    ("other", "places"),
    [
        (body(), []),
        (body(max_tokens="1"), ["body.max_tokens"]),
        (body(max_tokens=True), ["body.max_tokens"]),
        (body(top_k=3), ["body.top_k"]),
        (body(messages=[]), ["body.messages.0"]),
        (body(messages=[{"role": "use", "content": "a"}]), ["body.messages.0.role"]),
        (body(messages=[{"role": "use", "content": "b"}]), ["body.messages.0.role", "body.messages.0.content"]),
        (body(messages=[{"role": "system", "content": "x"}, {"role": "user", "content": "a"}]), ["body.messages.0"]),
        (body(messages="a"), ["body.messages"]),
        (
            body(messages=[{"role": "user", "content": "b"}, {"role": "user", "content": "b"}]),
            ["body.messages.0", "body.messages.1"],
        ),
        (Ask(body=body().body, version=None), ["version"]),
        (Ask(raw='{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}]}'), ["body.model"]),
        (Ask(raw="{"), ["body"]),
        (Ask(raw='{"model": "{model}", "max_tokens": 1}', encoding="gzip"), ["body"]),
    ],
)
def test_places_at_which_two_requests_differ(other: Ask, places: list[str]) -> None:
    assert differences(body(), other) == places


def test_one_text_that_stands_at_several_places_is_one_place() -> None:
    one = Ask(body={"call": {"id": "a"}, "result": {"id": "a"}})
    other = Ask(body={"call": {"id": "b"}, "result": {"id": "b"}})
    mixed = Ask(body={"call": {"id": "b"}, "result": {"id": "c"}})
    assert differences(one, other) == ["body.call.id"]
    assert differences(one, mixed) == ["body.call.id", "body.result.id"]

"""A refusal and its twin differ in one place; what counts as a place."""

import pytest

from conformance.catalog.case import Ask
from conformance.catalog.difference import differences


def body(**fields):
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
        (Ask(body=body().body, version=None), ["version"]),
        (Ask(raw='{"max_tokens": 1, "messages": [{"role": "user", "content": "a"}]}'), ["body.model"]),
        (Ask(raw="{"), ["body"]),
    ],
)
def test_places_at_which_two_requests_differ(other, places):
    assert differences(body(), other) == places

"""The shape of an answer: what is found quickly of a long stream is what masking each of its events says."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conformance.judge.shape import TIMED, events_masked, fits, masked

KEYS = st.sampled_from(["type", "delta", "input", "index", "text", "k" * 100, "k" * 101])
SCALARS = (
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["text_delta", "a b", "", "string", "x" * 101])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
EVENTS = st.lists(
    st.fixed_dictionaries({"event": st.sampled_from(["content_block_delta", "ping", "other", None]), "data": VALUES}),
    max_size=8,
)


@given(VALUES, VALUES)
def test_what_fits_a_mask_is_masked_so(value: Any, other: Any) -> None:
    if fits(value, masked(other)):
        assert masked(value) == masked(other)


@given(EVENTS)
def test_events_are_masked_each_and_equal_neighbours_are_one(events: list[dict[str, Any]]) -> None:
    plain: list[Any] = []
    for event in events:
        shape = {"event": event["event"], "data": masked(event["data"])}
        if event["event"] not in TIMED and shape != (plain[-1] if plain else None):
            plain.append(shape)
    assert events_masked(events) == plain


def test_a_delta_like_the_one_before_is_seen_at_once() -> None:
    first, second = (
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in "ab"
    )
    assert fits(second, masked(first))
    assert not fits({**second, "index": "0"}, masked(first))

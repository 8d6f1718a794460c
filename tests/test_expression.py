"""The language of `--select` and of the page's search box: what a text says, and the laws of every text."""

import contextlib
import typing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.expression import All, Any, Expression, ExpressionError, Not, Term, fits, parse

TABLE: list[dict[str, typing.Any]] = msgspec.yaml.decode((Path(__file__).parent / "expressions.yaml").read_bytes())


@pytest.mark.parametrize("entry", [one for one in TABLE if "says" in one], ids=lambda one: one["text"])
def test_a_text_says(entry: dict[str, str]) -> None:
    assert str(parse(entry["text"])) == entry["says"]


@pytest.mark.parametrize("entry", [one for one in TABLE if "mistake" in one], ids=lambda one: one["text"])
def test_a_mistake_says_what_is_missing(entry: dict[str, str]) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(entry["text"])
    assert entry["mistake"] in str(caught.value)


@given(st.text(alphabet='ab:,()"- *andort', max_size=40))
def test_every_text_is_read_or_told_why_not(text: str) -> None:
    with contextlib.suppress(ExpressionError):
        assert isinstance(parse(text), Term | Not | All | Any)


TERMS = st.builds(Term, st.sampled_from(["", "area"]), st.tuples(st.sampled_from(["a", "tools.*", "x-y"])))
EXPRESSIONS = st.recursive(
    TERMS,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(All, st.tuples(inner, inner)),
        st.builds(Any, st.tuples(inner, inner, inner)),
    ),
)


@given(EXPRESSIONS)
def test_what_an_expression_spells_says_the_same(expression: Expression) -> None:
    assert parse(str(expression)) == expression


@pytest.mark.parametrize("text", ["(" * 10_000, "not " * 10_000, "-" * 10_000])
def test_an_expression_without_end_is_a_mistake(text: str) -> None:
    with pytest.raises(ExpressionError, match="too deep"):
        parse(text)


@pytest.mark.parametrize(
    ("value", "word", "holds"),
    [("tools", "tools", True), ("Tools", "tools", True), ("tool", "tools", False), ("tool*", "tools", True)],
)
def test_what_a_value_names(value: str, word: str, holds: bool) -> None:
    assert fits(value, word) is holds

"""msgspec words its errors as the catalog reads them: a release that changes a wording is seen here."""

from typing import Any, Literal

import msgspec
import pytest
from msgspec import Struct

from conformance.catalog.msgspec_messages import illegal_word, in_words, message_and_path, unknown_key


class Leaf(Struct, forbid_unknown_fields=True):
    word: Literal["json", "stream"]
    number: int = 0


class Tree(Struct, forbid_unknown_fields=True):
    leaves: list[Leaf] = []
    named: dict[str, Leaf] = {}


def told(value: Any) -> tuple[str, tuple[str | int, ...]]:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(value, Tree)
    return message_and_path(str(error.value))


def test_an_unknown_key_and_its_place() -> None:
    says, path = told({"leaves": [{"word": "json"}, {"word": "json", "wrod": 1}]})
    assert (unknown_key(says), path) == ("wrod", ("leaves", 1))


def test_a_word_that_is_none_of_the_legal_ones() -> None:
    says, path = told({"leaves": [{"word": "jsno"}]})
    assert (illegal_word(says), path) == ("'jsno'", ("leaves", 0, "word"))


def test_a_path_ends_where_msgspec_does_not_name_the_key() -> None:
    says, path = told({"named": {"x": {"word": "json", "number": "one"}}})
    assert (in_words(says), path) == ("expected `int`, got `str`", ("named",))


def test_a_missing_key() -> None:
    says, path = told({"leaves": [{}]})
    assert (in_words(says), path) == ("missing key `word`", ("leaves", 0))
    assert unknown_key(says) is illegal_word(says) is None

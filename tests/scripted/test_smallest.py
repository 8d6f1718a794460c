"""The smallest JSON under a schema: always valid, and nothing that is shorter is."""

import json
from itertools import product
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.scripted.smallest import UnsatisfiableError, fits, smallest, smallest_object, smallest_text

Schema = dict[str, Any]

TREE = {
    "$ref": "#/$defs/tree",
    "$defs": {
        "tree": {
            "type": "object",
            "required": ["left", "right"],
            "properties": {
                "left": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]},
                "right": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
            },
        }
    },
}


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({}, "0"),
        ({"type": "object"}, "{}"),
        ({"type": "string"}, '""'),
        ({"type": ["string", "null"]}, '""'),
        ({"type": "boolean"}, "true"),
        ({"type": "array"}, "[]"),
        ({"type": "number", "minimum": 0.25, "maximum": 0.75}, "0.3"),
        ({"type": "number", "exclusiveMinimum": 0.3, "maximum": 0.4}, "0.4"),
        ({"type": "integer", "minimum": -30, "maximum": -12}, "-12"),
        ({"type": "integer", "minimum": 95, "multipleOf": 10}, "100"),
        ({"type": "integer", "not": {"const": 0}}, "1"),
        ({"enum": ["aa", "b", "c"]}, '"b"'),
        ({"const": {"a": [1, None]}}, '{"a":[1,null]}'),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "0.1"),
        ({"allOf": [{"minLength": 2}, {"type": "string", "maxLength": 2}]}, '"aa"'),
        ({"anyOf": [{"type": "object", "required": ["k"]}, {"type": "string", "minLength": 9}]}, '{"k":0}'),
        ({"type": "array", "minItems": 3, "uniqueItems": True, "items": {"enum": ["x", "y", "zz"]}}, '["x","y","zz"]'),
        (
            {"type": "array", "prefixItems": [{"const": 7}, {"const": 8}], "minItems": 3, "items": {"const": 9}},
            "[7,8,9]",
        ),
        ({"type": "array", "contains": {"const": 5}}, "[5]"),
        ({"type": "object", "minProperties": 2, "properties": {"n": {"type": "null"}}}, '{"n":null,"a0":0}'),
        ({"type": "object", "required": ["a"], "dependentRequired": {"a": ["b"]}}, '{"a":0,"b":0}'),
        (
            {
                "type": "object",
                "required": ["kind"],
                "properties": {"kind": {"enum": ["a"]}},
                "if": {"properties": {"kind": {"const": "a"}}},
                "then": {"required": ["extra"]},
            },
            '{"kind":"a","extra":0}',
        ),
        ({"type": "string", "pattern": "^[A-F]{2}-(x|yy)\\d+$"}, '"AA-x0"'),
        ({"type": "string", "pattern": "b", "minLength": 3}, '"bbb"'),
        ({"type": "string", "format": "email"}, '"a@b.c"'),
        (TREE, '{"left":null,"right":[]}'),
    ],
)
def test_examples(schema: Schema, text: str) -> None:
    assert jsonschema_rs.is_valid(schema, json.loads(text))
    assert smallest_text(schema) == text


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"enum": []},
        {"allOf": [{"type": "string"}, {"type": "integer"}]},
        {
            "$ref": "#/$defs/a",
            "$defs": {"a": {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#/$defs/a"}}}},
        },
        {"type": "object", "required": ["a"], "additionalProperties": False},
    ],
)
def test_what_nothing_satisfies_is_said_and_still_answered(schema: Schema) -> None:
    with pytest.raises(UnsatisfiableError):
        smallest(schema)
    assert smallest_text(schema) == "null"
    assert smallest_object(schema) == {}


def test_a_tool_input_is_an_object_whatever_its_schema_says() -> None:
    assert smallest_object({}) == {}
    assert smallest_object({"required": ["a"]}) == {"a": 0}
    assert smallest_object({"type": "string"}) == {}


@pytest.mark.parametrize(
    ("text", "holds"), [('{"n": 1}', True), ('{"n":"1"}', False), ("{", False), ("pine", False), ("NaN", False)]
)
def test_whether_a_text_fits(text: str, holds: bool) -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    assert fits(text, schema) is holds


def _leaf() -> st.SearchStrategy[Schema]:
    numbers = st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": st.integers(-120, 5),
            "maximum": st.integers(6, 120),
            "multipleOf": st.sampled_from([1, 2, 3]),
        },
    )
    strings = st.fixed_dictionaries({"type": st.just("string")}, optional={"minLength": st.integers(0, 4)})
    enums = st.fixed_dictionaries({"enum": st.lists(st.sampled_from(["a", "bb", 1, 22, None, True]), min_size=1)})
    return numbers | strings | enums | st.sampled_from([{}, {"type": "null"}, {"type": "boolean"}])


def _above(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    objects = st.dictionaries(st.sampled_from("abcd"), inner, max_size=3).flatmap(
        lambda properties: st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.just(properties),
                "required": st.lists(st.sampled_from(sorted(properties) or ["a"]), unique=True),
            },
            optional={"minProperties": st.integers(0, 3)},
        )
    )
    arrays = st.fixed_dictionaries({"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 3)})
    branches = st.lists(inner, min_size=1, max_size=3)
    return objects | arrays | st.fixed_dictionaries({"anyOf": branches})


SCHEMAS = st.recursive(_leaf(), _above, max_leaves=6)


@given(SCHEMAS)
@settings(max_examples=150)
def test_it_is_valid_and_the_same_each_time(schema: Schema) -> None:
    value = smallest(schema)
    assert jsonschema_rs.is_valid(schema, value)
    assert smallest(schema) == value


@given(_leaf())
@settings(max_examples=60)
def test_no_shorter_text_is_valid(schema: Schema) -> None:
    text = smallest_text(schema)
    for length in range(1, min(len(text), 4)):
        for letters in product('0123456789-.a"[]{}', repeat=length):
            shorter = "".join(letters)
            try:
                value = json.loads(shorter)
            except ValueError:
                continue
            assert not jsonschema_rs.is_valid(schema, value), shorter

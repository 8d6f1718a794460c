"""The smallest JSON that is valid under a schema: the shortest compact text, the first among equals.

Every schema yields a few candidates; a validator has the last word on each, so that `oneOf`, `not`, `if` and whatever
else is not built here are kept all the same.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import jsonschema_rs
import msgspec

from conformance.scripted.conversation import UNREADABLE
from conformance.scripted.encodings import compact, value_at
from conformance.scripted.strings import smallest_strings

Schema = dict[str, Any] | bool


class UnsatisfiableError(ValueError):
    """No value is valid under the schema, or none was found."""


def smallest(schema: Schema) -> Any:
    """The smallest valid value; UnsatisfiableError where there is none."""
    found = _Search(schema).values(schema)
    if not found:
        raise UnsatisfiableError(compact(schema))
    return found[0]


def smallest_text(schema: Schema) -> str:
    """Its compact text; `null` where nothing is valid, for an answer has to be given."""
    try:
        return compact(smallest(schema))
    except UnsatisfiableError:
        return "null"


def smallest_object(schema: dict[str, Any]) -> dict[str, Any]:
    """The smallest valid tool input: an object always, empty where the schema allows nothing."""
    try:
        value = smallest({"type": "object", **schema})
    except UnsatisfiableError:
        return {}
    return value if isinstance(value, dict) else {}


def fits(text: str, schema: Schema) -> bool:
    """Whether a text is JSON and valid under the schema."""
    try:
        return is_valid(msgspec.json.decode(text), schema)
    except UNREADABLE:
        return False


def is_valid(value: Any, schema: Schema) -> bool:
    """Whether a value is valid under the schema."""
    try:
        return jsonschema_rs.is_valid(schema, value, validate_formats=True)
    except (jsonschema_rs.ValidationError, ValueError):  # a schema that is none constrains nothing
        return True


_MOST = 8
"""Candidates kept for each schema: enough for `uniqueItems` and `oneOf` in tool schemas."""

_TYPES = ("integer", "number", "string", "array", "object", "boolean", "null")
_BRANCHES = ("anyOf", "oneOf")


class _Search:
    """One search under one root schema, which `$ref` points into."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.open: list[str] = []
        """The references that are being followed: the smallest value never holds itself."""

    def values(self, schema: Schema) -> list[Any]:
        """Valid values, the smallest first."""
        if schema is False:
            return []
        if schema is True:
            schema = {}
        found: dict[str, Any] = {}
        """By its text, since to Python 1 and true are the same."""
        for value in self._candidates(schema):
            text = compact(value)
            if text not in found and self._holds(value, schema):
                found[text] = value
        return [found[text] for text in sorted(found, key=len)][:_MOST]

    def _holds(self, value: Any, schema: dict[str, Any]) -> bool:
        if isinstance(self.root, dict):
            shared: dict[str, Any] = {key: self.root[key] for key in ("$defs", "definitions") if key in self.root}
            schema = {**shared, **schema}
        return is_valid(value, schema)

    def _candidates(self, schema: dict[str, Any]) -> Iterable[Any]:
        if "$ref" in schema:
            return self._referred(schema)
        if "const" in schema:
            return [schema["const"]]
        if "enum" in schema:
            return list(schema["enum"])
        for key in ("allOf", *_BRANCHES):
            if key in schema:
                return self._combined(schema, key)
        if "if" in schema:
            return self._conditional(schema)
        return self._of_types(schema)

    def _referred(self, schema: dict[str, Any]) -> list[Any]:
        reference = schema["$ref"]
        if reference in self.open:
            return []
        self.open.append(reference)
        try:
            siblings = {key: value for key, value in schema.items() if key != "$ref"}
            return self.values(_both(self._target(reference), siblings))
        finally:
            self.open.pop()

    def _target(self, reference: str) -> Schema:
        try:
            target = value_at(self.root, reference.removeprefix("#"))
        except LookupError:
            return True
        return target if isinstance(target, dict | bool) else True

    def _combined(self, schema: dict[str, Any], key: str) -> Iterator[Any]:
        rest = {name: value for name, value in schema.items() if name != key}
        branches: list[Schema] = schema[key]
        if key == "allOf":
            merged: Schema = rest
            for branch in branches:
                merged = _both(merged, self._resolved(branch))
            yield from self.values(merged)
        else:
            for position, branch in enumerate(branches):
                wanted = _both(rest, self._resolved(branch))
                others = [*branches[:position], *branches[position + 1 :]]
                if key == "oneOf" and others:  # said here, so that what fits two of them takes no candidate's place
                    wanted = _both(wanted, {"not": {"anyOf": others}})
                yield from self.values(wanted)

    def _resolved(self, schema: Schema) -> Schema:
        """A branch that is nothing but a reference is merged as what it refers to, unless it is being followed."""
        if isinstance(schema, dict) and schema.keys() == {"$ref"} and schema["$ref"] not in self.open:
            return schema if self._recursive(schema["$ref"]) else self._target(schema["$ref"])
        return schema

    def _recursive(self, reference: str) -> bool:
        return reference in compact(self._target(reference))

    def _conditional(self, schema: dict[str, Any]) -> Iterator[Any]:
        rest = {name: value for name, value in schema.items() if name not in {"if", "then", "else"}}
        yield from self.values(rest)
        yield from self.values(_both(_both(rest, schema["if"]), schema.get("then", True)))
        yield from self.values(_both(rest, schema.get("else", True)))

    def _of_types(self, schema: dict[str, Any]) -> Iterator[Any]:
        named = schema.get("type", _TYPES)
        for kind in [named] if isinstance(named, str) else named:
            match kind:
                case "null":
                    yield None
                case "boolean":
                    yield from (True, False)
                case "integer" | "number":
                    yield from smallest_numbers(schema, whole=kind == "integer")
                case "string":
                    yield from islice(smallest_strings(schema), _MOST)
                case "array":
                    yield from self._arrays(schema)
                case "object":
                    yield from self._objects(schema)

    def _arrays(self, schema: dict[str, Any]) -> Iterator[list[Any]]:
        first = schema.get("prefixItems", [])
        items = schema.get("items", True)
        least = max(schema.get("minItems", 0), schema.get("minContains", 1) if "contains" in schema else 0)
        members: list[Any] = []
        for position in range(least):
            own = first[position] if position < len(first) else items
            wanted = _both(own, schema["contains"]) if "contains" in schema else own
            choices = self.values(wanted) or self.values(own)
            if schema.get("uniqueItems"):
                taken = [compact(member) for member in members]
                choices = [choice for choice in choices if compact(choice) not in taken]
            if not choices:
                return
            members.append(choices[0])
        yield members

    def _objects(self, schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
        properties: dict[str, Schema] = schema.get("properties", {})
        names = list(_required(schema))
        spare = [*(name for name in properties if name not in names), *(f"a{n}" for n in range(_MOST))]
        while len(names) < schema.get("minProperties", 0) and spare:
            names.append(spare.pop(0))
        choices = {name: self.values(self._property(schema, name)) for name in names}
        if all(choices.values()):
            smallest_one = {name: values[0] for name, values in choices.items()}
            yield smallest_one
            for name, values in choices.items():  # in case the whole forbids what each part allows
                for value in values[1:]:
                    yield {**smallest_one, name: value}

    def _property(self, schema: dict[str, Any], name: str) -> Schema:
        rest: Schema = schema.get("additionalProperties", True)
        return schema.get("properties", {}).get(name, rest)  # type: ignore[no-any-return]  # a schema holds schemas


def _required(schema: dict[str, Any]) -> list[str]:
    """The required properties in the schema's own order, those it does not describe last, and what they require."""
    declared = list(schema.get("properties", {}))
    required = dict.fromkeys(schema.get("required", []))
    names = [name for name in declared if name in required] + [name for name in required if name not in declared]
    for name in names:
        names.extend(other for other in schema.get("dependentRequired", {}).get(name, []) if other not in names)
    return names


def smallest_numbers(schema: dict[str, Any], *, whole: bool) -> Iterator[int | float]:
    """Numbers within the bounds: the digits from 0 on, then those nearest to zero, then the fewest decimals."""
    step = schema.get("multipleOf")
    low, high = _bounds(schema)
    if low <= 0 <= high:
        start: int = 0
    elif low > 0:
        start = math.ceil(low)
    else:
        start = math.floor(high)
    direction = -1 if high < 0 else 1
    if step is None:
        yield from (start + direction * n for n in range(_MOST + 2))
        if low < 0 <= start:
            yield from (-n for n in range(1, 10))
    else:
        first = (start // step if direction < 0 else -(-start // step)) * step
        yield from (first + direction * n * step for n in range(_MOST + 2))
    if not whole:
        for decimals in range(1, 16):
            scale = 10**decimals
            if math.isfinite(low):
                yield from ((math.floor(low * scale) + n) / scale for n in (0, 1, 2))
            elif math.isfinite(high):
                yield from ((math.ceil(high * scale) - n) / scale for n in (0, 1, 2))
            else:
                yield 1 / scale


def _bounds(schema: dict[str, Any]) -> tuple[float, float]:
    low = max(schema.get("minimum", -math.inf), _number(schema.get("exclusiveMinimum"), -math.inf))
    high = min(schema.get("maximum", math.inf), _number(schema.get("exclusiveMaximum"), math.inf))
    return low, high


def _number(value: Any, default: float) -> float:
    """Draft 4 wrote booleans here."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else default


def _both(one: Schema, other: Schema) -> Schema:
    """A schema under which only what both allow is valid; close enough for candidates, the validator decides."""
    if one is False or other is False:
        return False
    if one is True or one == {}:
        return other
    if other is True or other == {}:
        return one
    assert isinstance(one, dict)
    assert isinstance(other, dict)
    merged = {**one, **other}
    for key in one.keys() & other.keys():
        merged[key] = _both_of(key, one[key], other[key])
    for key in _BRANCHES:
        if key in one and key in other:  # both alternatives hold: one stays, the other moves into allOf
            merged[key] = one[key]
            merged["allOf"] = [*merged.get("allOf", []), {key: other[key]}]
    return merged


def _both_of(key: str, one: Any, other: Any) -> Any:
    match key:
        case "properties" | "$defs" | "definitions" | "dependentRequired":
            return {**one, **other, **{name: _both(one[name], other[name]) for name in one.keys() & other.keys()}}
        case "required" | "allOf":
            return [*one, *(value for value in other if value not in one)]
        case "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties":
            return max(one, other)
        case "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties":
            return min(one, other)
        case "enum":
            return [value for value in one if value in other]
        case "items" | "additionalProperties":
            return _both(one, other)
        case "type":
            return _common_types(one, other)
        case "not":
            return {"anyOf": [one, other]}
        case _:
            return other


def _common_types(one: str | list[str], other: str | list[str]) -> list[str]:
    left = [one] if isinstance(one, str) else one
    right = [other] if isinstance(other, str) else other
    if "number" in right:
        right = [*right, "integer"]
    if "number" in left:
        left = [*left, "integer"]
    return [kind for kind in left if kind in right]

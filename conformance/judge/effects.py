"""Effects and premises: a JMESPath and one matcher over the document of an answer."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import msgspec
from jmespath import Options
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.visitor import TreeInterpreter
from msgspec import Struct

from conformance.catalog import pattern
from conformance.catalog.case import Check
from conformance.catalog.json_schema import SchemaError, validator
from conformance.catalog.matchers import BOUNDS, compiled, matcher_of
from conformance.judge.finding import ABSENT
from conformance.judge.wire import decode

JSON_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


class CheckResult(Struct, frozen=True):
    """Whether a check held, with what it expected and what was there instead."""

    held: bool
    expected: Any
    observed: Any


class _Functions(Functions):
    """The functions that a path may call besides those of JMESPath itself."""

    @signature({"types": ["string"]})
    def _func_parse_json(self, text: str) -> Any:
        """`parse_json(text)`: the JSON value of a text; null where it is none."""
        value = decode(text)
        return None if value is ABSENT else value


_OPTIONS = Options(custom_functions=_Functions())


def look(path: str, document: Mapping[str, Any]) -> Any:
    """The value at a JMESPath; `{"absent": true}` where the last key is missing rather than null."""
    if (steps := _plain(path)) is not None:
        return _walked(steps, document)
    try:
        value = compiled(path).search(document, _OPTIONS)
    except JMESPathError:  # such as a sum over what a faulty answer gives as texts: there is nothing of that kind there
        return ABSENT
    if value is None and _last_key_missing(compiled(path).parsed, document):
        return ABSENT
    return value


@cache
def _plain(path: str) -> tuple[str | int, ...] | None:
    """The keys and positions of a path that is a row of them, as nine of ten are; None for any other."""
    return _steps(compiled(path).parsed)


def _steps(node: dict[str, Any]) -> tuple[str | int, ...] | None:
    if node["type"] in ("field", "index"):
        return (node["value"],)
    if node["type"] not in ("subexpression", "index_expression"):
        return None
    steps = [_steps(child) for child in node["children"]]
    return None if None in steps else tuple(step for some in steps if some is not None for step in some)


def _walked(steps: tuple[str | int, ...], document: Any) -> Any:
    """What JMESPath finds at such a path, in a tenth of its time."""
    value, there = document, False
    for step in steps:
        there = _has(value, step)
        value = value[step] if there else None
    return value if there else ABSENT


def _has(value: Any, step: str | int) -> bool:
    """Whether an object has a key, a list a position."""
    if isinstance(step, str):
        return isinstance(value, Mapping) and step in value
    return isinstance(value, list) and -len(value) <= step < len(value)


def _last_key_missing(node: dict[str, Any], document: Any) -> bool:
    """Whether a path that came to null did so because its last key is not there: JMESPath itself says null for both."""
    kind, children = node["type"], node.get("children", [])
    if kind in ("field", "index"):
        return not _has(document, node["value"])
    if kind in ("subexpression", "pipe", "index_expression") and len(children) >= 2:
        parent = document
        for child in children[:-1]:
            parent = TreeInterpreter(_OPTIONS).visit(child, parent)
        return parent is None or _last_key_missing(children[-1], parent)
    return False


def _contains(value: Any, wanted: Any) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    if isinstance(value, list):
        return wanted in value
    if isinstance(value, Mapping):
        return wanted in value
    return False


def _valid(value: Any, schema: dict[str, Any]) -> bool:
    if isinstance(value, str):
        value = decode(value)
    try:
        return value is not ABSENT and bool(validator(schema).is_valid(value))
    except SchemaError:  # an endpoint's value was filled into it
        return False


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _size(value: Any) -> int | None:
    return len(value) if isinstance(value, str | list | Mapping) and value is not ABSENT else None


def _equal(one: Any, other: Any) -> bool:
    """Equality of JSON values, where true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)


def _compare(holds: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    def compared(value: Any, bound: Any) -> bool:
        left, right = _number(value), _number(bound)
        return left is not None and right is not None and holds(left, right)

    return compared


def _type_is(value: Any, name: str) -> bool:
    return value is not ABSENT and JSON_TYPES[name](value)


def _unique(value: Any, _: Any) -> bool:
    return isinstance(value, list) and len({msgspec.json.encode(item) for item in value}) == len(value)


def _matches(text: str, wanted: str) -> bool:
    """Whether a pattern is found; one that an endpoint's value was filled into, and that is none, is found nowhere."""
    try:
        return pattern.compiled(wanted).found_in(text)
    except pattern.PatternError:
        return False


MATCHERS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": _equal,
    "differs": lambda value, other: value is not ABSENT and not _equal(value, other),
    "in_": lambda value, options: any(_equal(value, option) for option in options),
    "contains": _contains,
    "excludes": lambda value, unwanted: value is not ABSENT and value is not None and not _contains(value, unwanted),
    "starts": lambda value, start: isinstance(value, str) and value.startswith(start),
    "ends": lambda value, end: isinstance(value, str) and value.endswith(end),
    "matches": lambda value, pattern: isinstance(value, str) and _matches(value, pattern),
    "type": _type_is,
    "present": lambda value, _: value is not ABSENT,
    "absent": lambda value, _: value is ABSENT,
    "empty": lambda value, wanted: _size(value) is not None and (_size(value) == 0) is wanted,
    "length": lambda value, size: _size(value) == size,
    "at_least": _compare(lambda value, bound: value >= bound),
    "at_most": _compare(lambda value, bound: value <= bound),
    "more_than": _compare(lambda value, bound: value > bound),
    "less_than": _compare(lambda value, bound: value < bound),
    "valid_under": _valid,
    "unique": _unique,
}
"""The closed list: the name of a `Check` field to the question it asks of the value at the path."""


def try_check(
    check: Check, document: Mapping[str, Any], bind: Callable[[Any], Any] = lambda value: value
) -> CheckResult:
    """Tries one check on the document of an answer; `bind` fills `{nonce}` and the like into its argument.

    A bound that is a path (`steps.first.message.usage.input_tokens`) is looked up in the same document.
    """
    name, argument = matcher_of(check)
    wanted = bind(argument)
    if name in BOUNDS and isinstance(wanted, str):
        wanted = look(wanted, document)
    value = look(bind(check.at) if "{" in check.at else check.at, document)
    expected = {name.rstrip("_"): wanted} if name != "equals" else wanted
    return CheckResult(MATCHERS[name](value, wanted), expected, value)

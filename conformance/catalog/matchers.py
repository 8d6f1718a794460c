"""The closed list of matchers, and the check that a matcher's argument fits.

A check looks at one place of an answer's document (`at`, a JMESPath) and asks one thing of what is there. The document:
`status`, `headers`, `message` (the JSON answer, or the message that the stream adds up to), `events`, `text` (the text
blocks joined and stripped), `timing`, and `steps.NAME` for the documents of earlier steps. A missing key and a
null differ. `message.content[?type=='text'].text | [0]` and `length(events)` are looked up like any other path;
`parse_json(text)` is the JSON value of a text, null where it is none.

| matcher | holds when the value |
|---|---|
| `equals: X` | is X, as JSON compares: 1 is 1.0 but not true, key order does not matter |
| `differs: X` | is there, and is not X |
| `in: [X, Y]` | equals one of these |
| `contains: X` | is a text with X in it, a list with X among its items, or an object with the key X |
| `excludes: X` | is such a text, list or object without X; a value that is missing or null holds nothing, and fails |
| `starts: X`, `ends: X` | is a text that starts, ends with X |
| `matches: PATTERN` | is a text in which the regular expression is found (RE2 syntax; anchor it with ^ and $) |
| `type: T` | is a string, number, integer, boolean, array, object or null |
| `present: true` | is there, even as null |
| `absent: true` | is not there; null is there |
| `empty: true` | is a text, list or object with nothing in it; `false`: with something in it |
| `length: N` | is a text, list or object of that many characters, items or keys |
| `at_least`, `at_most`, `more_than`, `less_than: N` | is a number that compares so |
| `valid_under: SCHEMA` | is valid under a JSON Schema; a text is first read as JSON |
| `unique: true` | is a list whose items all differ |

N of the four comparisons may be a JMESPath over the same document: `at_least: steps.first.message.usage.input_tokens`.
`{nonce}` and `{steps.NAME.PATH}` are filled into texts, as in requests.
"""

from functools import cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from msgspec import UNSET

from conformance.catalog import pattern as search
from conformance.catalog.case import Check
from conformance.catalog.json_schema import SchemaError, validator

MATCHERS = tuple(
    name for name in Check.__struct_fields__ if name not in ("at", "level", "why")
)  # the type is the list: a matcher is a field of Check that is no place, weight or reason
BOUNDS = frozenset({"at_least", "at_most", "more_than", "less_than"})
ABSENCES = frozenset({"absent", "excludes", "differs", "at_most", "less_than"})
"""Matchers that an answer without the feature satisfies just as well."""


@cache
def compiled(path: str) -> Any:
    """A JMESPath, parsed once in the life of the process."""
    return jmespath.compile(path)


def matcher_of(check: Check) -> tuple[str, Any]:
    """The one matcher of a check, by its field name, and its argument."""
    for name in MATCHERS:
        argument = getattr(check, name)
        if argument is not UNSET:
            return name, argument
    raise AssertionError("the loader lets no check without a matcher pass")


def mistakes(check: Check) -> list[tuple[str, str]]:
    """The mistakes of a check: the key, and why."""
    found = []
    if complaint := _path_mistake(check.at):
        found.append(("at", complaint))
    named = [name for name in MATCHERS if getattr(check, name) is not UNSET]
    if len(named) != 1:
        listed = ", ".join(name.rstrip("_") for name in (named or MATCHERS))
        found.append(
            ("", f"a check has exactly one matcher; {'these are several' if named else 'the matchers are'}: {listed}")
        )
    for name in named:
        argument = getattr(check, name)
        if name in BOUNDS and isinstance(argument, str) and (complaint := _path_mistake(argument)):
            found.append((name, complaint))
        if name == "matches" and (complaint := pattern_mistake(argument)):
            found.append((name, complaint))
        if name == "valid_under" and (complaint := _schema_mistake(argument)):
            found.append((name, complaint))
    return found


def _schema_mistake(schema: dict[str, Any]) -> str:
    try:
        validator(schema)
    except SchemaError as problem:
        return f"not a JSON Schema that stands by itself: {problem}"
    return ""


def is_absence(check: Check) -> bool:
    """Whether an answer that never heard of the feature would satisfy this check."""
    name, argument = matcher_of(check)
    if name in ABSENCES:
        return True
    nothing = argument is None or argument in ([], {}, "", 0) if name == "equals" else False
    return nothing or (name == "empty" and argument is True) or (name == "length" and argument == 0)


def _path_mistake(path: str) -> str:
    try:
        compiled(path)
    except JMESPathError as error:
        reason = str(error).splitlines()[0].split(" for expression")[0]
        return f"not a JMESPath: `{path}` ({reason})"
    return ""


def pattern_mistake(pattern: str) -> str:
    """What is wrong with a pattern, or nothing."""
    try:
        search.compiled(pattern)
    except search.PatternError as problem:
        return f"not a regular expression: `{pattern[:200]}` ({problem})"
    return ""

"""The shortest strings that a schema allows, by length, format and pattern.

Python's parser of regular expressions has no public name, so `re._parser` and `re._constants` are used here, and
nowhere else. A Python that moves them fails at import, with a sentence.
"""

import re
from collections.abc import Iterator
from typing import Any

try:
    from re import _constants as kinds  # type: ignore[attr-defined]
    from re import _parser as parser  # type: ignore[attr-defined]
except ImportError as error:
    raise ImportError(
        f"this Python has moved the parser of regular expressions ({error}): mend conformance/scripted/strings.py"
    ) from error

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_ .,:/@"
"""Characters to choose from, the first that fits."""


def shortest_match(pattern: str) -> str | None:
    """A shortest string that the pattern matches; None where the pattern cannot be read or followed."""
    try:
        found = "".join(map(_shortest, parser.parse(pattern)))
    except (re.error, ValueError, OverflowError, RecursionError):
        return None
    return found if re.search(pattern, found) else None


def _shortest(node: tuple[Any, Any]) -> str:
    kind, argument = node
    if kind is kinds.LITERAL:
        return chr(argument)
    if kind is kinds.NOT_LITERAL:
        return next(letter for letter in LETTERS if ord(letter) != argument)
    if kind is kinds.ANY:
        return "a"
    if kind is kinds.IN:
        return _member(argument)
    if kind in {kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT}:
        least, _, inner = argument
        return "".join(map(_shortest, inner)) * int(least)
    if kind is kinds.SUBPATTERN:
        return "".join(map(_shortest, argument[3]))
    if kind is kinds.BRANCH:
        return min(("".join(map(_shortest, branch)) for branch in argument[1]), key=len)
    if kind in {kinds.AT, kinds.ASSERT, kinds.ASSERT_NOT}:
        return ""
    raise ValueError(f"a pattern with {kind} is not followed")


def _member(items: list[tuple[Any, Any]]) -> str:
    """The first plain character of a set, else the first that it names."""
    inside = re.compile(f"[{''.join(map(_written, items))}]")
    candidates = [
        chr(argument) if kind is kinds.LITERAL else chr(argument[0])
        for kind, argument in items
        if kind in {kinds.LITERAL, kinds.RANGE}
    ]
    return next((letter for letter in [*LETTERS, *candidates] if inside.match(letter)), "")


_CLASSES = {
    kinds.CATEGORY_DIGIT: r"\d",
    kinds.CATEGORY_NOT_DIGIT: r"\D",
    kinds.CATEGORY_SPACE: r"\s",
    kinds.CATEGORY_NOT_SPACE: r"\S",
    kinds.CATEGORY_WORD: r"\w",
    kinds.CATEGORY_NOT_WORD: r"\W",
}


def _written(item: tuple[Any, Any]) -> str:
    kind, argument = item
    if kind is kinds.NEGATE:
        return "^"
    if kind is kinds.LITERAL:
        return re.escape(chr(argument))
    if kind is kinds.RANGE:
        return f"{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}"
    return str(_CLASSES[argument])


FORMATS = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "a@b.c",
    "idn-email": "a@b.c",
    "hostname": "a",
    "idn-hostname": "a",
    "ipv4": "0.0.0.0",  # noqa: S104  # an example of the format, nothing listens there
    "ipv6": "::",
    "uri": "a:b",
    "uri-reference": "",
    "iri": "a:b",
    "iri-reference": "",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "uri-template": "",
    "json-pointer": "",
    "relative-json-pointer": "0",
    "regex": "",
}


def smallest_strings(schema: dict[str, Any]) -> Iterator[str]:
    """Candidates, the shortest first: of the format, of the pattern, else letters of the least length."""
    least = schema.get("minLength", 0)
    if "format" in schema and schema["format"] in FORMATS:
        yield FORMATS[schema["format"]]
    if "pattern" in schema and (match := shortest_match(schema["pattern"])) is not None:
        yield match
        yield match.ljust(least, match[-1:] or "a")
    yield from (
        "a" * (least - 1) + letter if least else letter for letter in (LETTERS[:26] if least else ("", *LETTERS[:26]))
    )

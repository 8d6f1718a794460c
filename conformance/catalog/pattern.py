"""Regular expressions over text from outside, searched in linear time.

The engine is RE2 (https://github.com/google/re2/wiki/Syntax): no back reference, no look-around; `\\d`, `\\w`, `\\s`
and `\\b` know ASCII only. Of Python's own syntax a pattern may have `(?x)`, and begin with `^` and refusals:
`^(?!.*\\bred\\b)`.
"""

import re
from functools import cache
from typing import Any

import re2
from msgspec import Struct

LONGEST = 10_000
"""Characters of a pattern: one that counts to 150 has a thousand."""

SHIPPED: dict[str, Any] = {}
"""The patterns of this suite's own rules and their engines, for the test that measures each."""

_FLAGS = re.compile(r"\(\?([a-z]+)\)")


class PatternError(ValueError):
    """A pattern that cannot be searched for in linear time; the message says why."""


class Pattern(Struct, frozen=True):
    """A pattern and what may not be found from the start of the text on."""

    wanted: Any
    unwanted: tuple[Any, ...] = ()
    ends: bool = False

    def found_in(self, text: str) -> bool:
        """Whether the pattern is found; `$` is also the place before a last newline."""
        text = whole_characters(text)
        return self._found(text) or (self.ends and text.endswith("\n") and self._found(text[:-1]))

    def _found(self, text: str) -> bool:
        return not any(one.match(text) for one in self.unwanted) and self.wanted.search(text) is not None


def linear(pattern: str, *, ignore_case: bool = False) -> Any:
    """A pattern of a rule, with the methods `search`, `finditer`, `match` and `fullmatch` of Python's own."""
    engine = SHIPPED[pattern] = _engine(pattern, ignore_case=ignore_case)
    return engine


def whole_characters(text: str) -> str:
    """A text without halves of surrogate pairs, which no engine takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


@cache
def compiled(pattern: str) -> Pattern:
    """The pattern of a case file; PatternError with what is wrong with it."""
    if len(pattern) > LONGEST:
        raise PatternError(f"it has {len(pattern)} characters, more than {LONGEST}")
    flags = ""
    rest = pattern
    if given := _FLAGS.match(pattern):
        flags, rest = given[1], pattern[given.end() :]
    if "x" in flags:
        rest = re.sub(r"(\\.)|\s+", r"\1", rest)
        flags = flags.replace("x", "")
    before = f"(?{flags})" if flags else ""
    unwanted = []
    if rest.startswith("^(?!") and "m" not in flags:
        rest = rest[1:]
        while rest.startswith("(?!"):
            inner, rest = _group(rest)
            unwanted.append(_engine(before + inner))
        rest = "^" + rest
    return Pattern(_engine(before + rest), tuple(unwanted), "$" in rest)


def _group(text: str) -> tuple[str, str]:
    """What stands in the `(?!...)` with which a text begins, and what follows it."""
    depth, position, in_class = 0, 0, False
    while position < len(text):
        sign = text[position]
        if sign == "\\":
            position += 1
        elif in_class:
            in_class = sign != "]"
        elif sign == "[":
            in_class = True
        elif sign in "()":
            depth += 1 if sign == "(" else -1
            if not depth:
                return text[3:position], text[position + 1 :]
        position += 1
    raise PatternError("a parenthesis is not closed")


def _engine(pattern: str, *, ignore_case: bool = False) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    try:
        return re2.compile(pattern, options)
    except (re2.error, UnicodeEncodeError) as problem:
        raise PatternError(_reason(problem)) from problem


def _reason(problem: Exception) -> str:
    said = problem.args[0] if problem.args else problem
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return f"{text}; look-around and back references are not known" if "(?" in text or "\\" in text else text

"""The language of `--select`, of profiles, of `conformance report --query` and of the page's search box.

    tools.choice.tool            a word: the id of a case or row; with * or ? a glob over ids
    "stop sequence"              words in this order, in an id or a title
    area:tools                   what a row or case has: KEY:VALUE; every value may be a glob
    verdict:ignored,broken       one of several
    area:tools level:must        both; `and` between them says the same
    messages.*, tools.*          either; `or` says the same and binds closer than the comma
    not level:may   -level:may   the opposite
    (area:tools or area:stream) mode:json

Which keys there are, and what they are compared with, is the reader's affair; the page reads the same language
(`report/page/expression.js`), and one table of tests holds both.
"""

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from conformance.errors import UserError
from conformance.keys import shortened

_TOKEN = re.compile(r'\s*(?:(?P<mark>[(),-])|(?P<word>(?:"[^"]*"?|[^\s(),"])+))')
_KEYED = re.compile(r"([A-Za-z]+):(.*)", re.DOTALL)
_MORE = re.compile(r',(?P<value>"[^"]*"?|[^\s(),":]+(?![^\s(),"]*:))')
LONGEST = 200
"""Characters of an expression that a message repeats."""
DEEPEST = 100
"""Parentheses and negations within each other."""
_GLOB = re.compile(r"[*?\[]")


class ExpressionError(UserError):
    """An expression that cannot be read; the message says what is missing or too much."""


class Term(Struct, frozen=True):
    """One condition: a word where the key is empty, else any of the values of the key."""

    key: str
    values: tuple[str, ...]
    quoted: bool = False
    """A text to be found as it is, not an id."""

    def __str__(self) -> str:
        values = ",".join(f'"{value}"' if self.quoted else value for value in self.values)
        return f"{self.key}:{values}" if self.key else values


class Not(Struct, frozen=True):
    part: "Expression"

    def __str__(self) -> str:
        return f"not {self.part}"


class All(Struct, frozen=True):
    """Holds where all parts hold; without parts, everywhere."""

    parts: tuple["Expression", ...] = ()

    def __str__(self) -> str:
        return f"({' and '.join(map(str, self.parts))})"


class Any(Struct, frozen=True):
    parts: tuple["Expression", ...]

    def __str__(self) -> str:
        return f"({' or '.join(map(str, self.parts))})"


Expression = Term | Not | All | Any


def parse(text: str) -> Expression:
    """The expression of a text; ExpressionError where it is none."""
    return _Reading(text).whole()


def terms_of(expression: Expression) -> Iterator[Term]:
    """Every condition in an expression, from left to right."""
    match expression:
        case Term():
            yield expression
        case Not(part):
            yield from terms_of(part)
        case All(parts) | Any(parts):
            for part in parts:
                yield from terms_of(part)


def is_glob(value: str) -> bool:
    return _GLOB.search(value) is not None


def fits(value: str, word: str) -> bool:
    """Whether a word is what a value of a term names: the same, or of the glob, in capitals or not."""
    value, word = value.lower(), word.lower()
    return value == word or (is_glob(value) and fnmatchcase(word, value))


class _Reading:
    """A reader of one text, by recursive descent: comma, or, and, not, term."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0
        self._depth = 0

    def whole(self) -> Expression:
        if not self._tokens:
            return All()
        found = self._any(",", self._either)
        if self._peek():
            raise self._error("this `)` closes nothing")
        return found

    def _either(self) -> Expression:
        return self._any("or", self._both)

    def _both(self) -> Expression:
        parts = [self._negated()]
        while (word := self._peek()) not in ("", ",", ")", "or"):
            self._next += word == "and"
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _any(self, mark: str, part: Callable[[], Expression]) -> Expression:
        parts = [part()]
        while self._peek() == mark:
            self._next += 1
            parts.append(part())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _negated(self) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._error("its parts stand too deep in each other")
        if self._peek() in ("not", "-"):
            self._next += 1
            found: Expression = Not(self._negated())
        else:
            found = self._term()
        self._depth -= 1
        return found

    def _term(self) -> Expression:
        word = self._peek()
        self._next += 1
        if word == "(":
            found: Expression = self._any(",", self._either)
            if self._peek() != ")":
                raise self._error("a `(` is not closed")
            self._next += 1
            return found
        if word in ("", ",", ")", "and", "or"):
            raise self._error(f"something is missing before `{word}`" if word else "it ends too early")
        return _term(word)

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _error(self, says: str) -> ExpressionError:
        return ExpressionError(f"cannot read `{shortened(self._text, LONGEST)}`: {says}")


def _tokens(text: str) -> Iterator[str]:
    """Marks, a minus, and words; a word with a key holds all its values."""
    position = 0
    while found := _TOKEN.match(text, position):
        position = found.end()
        word = found["word"]
        if word is None:
            yield found["mark"]
            continue
        while _KEYED.match(word) and (more := _MORE.match(text, position)):
            word, position = word + more[0], more.end()
        yield word


def _term(word: str) -> Expression:
    keyed = _KEYED.fullmatch(word)
    key, rest = (keyed[1].lower(), keyed[2]) if keyed else ("", word)
    values = re.findall(r'"[^"]*"?|[^",]+', rest) if keyed else [rest]
    quoted = any('"' in value for value in values)
    plain = tuple(value.replace('"', "") for value in values)
    filled = tuple(value for value in plain if value)
    return Term(key, filled, quoted) if filled or key else All()

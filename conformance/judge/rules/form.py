"""Forms of JSON values: what a key has to be, in one table, so that a rule is its law and one line."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from conformance.judge.finding import ABSENT, Violation
from conformance.judge.wire import RFC3339, is_integer, shown, slug


class Form(Struct, frozen=True):
    """The form of a JSON value."""

    says: Any
    """What a finding says was expected."""
    holds: Callable[[Any], bool]
    """Whether a value, or `ABSENT`, is of this form."""
    wrong: Callable[[Any], str] = lambda _: "type"
    """The slug of a value that is there, is not null, and is not of this form."""


STRING = Form("a string", lambda value: isinstance(value, str))
FILLED = Form(
    "a non-empty string",
    lambda value: isinstance(value, str) and value.strip() != "",
    lambda value: "empty" if isinstance(value, str) else "type",
)
BOOLEAN = Form("a boolean", lambda value: isinstance(value, bool))
INTEGER = Form("an integer", is_integer)
COUNT = Form(
    "an integer from 0",
    lambda value: is_integer(value) and value >= 0,
    lambda value: "negative" if is_integer(value) else "type",
)
OBJECT = Form("an object", lambda value: isinstance(value, dict))
ARRAY = Form("an array", lambda value: isinstance(value, list))
TIME = Form(
    "an RFC 3339 time",
    lambda value: isinstance(value, str) and RFC3339.fullmatch(value) is not None,
    lambda value: "format" if isinstance(value, str) else "type",
)


def constant(wanted: str) -> Form:
    """The form of one string."""
    return Form(wanted, lambda value: value == wanted, lambda _: "other")


def one_of(*words: str) -> Form:
    """The form of a closed list of strings."""
    return Form(list(words), lambda value: value in words, lambda _: "unknown")


def or_null(form: Form) -> Form:
    """The form that null has too."""
    return Form(f"{form.says} or null", lambda value: value is None or form.holds(value), form.wrong)


def optional(form: Form) -> Form:
    """The form that null has too, and a key that is left out."""
    nullable = or_null(form)
    return Form(nullable.says, lambda value: value is ABSENT or nullable.holds(value), form.wrong)


def unlike(value: Any, at: str, form: Form) -> list[Violation]:
    """The violation of a value that is not of its form; nothing where it is. `at` is its place."""
    if form.holds(value):
        return []
    return [Violation(at, form.says, shown(value), slug(value, form.wrong(value)))]


def expect(holder: Mapping[str, Any], key: str, at: str, form: Form) -> list[Violation]:
    """The violation of a key that is missing or not of its form; `at` is the place of the object that holds it."""
    return unlike(holder.get(key, ABSENT), f"{at}/{key}", form)


def expect_all(value: Any, at: str, forms: Mapping[str, Form]) -> list[Violation]:
    """The first violation of an object that has to have keys of these forms."""
    return unlike(value, at, OBJECT) or first_fault(expect(value, key, at, form) for key, form in forms.items())


def first_fault(tried: Iterable[list[Violation]]) -> list[Violation]:
    """The violations of the first of several things that has any."""
    return next((faults for faults in tried if faults), [])

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
    lambda value: type(value) is int and value >= 0,
    lambda value: "negative" if is_integer(value) else "number" if isinstance(value, int | float) else "type",
)
OBJECT = Form("an object", lambda value: isinstance(value, dict))
ARRAY = Form("an array", lambda value: isinstance(value, list))
POSITIVE = Form("more than 0", lambda value: type(value) is int and value > 0, lambda _: "zero")


def there(says: str) -> Form:
    """The form of whatever is there."""
    return Form(says, lambda value: value is not ABSENT)


def constant(wanted: Any, wrong: str = "other") -> Form:
    """The form of one value; `wrong` is the slug of any other."""
    return Form(wanted, lambda value: value == wanted, lambda _: wrong)


def at_most(limit: int, wrong: str = "more") -> Form:
    """The form of an integer up to a limit; `wrong` is the slug of one beyond it."""
    return Form(f"at most {limit}", lambda value: type(value) is int and value <= limit, lambda _: wrong)


def one_of(*words: str) -> Form:
    """The form of a closed list of strings."""
    return Form(list(words), lambda value: value in words, unknown_word)


def unknown_word(value: Any) -> str:
    """The slug of a value that is none of the known words."""
    return "unknown" if isinstance(value, str) else "type"


def fitting(says: str, fits: Callable[[str], Any], wrong: str = "form") -> Form:
    """The form of a string for which `fits` finds something true; `wrong` is the slug of another string."""
    return Form(
        says,
        lambda value: isinstance(value, str) and bool(fits(value)),
        lambda value: wrong if isinstance(value, str) else "type",
    )


TIME = fitting("an RFC 3339 time", RFC3339.fullmatch, "format")


def or_null(form: Form) -> Form:
    """The form that null has too."""
    return Form(f"{form.says} or null", lambda value: value is None or form.holds(value), form.wrong)


def optional(form: Form) -> Form:
    """The form that null has too, and a key that is left out."""
    return Form(f"{form.says} or null", lambda value: value is None or value is ABSENT or form.holds(value), form.wrong)


def unlike(value: Any, at: str, form: Form) -> list[Violation]:
    """The violation of a value that is not of its form; nothing where it is. `at` is its place."""
    return [] if form.holds(value) else [_violation(value, at, form)]


def expect(holder: Mapping[str, Any], key: str, at: str, form: Form) -> list[Violation]:
    """The violation of a key that is missing or not of its form; `at` is the place of the object that holds it."""
    value = holder.get(key, ABSENT)
    return [] if form.holds(value) else [_violation(value, f"{at}/{key}", form)]


def _violation(value: Any, at: str, form: Form) -> Violation:
    return Violation(at, form.says, shown(value), slug(value, form.wrong(value)))


def expect_all(value: Any, at: str, forms: Mapping[str, Form]) -> list[Violation]:
    """The first violation of an object that has to have keys of these forms."""
    if faults := unlike(value, at, OBJECT):
        return faults
    for key, form in forms.items():
        if faults := expect(value, key, at, form):
            return faults
    return []


def first_fault(tried: Iterable[list[Violation]]) -> list[Violation]:
    """The violations of the first of several things that has any."""
    return next((faults for faults in tried if faults), [])

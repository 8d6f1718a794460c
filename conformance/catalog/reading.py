"""Converts a YAML document to a typed value; each defect has its line, its key and the nearest legal word."""

from copy import deepcopy
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from conformance.catalog.document import Document
from conformance.catalog.msgspec_messages import Steps as Steps
from conformance.catalog.msgspec_messages import illegal_word, in_words, message_and_path, unknown_key
from conformance.catalog.problem import CatalogError, Problem, nearest

Typed = TypeVar("Typed")

MOST_PROBLEMS = 20
"""The most problems of one part of a file that are reported."""


def typed(document: Document, value: Any, kind: type[Typed], at: Steps = ()) -> Typed:
    """A part of a document as a typed value; CatalogError names all unknown keys, and the first of other defects."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise CatalogError(_problems(document, value, kind, at)) from None


def each(document: Document, key: str, kind: type[Typed], problems: list[Problem]) -> list[tuple[int, Typed]]:
    """The items of the list at a key with their positions; defects are added to the problems, item by item."""
    items = document.value.get(key) if isinstance(document.value, dict) else None
    found: list[tuple[int, Typed]] = []
    for position, item in enumerate(items if isinstance(items, list) else []):
        try:
            found.append((position, typed(document, item, kind, (key, position))))
        except CatalogError as error:
            problems.extend(error.problems)
    return found


def head(document: Document, kind: type[Typed], lists: str, problems: list[Problem]) -> Typed | None:
    """The document without the items of one list, which `each` reads one by one."""
    value = document.value
    if isinstance(value, dict) and isinstance(value.get(lists), list):
        value = value | {lists: []}
    try:
        return typed(document, value, kind)
    except CatalogError as error:
        problems.extend(error.problems)
        return None


def _problems(document: Document, value: Any, kind: type[Any], at: Steps) -> list[Problem]:
    """Converts again and again, each unknown key taken out, until another defect ends it."""
    rest, found = deepcopy(value), []
    while True:
        try:
            msgspec.convert(rest, kind)
        except msgspec.ValidationError as error:
            says, path = message_and_path(str(error))
            unknown = unknown_key(says)
            keys = _strangers(_below(rest, path), _keys(kind, path)) or ([unknown] if unknown is not None else [])
            if not keys:
                found.append(document.problem(at + path, _explained(says, kind, path)))
                return found
            for key in keys:
                if len(found) < MOST_PROBLEMS:
                    says = f"unknown key `{key[:100]}`{nearest(key[:100], _keys(kind, path))}"
                    found.append(document.problem((*at, *path, key), says))
                del _below(rest, path)[key]
            if unknown is None or len(found) >= MOST_PROBLEMS:  # what is missing stands there under a name that is none
                return found
        else:
            return found


def _strangers(value: Any, keys: list[str]) -> list[str]:
    """The keys of a mapping that its type does not know."""
    return [key for key in value if key not in keys] if isinstance(value, dict) and keys else []


def _explained(says: str, kind: type[Any], path: Steps) -> str:
    quoted = illegal_word(says)
    if quoted is not None:
        word = quoted.strip("'")
        return f"{quoted} is not legal here{nearest(word, _words(kind, path))}"
    return in_words(says)


def _below(value: Any, path: Steps) -> Any:
    for step in path:
        value = value[step]
    return value


def _keys(kind: type[Any], path: Steps) -> list[str]:
    return [
        field.encode_name
        for part in _types(kind, path)
        if isinstance(part, inspect.StructType)
        for field in part.fields
    ]


def _words(kind: type[Any], path: Steps) -> list[str]:
    return [str(word) for part in _types(kind, path) if isinstance(part, inspect.LiteralType) for word in part.values]


def _types(kind: type[Any], path: Steps) -> list[inspect.Type]:
    """The types that may stand at a path of a type."""
    here: list[inspect.Type] = [inspect.type_info(kind)]
    for step in path:
        here = [below for part in _alternatives(here) for below in _types_below(part, step)]
    return _alternatives(here)


def _alternatives(types: list[inspect.Type]) -> list[inspect.Type]:
    return [part for kind in types for part in (kind.types if isinstance(kind, inspect.UnionType) else (kind,))]


def _types_below(kind: inspect.Type, step: str | int) -> list[inspect.Type]:
    match kind:
        case inspect.StructType(fields=fields):
            return [field.type for field in fields if field.encode_name == step]
        case inspect.ListType(item_type=item):
            return [item]
        case inspect.DictType(value_type=item):
            return [item]
    return []

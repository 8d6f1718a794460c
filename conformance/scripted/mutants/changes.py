"""What can be done wrong to a thing of one kind, at the place where it stands."""

import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from conformance.scripted.encodings import compact
from conformance.scripted.mutants.places import TAGS, Holder, Kind, Place

CAP = 16
LONGEST_TEXT = 24
"""Characters to which a text is cut."""


class Change(Struct, frozen=True):
    """One thing done wrong."""

    name: str
    says: str
    """Of what stands there."""
    bend: Callable[[Holder, Any], None]


def changes(place: Place) -> Iterator[Change]:
    """Everything that can be done wrong at a place."""
    yield Change("lost", "is lost", _lost)
    for sibling in place.siblings:
        yield Change(f"moved-to-{sibling}", f"is called {sibling}", _moved(sibling))
        yield Change(f"exchanged-with-{sibling}", f"changes places with {sibling}", _exchanged(sibling))
    for value in place.values:
        yield Change(f"made-{value}", f"becomes {value}", _tagged(value) if place.kind == "struct" else _fixed(value))
    if place.kind == "struct" and place.path[-1].startswith("*"):
        yield Change("merged", "is merged with the one before it", _merged)
        yield Change("doubled", "comes twice", _element_doubled)
        yield Change("put-first", "comes before all others", _element_first)
    for name, (says, change) in VALUES[place.kind].items():
        yield Change(name, says, _on_value(change))


def _lost(holder: Holder, key: Any) -> None:
    del holder[key]


def _moved(sibling: str) -> Callable[[Holder, Any], None]:
    def bend(holder: Holder, key: Any) -> None:
        holder[sibling] = holder.pop(key)

    return bend


def _exchanged(sibling: str) -> Callable[[Holder, Any], None]:
    def bend(holder: Holder, key: Any) -> None:
        if holder.get(sibling) is not None:
            holder[sibling], holder[key] = holder[key], holder[sibling]

    return bend


def _tagged(tag: Any) -> Callable[[Holder, Any], None]:
    """An element with the tag of another, such as a message with another role."""

    def bend(holder: Holder, key: Any) -> None:
        name = next((name for name in TAGS if name in holder[key]), None)
        if name is not None:
            holder[key] = holder[key] | {name: tag}

    return bend


def _fixed(value: Any) -> Callable[[Holder, Any], None]:
    def bend(holder: Holder, key: Any) -> None:
        holder[key] = value

    return bend


def _merged(holder: Holder, key: Any) -> None:
    if isinstance(key, int) and key > 0 and _tag(holder[key]) == _tag(holder[key - 1]):
        before, this = holder[key - 1], holder.pop(key)
        holder[key - 1] = before | {name: _joined(before.get(name), value) for name, value in this.items()}


def _tag(element: Any) -> Any:
    return [element.get(name) for name in TAGS] if isinstance(element, dict) else None


def _joined(before: Any, value: Any) -> Any:
    """Texts and lists one after the other; of anything else the first."""
    if isinstance(before, list) and isinstance(value, list):
        return before + value
    if isinstance(before, str) and isinstance(value, str) and before != value:
        return before + value
    return before


def _element_doubled(holder: Holder, key: Any) -> None:
    holder.insert(key, holder[key])


def _element_first(holder: Holder, key: Any) -> None:
    holder.insert(0, holder.pop(key))


def _on_value(change: Callable[[Any], Any]) -> Callable[[Holder, Any], None]:
    def bend(holder: Holder, key: Any) -> None:
        holder[key] = change(holder[key])

    return bend


def _text(change: Callable[[str], str]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, str) else value


def _number(change: Callable[[float], Any]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _flag(change: Callable[[bool], Any]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, bool) else value


def _list(change: Callable[[list[Any]], Any]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, list) and value else value


def _object(change: Callable[[dict[str, Any]], Any]) -> Callable[[Any], Any]:
    """Of an object, or of the text of one, as arguments are sent."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return change(value)
        if isinstance(value, str) and value.startswith("{"):
            try:
                inner = msgspec.json.decode(value)
            except msgspec.DecodeError:
                return value
            return compact(change(inner))
        return value

    return changed


def _deep(change: Callable[[Any], Any]) -> Callable[[dict[str, Any]], Any]:
    """The change at every value of an object, however deep."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return change({key: changed(item) for key, item in value.items()})
        if isinstance(value, list):
            return change([changed(item) for item in value])
        return change(value)

    return changed


def _joined_texts(items: list[Any]) -> Any:
    """A list of parts as one text, or of texts as the first of them."""
    texts = [item["text"] for item in items if isinstance(item, dict) and isinstance(item.get("text"), str)]
    return "".join(texts) if texts else items


def _shallow(value: dict[str, Any]) -> dict[str, Any]:
    return {key: {} if isinstance(item, dict) else item for key, item in value.items()}


def _as_float(item: Any) -> Any:
    return float(item) if isinstance(item, int) and not isinstance(item, bool) else item


def _as_text(item: Any) -> Any:
    return str(item) if isinstance(item, int | float) and not isinstance(item, bool) else item


def _stripped(item: Any) -> Any:
    return item.strip() if isinstance(item, str) else item


_Changes = dict[str, tuple[str, Callable[[Any], Any]]]

_TEXTS: _Changes = {
    "emptied": ("is empty", _text(lambda _: "")),
    "stripped": ("loses the white space around it", _text(str.strip)),
    "cut": ("is cut", _text(lambda text: text[:LONGEST_TEXT])),
    "cut-front": ("loses its beginning", _text(lambda text: text[1:])),
    "lower-case": ("is in small letters", _text(str.lower)),
    "said-twice": ("is said twice", _text(lambda text: text * 2)),
    "in-one-line": ("is in one line", _text(lambda text: " ".join(text.split()))),
    "first-line": ("is its first line", _text(lambda text: text.split("\n")[0])),
    "ascii": ("loses what is not ASCII", _text(lambda text: text.encode("ascii", "ignore").decode())),
    "html": ("is escaped for a web page", _text(html.escape)),
    "escaped": ("is escaped as in JSON", _text(lambda text: json.dumps(text)[1:-1])),
    "announced": ("has a word before it", _text(lambda text: f"Assistant: {text}")),
    "signs-lost": ("keeps letters, digits and spaces only", _text(lambda text: re.sub(r"[^\w\s]", "", text))),
}
_NUMBERS: _Changes = {
    "zero": ("is 0", _number(lambda _: 0)),
    "one": ("is 1", _number(lambda _: 1)),
    "one-more": ("is one more", _number(lambda number: number + 1)),
    "doubled": ("is doubled", _number(lambda number: number * 2)),
    "halved": ("is halved", _number(lambda number: number / 2 if isinstance(number, float) else number // 2)),
    "capped": (f"is at most {CAP}", _number(lambda number: min(number, CAP))),
    "negative": ("is negative", _number(lambda number: -number)),
    "as-text": ("is a text", _number(str)),
}
_OBJECTS: _Changes = {
    "without-keys": ("is empty", _object(lambda _: {})),
    "first-key-lost": ("loses its first key", _object(lambda value: dict(list(value.items())[1:]))),
    "last-key-lost": ("loses its last key", _object(lambda value: dict(list(value.items())[:-1]))),
    "sorted": ("has its keys in alphabetical order", _object(lambda value: dict(sorted(value.items())))),
    "shallow": ("loses what is inside its objects", _object(_shallow)),
    "numbers-as-text": ("has texts in place of its numbers", _object(_deep(_as_text))),
    "numbers-as-floats": ("has its whole numbers as floating-point numbers", _object(_deep(_as_float))),
    "lists-emptied": ("has empty lists", _object(_deep(lambda item: [] if isinstance(item, list) else item))),
    "texts-stripped": ("loses the white space around its texts", _object(_deep(_stripped))),
}
VALUES: dict[Kind, _Changes] = {
    "text": {**_TEXTS, **_OBJECTS},
    "number": _NUMBERS,
    "flag": {
        "flipped": ("is the other", _flag(lambda flag: not flag)),
        "as-text": ("is a text", _flag(lambda flag: str(flag).lower())),
    },
    "choice": {},
    "list": {
        "without-elements": ("is empty", _list(lambda _: [])),
        "first-lost": ("loses its first", _list(lambda items: items[1:])),
        "last-lost": ("loses its last", _list(lambda items: items[:-1])),
        "first-only": ("is its first only", _list(lambda items: items[:1])),
        "last-only": ("is its last only", _list(lambda items: items[-1:])),
        "reversed": ("is in reverse", _list(lambda items: items[::-1])),
        "joined": ("has its texts joined", _list(_joined_texts)),
    },
    "object": _OBJECTS,
    "struct": {},
}

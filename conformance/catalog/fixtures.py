"""Directives of case files, such as `{$use: NAME}`, resolved into the values that are sent.

| written | means |
|---|---|
| `{$use: tools/echo}` | the value of `cases/fixtures/tools/echo.yaml` (or `.json`) |
| `{$use: texts/page.txt}` | the text of a `.txt` file, to the letter |
| `{$use: images/red.png}` | any other file: its bytes in base64 |
| `{$use: "clients/one#turn.tools"}` | the part of a fixture that a JMESPath finds |
| `{$use: NAME, KEY: VALUE}` | the fixture, which is a mapping, with these keys put over its own |
| `{$splice: tools/two}` | in a list: the items of a fixture that is a list, in its place |
| `{$repeat: TEXT, times: N}` | the text N times over, for prompts of many tokens and bodies of many bytes |
| `{$repeat: [ITEM, ...], times: N}` | in a list: its items N times over; `{number}` in a text is the round, from 1 |
| `{$join: [PART, ...]}` | the parts as one text; a part may be a directive |

The list is closed. A fixture may use others, but not itself. Keys of JSON Schema such as `$schema`, `$ref` and
`$defs` are no directives.
"""

import base64
from pathlib import Path
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from yaml.nodes import MappingNode

from conformance.catalog.document import Document, Spliced
from conformance.catalog.problem import CatalogError, Problem, nearest, shown
from conformance.files import LARGEST_FIXTURE, read_within, resolved

DIRECTIVES = ("$use", "$splice", "$repeat", "$join")
SCHEMA_WORDS = frozenset(
    {"$schema", "$id", "$ref", "$defs", "$anchor", "$comment", "$vocabulary", "$dynamicRef", "$dynamicAnchor"}
)
LONGEST = 16_000_000
"""Characters that one text may come to: a stranger's file is safe to load."""
MOST_ITEMS = 10_000
"""Items that one list may come to."""


class Fixtures:
    """A folder of fixtures, each read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._values: dict[str, Any] = {}
        self._open: list[str] = []

    def read(self, file: Path) -> Document:
        """A YAML file with its directives carried out; CatalogError with the line of what is wrong."""

        def carry_out(mapping: dict[str, Any], node: MappingNode) -> Any:
            line: int = node.start_mark.line + 1
            try:
                return self._carry_out(mapping)
            except _Mistake as mistake:
                raise CatalogError([Problem(shown(file), line, "", str(mistake))]) from None

        return Document(file, carry_out)

    def part(self, name: str) -> Any:
        """The value of `NAME` or `NAME#PATH`; shared, never to be changed."""
        file, mark, path = name.partition("#")
        whole = self.value(file)
        if not mark:
            return whole
        try:
            found = jmespath.search(path, whole)
        except JMESPathError:
            raise _Mistake(f"`{path}` is not a JMESPath, which is what stands after # in {name}") from None
        if found is None:
            raise _Mistake(f"the fixture {file} has nothing at {path}{_keys_near(path, whole)}")
        return found

    def value(self, name: str) -> Any:
        """The value of a fixture; shared, never to be changed."""
        if name not in self._values:
            if name in self._open:
                raise _Mistake(f"the fixture {name} uses itself: {' -> '.join([*self._open, name])}")
            self._open.append(name)
            try:
                self._values[name] = self._load(self._file(name))
            finally:
                self._open.pop()
        return self._values[name]

    def _load(self, file: Path) -> Any:
        if file.suffix in (".yaml", ".json"):
            return self.read(file).value
        try:
            content = read_within(file, LARGEST_FIXTURE)
            return content.decode() if file.suffix == ".txt" else base64.b64encode(content).decode()
        except (OSError, UnicodeDecodeError) as problem:
            why = problem.strerror if isinstance(problem, OSError) else "this is not UTF-8 text"
            raise _Mistake(f"{shown(file)} cannot be read: {why}") from problem

    def _file(self, name: str) -> Path:
        candidates = [self.folder / name, *(self.folder / f"{name}{suffix}" for suffix in (".yaml", ".json"))]
        for file in candidates:
            if file.is_file() and resolved(file).is_relative_to(resolved(self.folder)):
                return file
        raise _Mistake(f"there is no fixture {name} in {shown(self.folder)}{nearest(name, self._names())}")

    def _names(self) -> list[str]:
        files = (file.relative_to(self.folder) for file in self.folder.rglob("*") if file.is_file())
        return [str(file.with_suffix("") if file.suffix in (".yaml", ".json") else file) for file in files]

    def _carry_out(self, mapping: dict[str, Any]) -> Any:
        match mapping:
            case {"$use": str(name), **rest}:
                return _overlaid(name, self.part(name), rest) if rest else self.part(name)
            case {"$splice": str(name), **rest} if not rest:
                items = self.part(name)
                if not isinstance(items, list):
                    raise _Mistake(f"the fixture {name} is no list, so it cannot be spliced; $use it")
                return Spliced(items)
            case {"$repeat": str(text), "times": int(times), **rest} if not rest and times is not True:
                return _bounded(len(text) * max(times, 0)) and text * times
            case {"$repeat": list(items), "times": int(times), **rest} if not rest and times is not True:
                return Spliced(_rounds(items, times))
            case {"$join": list(parts), **rest} if not rest and all(isinstance(part, str) for part in parts):
                return _bounded(sum(map(len, parts))) and "".join(parts)
        for key in mapping:
            if key in DIRECTIVES:
                raise _Mistake(f"{key} is not written like that; {_FORMS[key]}")
            if key.startswith("$") and key not in SCHEMA_WORDS:
                raise _Mistake(f"unknown directive `{key}`{nearest(key, DIRECTIVES)}")
        return mapping


_FORMS = {
    "$use": "it is `{$use: NAME}`, `{$use: NAME#PATH}` or `{$use: NAME, KEY: VALUE}`",
    "$splice": "it is `{$splice: NAME}`, in a list",
    "$repeat": "it is `{$repeat: TEXT, times: N}`, or `{$repeat: [ITEM, ...], times: N}` in a list",
    "$join": "it is `{$join: [TEXT, ...]}`",
}


def _rounds(items: list[Any], times: int) -> list[Any]:
    """The items round after round, each round with its number in the place of `{number}`."""
    if len(items) * times > MOST_ITEMS:
        raise _Mistake(f"this list would have {len(items) * times:,} items; the limit is {MOST_ITEMS:,}")
    _bounded(sum(map(_weight, items)) * times)
    return [_numbered(item, str(number)) for number in range(1, times + 1) for item in items]


def _weight(value: Any) -> int:
    """The characters of all texts inside a value, each value counted as one more."""
    if isinstance(value, str):
        return 1 + len(value)
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_weight, inside))


def _numbered(value: Any, number: str) -> Any:
    if isinstance(value, str):
        return value.replace("{number}", number)
    if isinstance(value, dict):
        return {key: _numbered(inner, number) for key, inner in value.items()}
    return [_numbered(inner, number) for inner in value] if isinstance(value, list) else value


def _overlaid(name: str, under: Any, over: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(under, dict):
        raise _Mistake(f"the fixture {name} is no mapping, so no keys can be put over it")
    return under | over


def _keys_near(path: str, whole: Any) -> str:
    return nearest(path.split(".")[0], whole) if isinstance(whole, dict) else ""


class _Mistake(Exception):
    """A directive that cannot be carried out."""


def _bounded(length: int) -> bool:
    if length > LONGEST:
        raise _Mistake(f"this text would have {length:,} characters; the limit is {LONGEST:,}")
    return True

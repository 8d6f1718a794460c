"""Reads YAML as JSON with line numbers: one composed tree gives the values, and the places for error messages.

Scalars mean what they mean in JSON, so `2023-06-01`, `no` and `on` are strings. Tags, merge keys and duplicate keys are
errors. An alias stands for the very value of its anchor, and a file has a limit that counts every use of it.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from conformance.catalog.problem import CatalogError, Problem, shown
from conformance.files import LARGEST_TEXT, read_within

try:
    from yaml import CSafeLoader as _Loader
except ImportError:  # PyYAML built without libyaml: the same tree, more slowly
    from yaml import SafeLoader as _Loader  # type: ignore[assignment]

_PLAIN, _QUOTED, _COLLECTION = "plain", "quoted", "collection"
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
LONGEST_NUMBER = 400
"""Digits of a number; a test of huge ones writes them as text."""
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")

LARGEST = 200_000
"""Values that one file may hold, aliases counted as if they were written out."""

Directive = Callable[["dict[str, Any]", MappingNode], Any]


class _JsonComposer(_Loader):
    """Tags a scalar only by whether it was quoted: what it means is decided here, not by YAML's spellings of true."""

    def resolve(self, _kind: type[Node], value: str | None, implicit: Any) -> str:
        if value is None:
            return _COLLECTION
        return _PLAIN if implicit[0] else _QUOTED

    def descend_resolver(self, *_: Any) -> None: ...
    def ascend_resolver(self) -> None: ...


class Document:
    """One file: its value as JSON would have it, and the line of everything in it."""

    def __init__(self, file: Path, directive: Directive | None = None) -> None:
        self.file = file
        self._directive = directive
        self._known: dict[int, tuple[Any, int]] = {}
        self._size = 0
        self._root = self._compose()
        self.value = None if self._root is None else self._value_of(self._root)

    def problem(self, path: tuple[str | int, ...], says: str) -> Problem:
        """A defect at a path of keys and positions, with its line."""
        return Problem(shown(self.file), self.line(path), dotted(path), says)

    def line(self, path: tuple[str | int, ...]) -> int:
        """The line of the deepest part of a path that the file spells out, counted from 1."""
        node, line = self._root, 1
        for step in path:
            line, node = _child(node, step, line)
        return line

    def _compose(self) -> Node | None:
        try:
            text = read_within(self.file, LARGEST_TEXT).decode()
        except (OSError, UnicodeDecodeError) as error:
            says = error.strerror if isinstance(error, OSError) else "this is not UTF-8 text"
            raise CatalogError([Problem(shown(self.file), 0, "", str(says))]) from error
        try:
            root: Node | None = _JsonComposer(text).get_single_node()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise CatalogError([Problem(shown(self.file), line, "", f"not YAML: {error.problem}")]) from error
        except yaml.YAMLError as error:
            raise CatalogError([Problem(shown(self.file), 1, "", f"not YAML: {error}")]) from error
        return root

    def _value_of(self, node: Node) -> Any:
        self._size += 1
        if type(node) is ScalarNode:
            return self._scalar(node)
        if id(node) in self._known:
            return self._again(node)
        if node.tag != _COLLECTION:
            raise self.error(node, f"the tag {node.tag} is not part of the format")
        before = self._size
        self._known[id(node)] = (None, LARGEST)  # an alias within its own anchor is past every limit
        value = self._mapping(node) if isinstance(node, MappingNode) else self._list(node)
        self._known[id(node)] = (value, self._size - before)
        return value

    def _again(self, node: Node) -> Any:
        value, size = self._known[id(node)]
        self._size += size
        if self._size > LARGEST:
            raise self.error(node, f"with its aliases this file holds more than {LARGEST:,} values")
        return value

    def _scalar(self, node: Node) -> Any:
        text: str = node.value
        if node.tag == _QUOTED:
            return text
        if node.tag != _PLAIN:
            raise self.error(node, f"the tag {node.tag} is not part of the format")
        if text in _WORDS:
            return _WORDS[text]
        if text[0] in "-0123456789" and (number := _NUMBER.fullmatch(text)):
            if len(text) > LONGEST_NUMBER:
                raise self.error(node, f"this number has {len(text)} digits, more than {LONGEST_NUMBER}")
            return float(text) if number[1] or number[2] else int(text)
        return text

    def _list(self, node: Node) -> list[Any]:
        items: list[Any] = []
        for child in node.value:
            item = self._value_of(child)
            if type(item) is Spliced:
                items.extend(item.items)
            else:
                items.append(item)
        return items

    def _mapping(self, node: MappingNode) -> Any:
        mapping: dict[str, Any] = {}
        directive = False
        for key_node, value_node in node.value:
            key = key_node.value
            if type(key_node) is not ScalarNode:
                raise self.error(key_node, "a key must be plain text")
            if key in mapping:
                raise self.error(key_node, f"the key `{key}` stands here twice")
            mapping[key] = self._value_of(value_node)
            directive = directive or key[:1] == "$"
        if directive and self._directive:
            return self._directive(mapping, node)
        return mapping

    def error(self, node: Node, says: str) -> CatalogError:
        """A defect at a node of this document."""
        return CatalogError([Problem(shown(self.file), node.start_mark.line + 1, "", says)])


class Spliced:
    """A list whose items take the place of the one that stood for them."""

    def __init__(self, items: list[Any]) -> None:
        self.items = items


def dotted(path: tuple[str | int, ...]) -> str:
    """A path as people write it: `cases[2].effect[0].at`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def _child(node: Node | None, step: str | int, line: int) -> tuple[int, Node | None]:
    """The line and node below a node; the line so far where the file does not spell the step out."""
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        child = node.value[step]
        return child.start_mark.line + 1, child
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    return line, None

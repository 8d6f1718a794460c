"""The places of a JSON document, read off the types that describe it, and what stands at them in one document."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec.inspect as types
from msgspec import Struct

Kind = Literal["text", "number", "flag", "choice", "list", "object", "struct"]
Holder = Any
"""The object or list in which something stands."""
Path = tuple[str, ...]
"""Keys; `*` is every element of a list, `*TAG` every element whose `role` or `type` is TAG."""

TAGS = ("role", "type")
DEEPEST = 9
"""Steps of a path: types that hold themselves end here."""


class Place(Struct, frozen=True, kw_only=True):
    """One place that the types allow."""

    path: Path
    kind: Kind
    values: tuple[Any, ...] = ()
    """Of a choice, what it may be; of an element with a tag, the tags."""
    siblings: tuple[str, ...] = ()
    """Other keys beside it that hold the same kind of thing."""

    @property
    def name(self) -> str:
        return ".".join(self.path)


def places(kind: type) -> list[Place]:
    """Every place of a type, each once for each kind of thing that may stand there."""
    return list(dict.fromkeys(_within(types.type_info(kind), ())))


def _within(
    kind: types.Type, path: Path, siblings: tuple[str, ...] = (), tags: tuple[str, ...] = ()
) -> Iterator[Place]:
    if len(path) > DEEPEST:
        return
    match kind:
        case types.UnionType(types=members):
            tagged = tuple(str(member.tag) for member in members if isinstance(member, types.StructType) and member.tag)
            for member in members:
                at = path
                if isinstance(member, types.StructType) and member.tag and path[-1:] == ("*",):
                    at = (*path[:-1], f"*{member.tag}")
                yield from _within(member, at, siblings, tagged)
        case types.StructType(fields=fields):
            if path:
                yield Place(path=path, kind="struct", values=tags, siblings=siblings)
            kinds = {field.encode_name: _kinds(field.type) for field in fields}
            for field in fields:
                name = field.encode_name
                alike = tuple(other for other in kinds if other != name and kinds[other] & kinds[name])
                yield from _within(field.type, (*path, name), alike)
        case types.ListType(item_type=item):
            yield Place(path=path, kind="list", siblings=siblings)
            yield from _within(item, (*path, "*"))
        case types.LiteralType(values=values):
            yield Place(path=path, kind="choice", values=tuple(values), siblings=siblings)
        case _:
            for one in sorted(_kinds(kind)):
                yield Place(path=path, kind=one, siblings=siblings)


def _kinds(kind: types.Type) -> set[Kind]:
    """What may stand at a place, null aside."""
    match kind:
        case types.UnionType(types=members):
            return set().union(*(_kinds(member) for member in members))
        case types.StrType():
            return {"text"}
        case types.IntType() | types.FloatType():
            return {"number"}
        case types.BoolType():
            return {"flag"}
        case types.LiteralType():
            return {"choice"}
        case types.ListType():
            return {"list"}
        case types.StructType():
            return {"struct"}
        case types.DictType() | types.AnyType():
            return {"object"}
    return set()


def spots(document: Any, path: Path) -> list[tuple[Holder, Any]]:
    """Holder and key of everything that stands at a path of a document; what is null or not there is left out."""
    found: list[tuple[Holder, Any]] = [([document], 0)]
    for step in path:
        found = [spot for holder, key in found for spot in _step(holder[key], step)]
    return found


def _step(value: Any, step: str) -> Iterator[tuple[Holder, Any]]:
    if step.startswith("*"):
        for number, item in enumerate(value if isinstance(value, list) else ()):
            if step == "*" or (isinstance(item, dict) and step[1:] in [item.get(tag) for tag in TAGS]):
                yield value, number
    elif isinstance(value, dict) and value.get(step) is not None:
        yield value, step

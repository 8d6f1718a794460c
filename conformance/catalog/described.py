"""Descriptions of types: the docstring below each field, for the JSON Schemas of `cases/` and tables in the docs."""

import ast
import inspect
import json
import re
import textwrap
from functools import cache
from typing import Any, get_args

import msgspec
from msgspec import Struct
from msgspec import inspect as shapes

from conformance import words
from conformance.catalog import matchers
from conformance.catalog.case import CaseFile
from conformance.catalog.fixtures import DIRECTIVES
from conformance.catalog.profile import Profile
from conformance.catalog.surface import AreaFile


@cache
def field_texts(kind: type[Struct]) -> dict[str, str]:
    """Key of a struct, as files spell it, to the docstring below its field; fields without one are left out."""
    keys = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    texts: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        if ancestor is not Struct and ancestor is not object and issubclass(ancestor, Struct):
            texts |= _own_texts(ancestor)
    return {keys[name]: text for name, text in texts.items() if name in keys}


@cache
def field_types(kind: type[Struct]) -> dict[str, str]:
    """Key of a struct, as files spell it, to its type in the words of the documentation, in the order of the fields."""
    spelled: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        if ancestor is not Struct and ancestor is not object and issubclass(ancestor, Struct):
            spelled |= {
                field.target.id: _spelled(field.annotation)
                for field in _definition(ancestor).body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            }
    return {field.encode_name: spelled[field.name] for field in msgspec.structs.fields(kind)}


def _spelled(annotation: ast.expr) -> str:
    """An annotation as a reader of files would say it: the words of a closed vocabulary, null for None."""
    match annotation:
        case ast.BinOp(left=left, right=right):
            parts = [part for part in (_spelled(left), _spelled(right)) if part]
            return " or ".join(parts)
        case ast.Name(id="UnsetType"):
            return ""
        case ast.Name(id=name) | ast.Attribute(attr=name):
            alias = getattr(words, name, None)
            return ", ".join(f"`{word}`" for word in get_args(alias)) if alias is not None else _PLAIN.get(name, name)
        case ast.Constant(value=None):
            return "null"
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            legal = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return ", ".join(
                f"`{json.dumps(item.value).strip(chr(34))}`" for item in legal if isinstance(item, ast.Constant)
            )
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, value])):
            return f"mapping to {_spelled(value)}"
        case ast.Subscript(slice=ast.Tuple(elts=items)):
            return f"list of {', '.join(map(_spelled, items))}"
        case ast.Subscript(slice=inner):
            return f"list of {_spelled(inner)}"
    return ast.unparse(annotation)


_PLAIN = {
    "str": "text", "int": "integer", "float": "number", "bool": "true or false", "Any": "anything", "date": "date",
}  # fmt: skip


def _definition(kind: type[Struct]) -> ast.ClassDef:
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(definition, ast.ClassDef)
    return definition


def _own_texts(kind: type[Struct]) -> dict[str, str]:
    """Field name to docstring, of the fields that a class itself declares."""
    definition = _definition(kind)
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(definition.body, definition.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def structs_in(kind: type[Struct]) -> dict[str, type[Struct]]:
    """The struct types that a type holds, by name, itself first, then in the order in which it names them."""
    found: dict[str, type[Struct]] = {}
    _gather(shapes.type_info(kind), found)
    return found


def _gather(shape: shapes.Type, found: dict[str, type[Struct]]) -> None:
    match shape:
        case shapes.StructType(cls=kind, fields=fields):
            if kind.__name__ not in found:
                found[kind.__name__] = kind
                for field in fields:
                    _gather(field.type, found)
        case shapes.UnionType(types=types):
            for one in types:
                _gather(one, found)
        case shapes.ListType(item_type=item) | shapes.VarTupleType(item_type=item) | shapes.SetType(item_type=item):
            _gather(item, found)
        case shapes.DictType(value_type=value):
            _gather(value, found)


def schema_of(kind: type[Struct], title: str) -> dict[str, Any]:
    """The JSON Schema of a file that holds one value of a type, each key with its description."""
    (reference,), definitions = msgspec.json.schema_components([kind])
    for name, struct in structs_in(kind).items():
        definitions[name].pop("title", None)
        for key, text in field_texts(struct).items():
            definitions[name]["properties"][key]["description"] = text
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **reference,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text(schema: dict[str, Any]) -> str:
    """A schema as its file holds it."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


CASE_SCHEMA = "case.schema.json"
SURFACE_SCHEMA = "surface.schema.json"
PROFILE_SCHEMA = "profile.schema.json"


def case_schema() -> dict[str, Any]:
    """The schema of a file of cases."""
    schema = schema_of(CaseFile, "A file of conformance cases")
    definitions = schema["$defs"]
    for key, text in matcher_texts().items():
        definitions["Check"]["properties"][key]["description"] = f"Holds when the value {text}."
    raw = definitions["Ask"]["properties"]["raw"]
    definitions["Ask"]["properties"]["raw"] = {
        "description": raw["description"],
        "anyOf": [{"type": "string"}, {"$ref": "#/$defs/Directive"}],
    }
    definitions["Ask"]["properties"]["headers"]["additionalProperties"]["anyOf"].append({"$ref": "#/$defs/Directive"})
    definitions["Directive"] = {
        "description": "Stands for a fixture or a long text; may also stand anywhere within `body` and `headers`.",
        "type": "object",
        "anyOf": [{"required": [directive]} for directive in DIRECTIVES],
    }
    definitions["Check"]["oneOf"] = [{"required": [name.rstrip("_")]} for name in matchers.MATCHERS]
    definitions["Case"]["oneOf"] = [{"required": [key]} for key in ("ask", "steps", "journey", "within")]
    return schema


def surface_schema() -> dict[str, Any]:
    """The schema of a file of rows."""
    return schema_of(AreaFile, "The rows of one area of the surface")


def profile_schema() -> dict[str, Any]:
    """The schema of a profile."""
    return schema_of(Profile, "A profile: which questions are asked, and what their answers mean for one client")


def matcher_texts() -> dict[str, str]:
    """Matcher to what a value is that it holds for, from the table that documents them."""
    meanings: dict[str, str] = {}
    for line in (matchers.__doc__ or "").splitlines():
        if line.startswith("| `"):
            _, names, meaning, _ = line.split("|")
            meanings |= dict.fromkeys(re.findall(r"`(\w+)", names), meaning.strip())
    return meanings

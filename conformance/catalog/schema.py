"""The JSON Schema of a case file, generated from the types; `python -m conformance.catalog.schema` prints it."""

import ast
import inspect
import re
import sys
from typing import Any

import msgspec

from conformance.catalog import case, matchers
from conformance.catalog.case import CaseFile
from conformance.catalog.fixtures import DIRECTIVES

FILE = "case.schema.json"


def case_schema() -> dict[str, Any]:
    """The schema by which editors complete and check case files."""
    (reference,), definitions = msgspec.json.schema_components([CaseFile])
    told = _docstrings()
    for name, definition in definitions.items():
        definition.pop("title", None)
        for field, text in told.get(name, {}).items():
            if field in definition["properties"]:
                definition["properties"][field]["description"] = text
    for field, text in _matcher_table().items():
        definitions["Check"]["properties"][field]["description"] = text
    raw = definitions["Ask"]["properties"]["raw"]
    definitions["Ask"]["properties"]["raw"] = {
        "description": raw.get("description", ""),
        "anyOf": [{"type": "string"}, {"$ref": "#/$defs/Directive"}],
    }
    definitions["Directive"] = {
        "description": "Stands for a fixture or a long text; may also stand anywhere within `body`.",
        "type": "object",
        "anyOf": [{"required": [directive]} for directive in DIRECTIVES],
    }
    definitions["Check"]["oneOf"] = [{"required": [name.rstrip("_")]} for name in matchers.MATCHERS]
    definitions["Case"]["oneOf"] = [{"required": ["ask"]}, {"required": ["steps"]}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A file of conformance cases",
        **reference,
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """The schema as the file holds it."""
    return msgspec.json.format(msgspec.json.encode(case_schema()), indent=2).decode() + "\n"


def _docstrings() -> dict[str, dict[str, str]]:
    """Class name to field name to the docstring below the field."""
    told: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(case)).body:
        if isinstance(node, ast.ClassDef):
            told[node.name] = {
                _key(field.target.id): text.value.value
                for field, text in zip(node.body, node.body[1:], strict=False)
                if isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            }
    return told


def _matcher_table() -> dict[str, str]:
    """Matcher to its meaning, from the table that documents them."""
    meanings: dict[str, str] = {}
    for line in (matchers.__doc__ or "").splitlines():
        if not line.startswith("| `"):
            continue
        _, names, meaning, _ = line.split("|")
        for name in re.findall(r"`(\w+)", names):
            meanings[name] = f"Holds when the value {meaning.strip()}."
    return meanings


def _key(name: str) -> str:
    return name.rstrip("_")


if __name__ == "__main__":
    sys.stdout.write(schema_text())

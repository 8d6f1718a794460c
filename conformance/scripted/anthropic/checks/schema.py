"""Checks of JSON Schemas: any valid one for a tool's input, a subset where the output is guaranteed.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs (JSON Schema limitations)
"""

from collections.abc import Iterator
from typing import Any

from conformance.scripted.anthropic.errors import invalid

_UNSUPPORTED = frozenset(
    ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "maxItems",
     "uniqueItems", "contains", "prefixItems", "patternProperties", "propertyNames", "minProperties", "maxProperties",
     "oneOf", "not", "if", "then", "else", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems"]
)  # fmt: skip
_FORMATS = frozenset(["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"])
_MAPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "allOf")


def check_schema(schema: dict[str, Any], at: str) -> None:
    """Refuse what is not a JSON Schema of draft 2020-12."""
    import jsonschema_rs

    try:
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    except (jsonschema_rs.ValidationError, ValueError) as error:
        raise invalid(at, f"JSON schema is invalid under draft 2020-12: {str(error).splitlines()[0]}") from error


def check_supported(schema: dict[str, Any], at: str) -> None:
    """Refuse what cannot be guaranteed: open objects, numeric and length bounds, recursion."""
    for place, part in _parts(schema, at):
        for keyword in part:
            if keyword in _UNSUPPORTED:
                raise invalid(f"{place}.{keyword}", "this keyword is not supported")
        if _is_object(part) and part.get("additionalProperties") is not False:
            raise invalid(f"{place}.additionalProperties", "must be explicitly set to false on every object")
        if part.get("minItems", 0) not in (0, 1):
            raise invalid(f"{place}.minItems", "only 0 and 1 are supported")
        if "format" in part and part["format"] not in _FORMATS:
            raise invalid(f"{place}.format", f"must be one of {', '.join(sorted(_FORMATS))}")
    _check_recursion(schema, schema, at, ())


def _is_object(part: dict[str, Any]) -> bool:
    kind = part.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in part


def _children(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for key in _MAPS:
        for name, child in (schema.get(key) or {}).items():
            yield f"{key}.{name}", child
    for key in _LISTS:
        for index, child in enumerate(schema.get(key) or []):
            yield f"{key}.{index}", child
    if isinstance(schema.get("items"), dict):
        yield "items", schema["items"]


def _parts(schema: Any, at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(schema, dict):
        return
    yield at, schema
    for name, child in _children(schema):
        yield from _parts(child, f"{at}.{name}")


def _check_recursion(root: dict[str, Any], schema: Any, at: str, followed: tuple[str, ...]) -> None:
    if not isinstance(schema, dict):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if reference in followed or reference == "#":
            raise invalid(f"{at}.$ref", "recursive schemas are not supported")
        _check_recursion(root, _resolved(root, reference, at), at, (*followed, reference))
    for name, child in _children(schema):
        if not name.startswith(("$defs.", "definitions.")):
            _check_recursion(root, child, f"{at}.{name}", followed)


def _resolved(root: dict[str, Any], reference: str, at: str) -> Any:
    found: Any = root
    for step in reference.removeprefix("#/").split("/"):
        if not reference.startswith("#/") or not isinstance(found, dict) or step not in found:
            raise invalid(f"{at}.$ref", f"{reference} does not point to a schema in this document")
        found = found[step]
    return found

"""Checks of `tools`, `tool_choice` and JSON Schemas: any as a tool's input, a subset for guaranteed output.

Sources: https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview,
https://platform.claude.com/docs/en/build-with-claude/structured-outputs (JSON Schema limitations)
"""

from collections.abc import Iterator
from typing import Any

from conformance.scripted.anthropic.errors import invalid
from conformance.scripted.anthropic.fields import AnyTool, CustomTool, OneTool, Tool
from conformance.scripted.anthropic.request import Prompt

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


def check_tools(request: Prompt, tools: tuple[Tool, ...]) -> None:
    seen: set[str] = set()
    for index, tool in enumerate(tools):
        name = tool_name(tool)
        if name in seen:
            raise invalid(f"tools.{index}.name", f"tool names must be unique; {name} was used before")
        seen.add(name)
        if isinstance(tool, CustomTool):
            _check_custom(tool, f"tools.{index}")
    if tools and all(getattr(tool, "defer_loading", False) for tool in tools):
        raise invalid("tools", "at least one tool must have defer_loading false")
    _check_choice(request, seen)


def tool_name(tool: Tool) -> str:
    """The name of a tool; a toolset, which has none, goes by its type."""
    return str(getattr(tool, "name", tool.type))


def _check_custom(tool: CustomTool, at: str) -> None:
    if tool.input_schema.get("type") != "object":
        raise invalid(f"{at}.input_schema.type", "must be 'object'")
    check_schema(tool.input_schema, f"{at}.input_schema")
    if tool.strict:
        check_supported(tool.input_schema, f"{at}.input_schema")


def _check_choice(request: Prompt, names: set[str]) -> None:
    choice = request.tool_choice
    if not isinstance(choice, AnyTool | OneTool):
        return
    if not names:
        raise invalid("tool_choice", "a tool can only be forced when tools are given")
    if isinstance(choice, OneTool) and choice.name not in names:
        raise invalid("tool_choice.name", f"no tool is named {choice.name}")
    if request.thinks:
        raise invalid("tool_choice", "a tool cannot be forced while thinking is on")

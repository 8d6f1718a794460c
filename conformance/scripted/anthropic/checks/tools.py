"""Checks of `tools` and `tool_choice`.

Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview
"""

from conformance.scripted.anthropic.checks.schema import check_schema, check_supported
from conformance.scripted.anthropic.errors import invalid
from conformance.scripted.anthropic.fields import AnyTool, CustomTool, OneTool, Tool
from conformance.scripted.anthropic.request import Prompt


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

"""Which tools are called, and with what: tool_choice and a strict schema win over the instruction."""

from conformance.scripted.conversation import Conversation, Invocation, Tool
from conformance.scripted.instructions import CallTools, Instruction


def calls_to_make(instruction: Instruction | None, conversation: Conversation) -> list[Invocation]:
    """The asked calls that are allowed, or the one that is forced; never a server tool or an undeclared one."""
    tools = {tool.name: tool for tool in reversed(conversation.tools) if tool.callable}
    asked = [call for call in instruction.calls if call.name in tools] if isinstance(instruction, CallTools) else []
    match conversation.choice:
        case "none":
            calls = []
        case "tool":
            calls = [call for call in asked if call.name == conversation.chosen] or _forced(
                tools.get(conversation.chosen)
            )
        case "any":
            calls = asked or _forced(next((tool for tool in conversation.tools if tool.callable), None))
        case _:
            calls = asked
    calls = [_held_to_schema(call, tools[call.name]) for call in calls]
    return calls if conversation.parallel else calls[:1]


def _held_to_schema(call: Invocation, tool: Tool) -> Invocation:
    """The call as asked, or the smallest valid one where the tool is strict and cannot take that."""
    if not tool.strict:
        return call
    from conformance.scripted.smallest import is_valid

    return call if is_valid(call.input, tool.schema) else _forced(tool)[0]


def _forced(tool: Tool | None) -> list[Invocation]:
    if tool is None:
        return []
    from conformance.scripted.smallest import smallest_object  # late: jsonschema-rs is not owed by every answer

    return [Invocation(name=tool.name, input=smallest_object(tool.schema))]

"""Which tools are called: tool_choice wins over the instruction."""

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
    return calls if conversation.parallel else calls[:1]


def _forced(tool: Tool | None) -> list[Invocation]:
    if tool is None:
        return []
    from conformance.scripted.smallest import smallest_object  # late: jsonschema-rs is not owed by every answer

    return [Invocation(name=tool.name, input=smallest_object(tool.schema))]

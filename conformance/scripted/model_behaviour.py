"""How a scripted model may deviate from the instruction: in its text, and in its tool calls where none is forced."""

from collections.abc import Callable

from msgspec import Struct

from conformance.scripted.conversation import Conversation, Invocation

Calls = list[Invocation]


class ModelBehaviour(Struct, frozen=True):
    """Two functions over the obedient answer; by default they change nothing."""

    says: Callable[[str, Conversation], str] = lambda text, _: text
    """The text in place of the obedient one."""
    calls: Callable[[Calls, Conversation], Calls] = lambda calls, _: calls
    """The tool calls in place of those that were asked for; used where tool_choice is auto only."""


OBEDIENT = ModelBehaviour()

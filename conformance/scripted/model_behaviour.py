"""How a scripted model may deviate from the instruction: in its text, and in its tool calls where none is forced."""

from collections.abc import Callable

from msgspec import Struct

from conformance.scripted.conversation import Conversation, Invocation, Thought

Calls = list[Invocation]


class ModelBehaviour(Struct, frozen=True):
    """Functions over the obedient answer; by default they change nothing."""

    says: Callable[[str, Conversation], str] = lambda text, _: text
    """The text in place of the obedient one."""
    thinks: Callable[[Thought, Calls], Thought | None] = lambda thought, _: thought
    """The thought before a text or before these calls; None leaves it out."""
    calls: Callable[[Calls, Conversation], Calls] = lambda calls, _: calls
    """The tool calls in place of those that were asked for; used where tool_choice is auto only."""


OBEDIENT = ModelBehaviour()

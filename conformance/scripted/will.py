"""What a model is free to do with what it was asked: its words, and its calls where none is forced."""

from collections.abc import Callable

from msgspec import Struct

from conformance.scripted.conversation import Conversation, Invocation

Calls = list[Invocation]


class Will(Struct, frozen=True):
    """How a model departs from the obedient answer; by default it does not."""

    says: Callable[[str, Conversation], str] = lambda text, _: text
    calls: Callable[[Calls, Conversation], Calls] = lambda calls, _: calls
    """Of the calls that were asked for; only where tool_choice is auto."""


OBEDIENT = Will()

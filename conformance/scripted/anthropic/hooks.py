"""The points at which a fault or a legal variant changes what the reference endpoint does, from request to socket.

Each hook is given the correct value of its stage and returns another; it knows nothing of how the value was made.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from conformance.scripted.anthropic.answer import Answer, Frame
from conformance.scripted.anthropic.call import Call
from conformance.scripted.anthropic.errors import Refusal
from conformance.scripted.anthropic.stream import Event

if TYPE_CHECKING:
    from conformance.scripted.gateway.passage import Asking, Heard
    from conformance.scripted.protocol import Brain

Message = dict[str, Any]


class Hooks(Struct, frozen=True, kw_only=True):
    """One function per stage, in the order in which a request and its answer pass them; None changes nothing."""

    request: Callable[[Call], Call] | None = None
    """The request, before anything looks at it; may raise a `Refusal`."""
    lets_in: Callable[[Call], bool] | None = None
    """Whether a request is carried out whatever key it has."""
    brain: "Callable[[Brain], Brain] | None" = None
    """Who answers."""
    asking: "Callable[[Asking, Call], Asking] | None" = None
    """The request to the upstream, where there is one; may raise a `Refusal`."""
    lines: Callable[[list[str]], list[str]] | None = None
    """The lines that the upstream sent, all of them, before they are read; may raise a `Refusal`."""
    heard: "Callable[[Heard, Call], Heard] | None" = None
    """What the upstream answered."""
    refusal: Callable[[Refusal, Call], "Refusal | Answer"] | None = None
    message: Callable[[Message, Call], Message] | None = None
    """A 200 answer to POST /v1/messages, before it is written as JSON or as a stream."""
    document: Callable[[Any, Call], Any] | None = None
    """Any other JSON document of a 200 answer."""
    events: Callable[[list[Event], Call], list[Event]] | None = None
    frames: Callable[[list[Frame], Call], list[Frame]] | None = None
    answer: Callable[[Answer, Call], Answer] | None = None
    """The answer before it is sent, whatever it is."""
    departed: Callable[[Call], None] | None = None
    """The client went away before its answer was complete."""
    asks_on: bool = False
    """The upstream is not hung up on when the client goes away."""

    @property
    def needs_upstream(self) -> bool:
        """Whether there is nothing to bend without one."""
        return self.asks_on or any((self.asking, self.lines, self.heard))

    @property
    def needs_whole_answer(self) -> bool:
        """Whether an answer must be complete before its first byte can be sent."""
        return self.asks_on or any((self.lines, self.heard, self.message, self.events, self.frames, self.answer))


CORRECT = Hooks()

"""A weak model: the brain's test double that ignores every N-th prompt.

It proves that a model which does not do its part never earns the server a verdict. What the protocol owes stays right:
forced tools, the schema, stop sequences and limits.
"""

from itertools import count

from conformance.scripted.brain import answer_to
from conformance.scripted.conversation import Conversation, Reply
from conformance.scripted.face import Brain
from conformance.scripted.instructions import Say, last_instruction

_DIGRESSION = Say("I would rather tell you that the weather has been lovely this week.")


def disobedient(every: int) -> Brain:
    """A brain that digresses on its `every`-th prompt, and on each `every`-th after that."""
    prompts = count(1)

    def answer(conversation: Conversation) -> Reply:
        instruction = _DIGRESSION if next(prompts) % every == 0 else last_instruction(conversation)
        return answer_to(instruction, conversation)

    return answer

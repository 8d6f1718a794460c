"""A scripted model that ignores every N-th prompt.

A test double: with an unreliable model a question must end as `inconclusive`, never as a red verdict. Forced tools,
the schema, stop sequences and limits still hold.
"""

from itertools import count

from conformance.scripted.brain import answer_to
from conformance.scripted.conversation import Conversation, Reply
from conformance.scripted.instructions import Say, last_instruction
from conformance.scripted.protocol import Brain

_UNRELATED = Say("I would rather tell you that the weather has been lovely this week.")


def disobedient(every: int) -> Brain:
    """A brain that answers prompt number `every`, 2 x `every`, ... with an unrelated sentence."""
    prompts = count(1)

    def answer(conversation: Conversation) -> Reply:
        instruction = _UNRELATED if next(prompts) % every == 0 else last_instruction(conversation)
        return answer_to(instruction, conversation)

    return answer

"""Odd models: what small language models do instead of what they were asked.

What the protocol owes stays right (forced calls, the schema, stop sequences, limits), so that nothing they do may be
held against the server. Each stands behind the path prefix `/model/ID/` of the reference endpoint.
"""

import re
from functools import partial

from msgspec import Struct

from conformance.scripted.anthropic.manner import Manner
from conformance.scripted.brain import answer_to
from conformance.scripted.conversation import Conversation, Invocation, Reply, Text
from conformance.scripted.face import Brain
from conformance.scripted.instructions import (
    JudgeResult,
    RepeatResult,
    TellSecret,
    last_instruction,
    latest_user_parts,
)
from conformance.scripted.will import Calls, Will


class Oddity(Struct, frozen=True):
    """One way of being odd."""

    id: str
    says: str
    will: Will


def _prompt(conversation: Conversation) -> str:
    return "\n".join(part.text for part in latest_user_parts(conversation) if isinstance(part, Text))


def _guesses(text: str, conversation: Conversation) -> str:
    """Never looks at what it is asked about, and is sure all the same."""
    match last_instruction(conversation):
        case JudgeResult() | RepeatResult():
            return "error"
        case TellSecret():
            return "swordfish"
    return text


def _plain(text: str, _: Conversation) -> str:
    return text.encode("ascii", "ignore").decode()


def _swapped(text: str, _: Conversation) -> str:
    """Two letters in the middle of each longer word change places."""
    return re.sub(r"(?<=\w{3})(\w)(\w)(?=\w{3})", r"\2\1", text, count=1)


def _unasked(calls: Calls, conversation: Conversation) -> Calls:
    from conformance.scripted.smallest import smallest_object  # late: jsonschema-rs is not owed by every start

    tool = next((tool for tool in conversation.tools if tool.callable), None)
    return calls or ([Invocation(tool.name, smallest_object(tool.schema))] if tool else [])


_ODD: tuple[Oddity, ...] = (
    Oddity("preamble", "begins with a polite sentence", Will(says=lambda text, _: f"Sure! Here it is:\n\n{text}")),
    Oddity("postamble", "ends with an offer", Will(says=lambda text, _: f"{text}\n\nShall I go on?")),
    Oddity("quotes", "puts everything into quotation marks", Will(says=lambda text, _: f'"{text}"')),
    Oddity("fences", "puts everything into a code fence", Will(says=lambda text, _: f"```\n{text}\n```")),
    Oddity("full-stop", "ends every answer with a full stop", Will(says=lambda text, _: f"{text}.")),
    Oddity("capitals", "writes in capitals", Will(says=lambda text, _: text.upper())),
    Oddity("plain-letters", "writes no letter outside ASCII", Will(says=_plain)),
    Oddity("misspells", "misspells a word", Will(says=_swapped)),
    Oddity("first-word", "says the first word only", Will(says=lambda text, _: " ".join(text.split()[:1]))),
    Oddity("silent", "says nothing", Will(says=lambda _, __: "")),
    Oddity("echo", "repeats what it was asked", Will(says=lambda _, conversation: _prompt(conversation))),
    Oddity("declines", "declines everything", Will(says=lambda _, __: "I am sorry, but I cannot help with that.")),
    Oddity("guesses", "guesses secrets and results", Will(says=_guesses)),
    Oddity("calls-unasked", "calls a tool whenever it has one", Will(calls=_unasked)),
    Oddity("calls-twice", "makes each call twice", Will(calls=lambda calls, _: [*calls, *calls])),
    Oddity("calls-one", "makes one call where two were asked for", Will(calls=lambda calls, _: calls[:1])),
    Oddity("never-calls", "calls no tool unless it must", Will(calls=lambda _, __: [])),
)  # fmt: skip

ODDITIES = {oddity.id: oddity for oddity in _ODD}


def _answer(will: Will, conversation: Conversation) -> Reply:
    return answer_to(last_instruction(conversation), conversation, will)


def _instead(will: Will, _: Brain) -> Brain:
    return partial(_answer, will)


def odd_model(name: str) -> Manner | None:
    """The manner that lets an odd model answer; None for an unknown id."""
    oddity = ODDITIES.get(name)
    return Manner(brain=partial(_instead, oddity.will)) if oddity else None

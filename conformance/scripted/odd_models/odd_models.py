"""Scripted models with the habits of small language models, each of which ignores instructions in one way.

Forced calls, the schema, stop sequences and limits still hold: those are the server's part. So no answer of an odd
model may lead to a red row. Each is asked under the path prefix `/model/ID/` of the reference endpoint.
"""

import re
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.brain import answer_to
from conformance.scripted.conversation import Conversation, Invocation, Reply, Text
from conformance.scripted.instructions import (
    JudgeResult,
    RepeatResult,
    TellSecret,
    last_instruction,
    latest_user_parts,
)
from conformance.scripted.model_behaviour import Calls, ModelBehaviour
from conformance.scripted.protocol import Brain


class OddModel(Struct, frozen=True):
    """A scripted model with one habit; `says` describes it in a few words."""

    id: str
    says: str
    behaviour: ModelBehaviour


def _prompt(conversation: Conversation) -> str:
    return "\n".join(part.text for part in latest_user_parts(conversation) if isinstance(part, Text))


def _guesses(text: str, conversation: Conversation) -> str:
    """Answers questions about results and secrets without reading them."""
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


def _says(name: str, says: str, change: Callable[[str, Conversation], str]) -> OddModel:
    return OddModel(name, says, ModelBehaviour(says=change))


def _calls(name: str, says: str, change: Callable[[Calls, Conversation], Calls]) -> OddModel:
    return OddModel(name, says, ModelBehaviour(calls=change))


_ALL: tuple[OddModel, ...] = (
    _says("preamble", "begins with a polite sentence", lambda text, _: f"Sure! Here it is:\n\n{text}"),
    _says("postamble", "ends with an offer", lambda text, _: f"{text}\n\nShall I go on?"),
    _says("quotes", "puts everything into quotation marks", lambda text, _: f'"{text}"'),
    _says("fences", "puts everything into a code fence", lambda text, _: f"```\n{text}\n```"),
    _says("full-stop", "ends every answer with a full stop", lambda text, _: f"{text}."),
    _says("capitals", "writes in capitals", lambda text, _: text.upper()),
    _says("plain-letters", "writes no letter outside ASCII", _plain),
    _says("misspells", "misspells a word", _swapped),
    _says("first-word", "says the first word only", lambda text, _: " ".join(text.split()[:1])),
    _says("silent", "says nothing", lambda _, __: ""),
    _says("echo", "repeats what it was asked", lambda _, conversation: _prompt(conversation)),
    _says("declines", "declines everything", lambda _, __: "I am sorry, but I cannot help with that."),
    _says("guesses", "guesses secrets and results", _guesses),
    _calls("calls-unasked", "calls a tool whenever it has one", _unasked),
    _calls("calls-twice", "makes each call twice", lambda calls, _: [*calls, *calls]),
    _calls("calls-one", "makes one call where two were asked for", lambda calls, _: calls[:1]),
    _calls("never-calls", "calls no tool unless it must", lambda _, __: []),
)  # fmt: skip

ODD_MODELS = {model.id: model for model in _ALL}


def _answer(behaviour: ModelBehaviour, conversation: Conversation) -> Reply:
    return answer_to(last_instruction(conversation), conversation, behaviour)


def _instead(behaviour: ModelBehaviour, _: Brain) -> Brain:
    return partial(_answer, behaviour)


def odd_model(name: str) -> Hooks | None:
    """The hooks that let an odd model answer in place of the obedient one; None for an unknown id."""
    model = ODD_MODELS.get(name)
    return Hooks(brain=partial(_instead, model.behaviour)) if model else None

"""Scripted models that do not do as they are asked, to show that no server is blamed for it.

An odd model has one habit of small language models and is asked under the path prefix `/model/ID/` of the reference
endpoint; `disobedient` makes a model that ignores every N-th prompt. Forced calls, the schema, stop sequences and
limits still hold: those are the server's part. So no answer of theirs may lead to a red row.
"""

import re
from collections.abc import Callable
from functools import partial
from itertools import count

from msgspec import Struct
from msgspec.structs import replace

from conformance.scripted.anthropic.hooks import Hooks
from conformance.scripted.brain import Calls, ModelBehaviour, answer_to, calls_to_make
from conformance.scripted.conversation import Conversation, Invocation, Reply, Text
from conformance.scripted.encodings import compact
from conformance.scripted.instructions import (
    JudgeResult,
    RepeatResult,
    Say,
    TellSecret,
    last_instruction,
    latest_user_parts,
)
from conformance.scripted.protocol import Brain
from conformance.scripted.secrets import secret_words


class OddModel(Struct, frozen=True):
    """A scripted model with one habit; `says` describes it in a few words."""

    id: str
    says: str
    behaviour: ModelBehaviour
    lacks: tuple[str, ...] = ("verbatim",)
    """The capabilities that it does not have, so that nobody who runs it would declare them."""


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


def _first_secret(text: str, conversation: Conversation) -> str:
    """Of several secret words the first: which of two counts is the model's affair."""
    if isinstance(last_instruction(conversation), TellSecret):
        return next(iter(secret_words(conversation)), text)
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


_LONG_WORD = re.compile(r"(?<![a-z0-9])(?=[a-z0-9]*[0-9])[a-z][a-z0-9]{7,}(?![a-z0-9])")


def _miscopied(text: str, _: Conversation) -> str:
    """Long words of letters and digits, such as a nonce, lose one character and gain another."""
    return _LONG_WORD.sub(lambda match: f"{match[0][:5]}{match[0][6:]}e", text)


def _broken(text: str, _: Conversation) -> str:
    """Every third character outside ASCII is broken, as a byte-level model breaks it: in JSON and stream alike."""
    number = count(1)
    return "".join("\ufffd" if ord(letter) > 127 and next(number) % 3 == 2 else letter for letter in text)


def _repeated(text: str, _: Conversation) -> str:
    return " ".join([text] * max(2, 400 // max(1, len(text.split()))))


def _asked_calls(conversation: Conversation) -> Calls:
    return calls_to_make(last_instruction(conversation), conversation) if conversation.choice == "auto" else []


def _printed(text: str, conversation: Conversation) -> str:
    """The calls as text, in the markup that a server without a parser for it passes on."""
    printed = [{"name": call.name, "arguments": call.input} for call in _asked_calls(conversation)]
    return "\n".join(f"<tool_call>\n{compact(call)}\n</tool_call>" for call in printed) or text


def _prefixed(calls: Calls, _: Conversation) -> Calls:
    return [replace(call, name=f"functions.{call.name}") for call in calls]


def _small(call: Invocation) -> Invocation:
    return replace(call, name=call.name.lower())


def _as_text(calls: Calls, _: Conversation) -> Calls:
    return [replace(call, input={key: str(value) for key, value in call.input.items()}) for call in calls]


def _with_explanation(calls: Calls, _: Conversation) -> Calls:
    return [replace(call, input={**call.input, "explanation": "because it was asked for"}) for call in calls]


def _says(name: str, says: str, change: Callable[[str, Conversation], str]) -> OddModel:
    return OddModel(name, says, ModelBehaviour(says=change))


def _calls(name: str, says: str, change: Callable[[Calls, Conversation], Calls]) -> OddModel:
    return OddModel(name, says, ModelBehaviour(calls=change))


_ALL: tuple[OddModel, ...] = (
    _says("copies-badly", "copies long words of letters and digits with a mistake", _miscopied),
    _says("breaks-characters", "breaks a character outside ASCII now and then", _broken),
    _says("pads", "begins and ends with empty lines", lambda text, _: f"\n\n{text}\n\n"),
    _says("reasons-aloud", "prints its reasoning as text", lambda text, _: f"<think>\nHm.\n</think>\n\n{text}"),
    _says("repeats", "says everything again and again until it is cut", _repeated),
    OddModel(
        "calls-without-thinking",
        "does not think before a call",
        ModelBehaviour(thinks=lambda thought, calls: None if calls else thought),
    ),
    OddModel(
        "never-thinks", "does not think", ModelBehaviour(thinks=lambda _, __: None), lacks=("thinking", "verbatim")
    ),
    OddModel("mute", "says nothing and calls nothing", ModelBehaviour(says=lambda _, __: "", calls=lambda _, __: [])),
    OddModel("prints-calls", "prints its calls as text", ModelBehaviour(says=_printed, calls=lambda _, __: [])),
    _calls("prefixed-names", "calls tools by a prefixed name", _prefixed),
    _calls("inputs-as-text", "gives every value of an input as text", _as_text),
    _calls("explains-calls", "adds a key to every input", _with_explanation),
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
    _says("first-secret", "tells the first of several secret words", _first_secret),
    _calls("calls-unasked", "calls a tool whenever it has one", _unasked),
    _calls("calls-twice", "makes each call twice", lambda calls, _: [*calls, *calls]),
    _calls("calls-one", "makes one call where two were asked for", lambda calls, _: calls[:1]),
    _says("lower-case", "writes in small letters", lambda text, _: text.lower()),
    _says("bold", "writes everything in bold", lambda text, _: f"**{text}**"),
    _says("bullets", "answers with a list of one", lambda text, _: f"- {text}"),
    _says("json-answers", "wraps everything in JSON", lambda text, _: compact({"answer": text})),
    _says("one-word-a-line", "begins a line with every word", lambda text, _: "\n".join(text.split(" "))),
    _says("wide", "puts two blanks between words", lambda text, _: text.replace(" ", "  ")),
    _says("smiles", "ends with a smile", lambda text, _: f"{text} \U0001f642"),
    _says("thinks-and-stops", "says nothing after a thought", lambda text, asked: "" if asked.thinking else text),
    _calls("empty-inputs", "leaves every input empty", lambda calls, _: [replace(one, input={}) for one in calls]),
    _calls("small-names", "calls tools in small letters", lambda calls, _: [_small(one) for one in calls]),
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


_UNRELATED = Say("I would rather tell you that the weather has been lovely this week.")


def disobedient(every: int) -> Brain:
    """A brain that answers prompt number `every`, 2 x `every`, ... with an unrelated sentence."""
    prompts = count(1)

    def answer(conversation: Conversation) -> Reply:
        instruction = _UNRELATED if next(prompts) % every == 0 else last_instruction(conversation)
        return answer_to(instruction, conversation)

    return answer

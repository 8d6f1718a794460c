"""The scripted model: obeys the probe language, exactly and always in the same way."""

from collections.abc import Callable, Sequence
from itertools import cycle, islice

import msgspec
from msgspec import Struct

from conformance.scripted.conversation import (
    Conversation,
    Failure,
    Invocation,
    Reply,
    Result,
    Speech,
    Text,
    Thought,
    Tool,
)
from conformance.scripted.encodings import compact, value_at
from conformance.scripted.instructions import (
    CallTools,
    Count,
    FillSchema,
    GiveBack,
    Instruction,
    JudgeResult,
    NameColours,
    RepeatResult,
    Say,
    TellEnding,
    TellSecret,
    Think,
    ThinkAloud,
    last_instruction,
    latest_user_parts,
)
from conformance.scripted.limits import cut
from conformance.scripted.secrets import UNKNOWN, colour_names, images, last_result, secret_word, text_of
from conformance.scripted.tokens import counts_input

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
    calls = [_held_to_schema(call, tools[call.name]) for call in calls]
    return calls if conversation.parallel else calls[:1]


def _held_to_schema(call: Invocation, tool: Tool) -> Invocation:
    """The call as asked, or the smallest valid one where the tool is strict and cannot take that."""
    if not tool.strict:
        return call
    from conformance.scripted.smallest import is_valid

    return call if is_valid(call.input, tool.schema) else _forced(tool)[0]


def _forced(tool: Tool | None) -> list[Invocation]:
    if tool is None:
        return []
    from conformance.scripted.smallest import smallest_object  # late: jsonschema-rs is not owed by every answer

    return [Invocation(name=tool.name, input=smallest_object(tool.schema))]


SPLIT_TEXT = "Grüße, 世界! 👋🏽 Ça va?"
"""What `Fail with split bytes.` answers: characters of two, three and four bytes."""

_OK = "OK"
_THOUGHT = "Reading the instruction."
_THINKING_WORDS = ("so", "this", "leads", "to", "that", "and")
_MOST_NUMBERS = 100_000


def answer(conversation: Conversation) -> Reply:
    """Obey the last instruction of the conversation, within its limits."""
    return answer_to(last_instruction(conversation), conversation)


def answer_to(
    instruction: Instruction | None, conversation: Conversation, behaviour: ModelBehaviour = OBEDIENT
) -> Reply:
    """What the protocol owes for this instruction: tool choice, schema, prefill, stop sequences and limits hold."""
    if isinstance(instruction, Failure):
        return _failing(instruction, conversation)
    calls = calls_to_make(instruction, conversation)
    if conversation.choice == "auto":
        calls = behaviour.calls(calls, conversation)[: None if conversation.parallel else 1]
    blocks: list[Thought | Speech | Invocation] = []
    if conversation.thinking and (thought := behaviour.thinks(_thought(instruction, conversation), calls)):
        blocks.append(thought)
    if calls:
        return cut([*blocks, *calls], conversation)
    said = _in_schema(behaviour.says(_text(instruction, conversation), conversation), conversation)
    return cut([*blocks, Speech(_after_prefill(said, conversation))], conversation)


def _text(instruction: Instruction | None, conversation: Conversation) -> str:
    match instruction:
        case Say(text) | Think(_, text) | ThinkAloud(_, text):
            return text
        case Count():
            return _numbers(instruction, conversation)
        case TellSecret():
            return secret_word(conversation)
        case RepeatResult():
            result = last_result(conversation)
            return UNKNOWN if result is None else text_of(result)
        case JudgeResult():
            result = last_result(conversation)
            return "error" if result is not None and result.is_error else "ok"
        case NameColours():
            return colour_names(images(conversation)) or UNKNOWN
        case FillSchema() if conversation.schema is not None:
            from conformance.scripted.smallest import smallest_text

            return smallest_text(conversation.schema)
        case GiveBack():
            return _received(instruction.pointers, conversation)
        case TellEnding():
            return conversation.ending or UNKNOWN
        case None:
            return _without_instruction(conversation)
        case _:  # calls that may not be made, a schema that is not there
            return _OK


def _without_instruction(conversation: Conversation) -> str:
    if not any(isinstance(part, Result) for part in latest_user_parts(conversation)):
        return _OK
    result = last_result(conversation)
    return _OK if result is None else text_of(result)


def _numbers(count: Count, conversation: Conversation) -> str:
    step = 1 if count.last >= count.first else -1
    most = _MOST_NUMBERS if conversation.max_tokens is None else min(conversation.max_tokens + 1, _MOST_NUMBERS)
    return " ".join(map(str, islice(range(count.first, count.last + step, step), most)))


def _received(pointers: Sequence[str], conversation: Conversation) -> str:
    """What stands at the first pointer that leads to something."""
    for pointer in pointers:
        try:
            return compact(value_at(conversation.received, pointer))
        except LookupError:
            continue
    return UNKNOWN


def _in_schema(text: str, conversation: Conversation) -> str:
    """Structured output is the server's promise: what does not fit the schema gives way to the smallest that does."""
    if conversation.schema is None:
        return text
    from conformance.scripted.smallest import fits, smallest_text

    return text if fits(text, conversation.schema) else smallest_text(conversation.schema)


def _after_prefill(text: str, conversation: Conversation) -> str:
    """What is left to say after a final assistant turn that began the answer."""
    turns = [turn for turn in conversation.turns if turn.role != "system"]
    if not turns or turns[-1].role != "assistant":
        return text
    return text.removeprefix("".join(part.text for part in turns[-1].parts if isinstance(part, Text)))


def _thought(instruction: Instruction | None, conversation: Conversation) -> Thought:
    if isinstance(instruction, ThinkAloud):
        return Thought(instruction.thought)
    if not isinstance(instruction, Think):
        return Thought(_THOUGHT)
    words = instruction.words if conversation.budget is None else min(instruction.words, conversation.budget)
    if conversation.max_tokens is not None:
        words = min(words, conversation.max_tokens + 1)  # one too many already shows that the limit cut it
    return Thought(" ".join(islice(cycle(_THINKING_WORDS), words)))


def _failing(failure: Failure, conversation: Conversation) -> Reply:
    """The face fails as it is told; where it says something first, these are the words."""
    if failure.after_words is None:
        text = SPLIT_TEXT if failure.kind == "split-bytes" else ""
    else:
        text = " ".join(map(str, range(1, failure.after_words + 4)))
    reply = cut([Speech(text)], msgspec.structs.replace(conversation, max_tokens=None, stop_sequences=()))
    return msgspec.structs.replace(reply, failure=failure)


__all__ = ["SPLIT_TEXT", "answer", "answer_to", "counts_input"]

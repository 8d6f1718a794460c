"""The probe language: which instruction a conversation ends with.

An instruction stands at the start of a line and runs to the end of its text block. The last one in the latest user
turn counts; `cases/probe-vectors.yaml` is the language in full.
"""

import json
import re
from collections.abc import Callable
from itertools import takewhile
from typing import Any

import msgspec
from msgspec import Struct

from conformance.scripted.conversation import Conversation, Failure, Invocation, Part, Text


class Say(Struct, frozen=True):
    """`Reply with exactly: X`."""

    text: str


class Count(Struct, frozen=True):
    """`Count from A to B.`; downwards where B is the smaller."""

    first: int
    last: int


class CallTools(Struct, frozen=True):
    """`Call the tool NAME with this input: JSON` and `Call these tools in one turn: NAME JSON; NAME JSON`."""

    calls: tuple[Invocation, ...]


class TellSecret(Struct, frozen=True):
    """`Reply with only the secret word.`"""


class RepeatResult(Struct, frozen=True):
    """`Reply with only the text of the last tool result.`"""


class JudgeResult(Struct, frozen=True):
    """`Reply with only "error" if the last tool result is an error, otherwise "ok".`"""


class NameColours(Struct, frozen=True):
    """`Reply with only the colours of the images, in order.`"""


class Think(Struct, frozen=True):
    """`Think in N words, then reply with exactly: X`."""

    words: int
    text: str


class ThinkAloud(Struct, frozen=True):
    """`Think "T", then reply with exactly: X`; T is a JSON string."""

    thought: str
    text: str


class FillSchema(Struct, frozen=True):
    """`Fill the schema.`"""


class GiveBack(Struct, frozen=True):
    """`Reply with only the request you received at POINTER.`, or `at POINTER or POINTER.`: the first that exists."""

    pointers: tuple[str, ...]


class TellEnding(Struct, frozen=True):
    """`Reply with only how the answer that began with X ended.`: `whole`, `left`, `speaking` or `unknown`.

    `... how far the answer that began with X has come.`: the same at once, where the end is else waited for.
    """

    word: str
    at_once: bool = False


Instruction = (
    Say
    | Count
    | CallTools
    | TellSecret
    | RepeatResult
    | JudgeResult
    | NameColours
    | Think
    | ThinkAloud
    | FillSchema
    | GiveBack
    | TellEnding
    | Failure
)


def last_instruction(conversation: Conversation) -> Instruction | None:
    """The instruction to obey; None where the latest user turn holds none.

    What only an upstream behind a gateway can be asked (`Fail with`, `the request you received`) is an instruction only
    where the face keeps what it received.
    """
    upstream = conversation.received is not None
    for part in reversed(latest_user_parts(conversation)):
        if isinstance(part, Text) and (found := _last_in(part.text, upstream)) is not None:
            return found
    return None


def latest_user_parts(conversation: Conversation) -> tuple[Part, ...]:
    """The parts of the latest user turn: consecutive user turns are one, and system turns neither end nor begin one."""
    turns = [turn for turn in conversation.turns if turn.role != "system"]
    while turns and turns[-1].role != "user":
        turns.pop()
    latest = list(takewhile(lambda turn: turn.role == "user", reversed(turns)))
    return tuple(part for turn in reversed(latest) for part in turn.parts)


_START = re.compile(r'^(?=Reply with |Count from |Call the|Think (?:in |")|Fill the schema\.|Fail with )', re.MULTILINE)


def _last_in(text: str, upstream: bool) -> Instruction | None:
    readers = _READERS + _UPSTREAM_READERS if upstream else _READERS
    for start in reversed([match.start() for match in _START.finditer(text)]):
        for pattern, read in readers:
            if (match := pattern.match(text, start)) and (instruction := read(match, text[match.end() :])) is not None:
                return instruction
    return None


def _exact(rest: str) -> str:
    """X without one leading space or newline and without trailing white space."""
    return rest.removeprefix(
        "\r\n" if rest.startswith("\r\n") else rest[:1] if rest[:1] in {" ", "\n"} else ""
    ).rstrip()


def _json_object(text: str, start: int) -> tuple[dict[str, Any], int] | None:
    """The JSON object at `start` and where it ends.

    The standard library's decoder finds the end; msgspec reads what lies between, since it is strict where that one
    takes NaN, Infinity and lone surrogates.
    """
    try:
        _, end = json.JSONDecoder().raw_decode(text, start)
        return msgspec.json.decode(text[start:end], type=dict[str, Any]), end
    except (ValueError, RecursionError):
        return None


def _one_call(match: re.Match[str], rest: str) -> CallTools | None:
    found = _json_object(rest, len(rest) - len(rest.lstrip()))
    return found and CallTools((Invocation(name=match[1], input=found[0]),))


_NAME = re.compile(r"\s*(\S+)\s+")
_SEMICOLON = re.compile(r"\s*;")


def _several_calls(_: re.Match[str], rest: str) -> CallTools | None:
    calls: list[Invocation] = []
    position = 0
    while name := _NAME.match(rest, position):
        if (found := _json_object(rest, name.end())) is None:
            return None
        calls.append(Invocation(name=name[1], input=found[0]))
        if (semicolon := _SEMICOLON.match(rest, found[1])) is None:
            break
        position = semicolon.end()
    return CallTools(tuple(calls)) if calls else None


def _status(match: re.Match[str], _: str) -> Failure | None:
    if not 400 <= int(match[1]) <= 599:
        return None
    return Failure(kind="status", status=int(match[1]), retry_after=int(match[2]) if match[2] else None)


def _after_words(match: re.Match[str], _: str) -> Failure:
    return Failure(kind=match[1], after_words=int(match[2]))  # type: ignore[arg-type]  # the pattern names the kinds


def _thought_aloud(match: re.Match[str], rest: str) -> ThinkAloud | None:
    try:
        return ThinkAloud(thought=msgspec.json.decode(match[1], type=str), text=_exact(rest))
    except msgspec.DecodeError:
        return None


_Reader = Callable[[re.Match[str], str], Instruction | None]

_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (re.compile(r"Reply with exactly:"), lambda _, rest: Say(_exact(rest))),
    (re.compile(r"Count from (-?\d{1,15}) to (-?\d{1,15})\."), lambda m, _: Count(int(m[1]), int(m[2]))),
    (re.compile(r"Call the tool (\S+) with this input:"), _one_call),
    (re.compile(r"Call these tools in one turn:"), _several_calls),
    (re.compile(r"Reply with only the secret word\."), lambda *_: TellSecret()),
    (re.compile(r"Reply with only the text of the last tool result\."), lambda *_: RepeatResult()),
    (
        re.compile(r'Reply with only "error" if the last tool result is an error, otherwise "ok"\.'),
        lambda *_: JudgeResult(),
    ),
    (re.compile(r"Reply with only the colours of the images, in order\."), lambda *_: NameColours()),
    (
        re.compile(r"Think in (\d{1,9}) words?, then reply with exactly:"),
        lambda m, rest: Think(words=int(m[1]), text=_exact(rest)),
    ),
    (re.compile(r'Think ("(?:[^"\\]|\\.)*"), then reply with exactly:', re.DOTALL), _thought_aloud),
    (re.compile(r"Fill the schema\."), lambda *_: FillSchema()),
)

_UPSTREAM_READERS: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (re.compile(r"Fail with status (\d{3})(?: retry-after (\d{1,6}))?\."), _status),
    (re.compile(r"Fail with (cut|silence|error) after (\d{1,6}) words?\."), _after_words),
    (re.compile(r"Fail with split bytes\."), lambda *_: Failure(kind="split-bytes")),
    (re.compile(r"Fail with not json\."), lambda *_: Failure(kind="not-json")),
    (re.compile(r"Fail with empty\."), lambda *_: Failure(kind="empty")),
    (
        re.compile(r"Reply with only the request you received at (\S*(?: or \S+)*)\."),
        lambda m, _: GiveBack(tuple(m[1].split(" or "))),
    ),
    (re.compile(r"Reply with only how the answer that began with (\S+) ended\."), lambda m, _: TellEnding(m[1])),
    (
        re.compile(r"Reply with only how far the answer that began with (\S+) has come\."),
        lambda m, _: TellEnding(m[1], at_once=True),
    ),
)

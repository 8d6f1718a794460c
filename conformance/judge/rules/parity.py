"""Rules that compare the JSON answer and the stream of one case: both say the same thing in the same shape.

A difference alone does not tell which of the two is wrong, so a finding shows both and names neither.
"""

import re
from itertools import pairwise
from typing import Any

import msgspec

from conformance.judge.answer import Answer
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.rules.content import REPLACEMENT, damaged
from conformance.judge.rules.rule import STREAMING, Found, rule
from conformance.judge.rules.thinking import thinks_last
from conformance.judge.rules.usage import total_input
from conformance.judge.wire import decode, shown

_WORD = re.compile(r"\S+")

Pair = tuple[Answer, Answer]
"""The JSON answer and the stream of one case."""

COUNTS_DIFFER = 8
"""Tokens by which two counts of prompts that differ in a nonce may differ."""
TIMES_DIFFER = 0.1
"""The same as a part of the larger count."""


def _both(pair: Pair) -> bool:
    whole, streamed = pair
    return (
        whole.is_message
        and streamed.in_events
        and streamed.stream_result.finished
        and bool(whole.blocks and streamed.blocks)
    )


def _kinds(answer: Answer) -> list[str]:
    return [str(block.get("type")) for block in answer.blocks]


def _differs(at: str, in_json: Any, in_stream: Any, kind: str) -> Violation:
    return Violation(at, "the same in JSON and in the stream", {"json": in_json, "stream": in_stream}, kind)


@rule(
    "parity.block-order",
    row="stream.parity",
    law="The stream and the JSON answer hold the same kinds of blocks in the same order.",
    source=STREAMING,
    on=("pair",),
    leniency="Asked only where both hold the same kinds in the same number: a model may answer differently twice. "
    "Where thinking stands after the text in one of the two, thinking.first says so, and not this.",
)
def block_order(pair: Pair) -> Found:
    if not _both(pair) or any(thinks_last(answer) for answer in pair):
        return None
    whole, streamed = map(_kinds, pair)
    if len(whole) < 2 or sorted(whole) != sorted(streamed):
        return None
    return [] if whole == streamed else [_differs("/content", whole, streamed, "order")]


@rule(
    "parity.text-blocks",
    row="stream.parity",
    law="Text that is one block in the JSON answer is one block in the stream.",
    source=STREAMING,
    on=("pair",),
    leniency="Text with citations is split into blocks by law.",
)
def text_blocks(pair: Pair) -> Found:
    if not _both(pair) or any(block.get("citations") for answer in pair for block in answer.blocks):
        return None
    whole, streamed = map(_kinds, pair)
    runs = [sum(one == other == "text" for one, other in pairwise(kinds)) for kinds in (whole, streamed)]
    if "text" not in whole or "text" not in streamed:
        return None
    return [] if (runs[0] == 0) == (runs[1] == 0) else [_differs("/content", whole, streamed, "split")]


@rule(
    "parity.block-fields",
    row="stream.parity",
    law="Blocks of one type have the same documented fields in the stream as in the JSON answer.",
    source=STREAMING,
    on=("pair",),
    leniency="citations, caller and toolset_name are optional; extra fields are notes; the signature has a rule.",
)
def block_fields(pair: Pair) -> Found:
    if not _both(pair):
        return None
    required = {"text": {"text"}, "thinking": {"thinking"}, "tool_use": {"id", "name", "input"}}
    whole, streamed = ({str(block.get("type")): block for block in answer.blocks} for answer in pair)
    shared = [kind for kind in required if kind in whole and kind in streamed]
    for kind in shared:
        keys = [required[kind] & block.keys() for block in (whole[kind], streamed[kind])]
        if keys[0] != keys[1] and not _spoiled(pair[1]):
            return [_differs(f"/content/{kind}", sorted(keys[0]), sorted(keys[1]), "fields")]
    return [] if shared else None


def _spoiled(streamed: Answer) -> bool:
    """Whether a block of the stream lacks something because of what other rules say already."""
    result = streamed.stream_result
    unreadable = any(block.input_json.strip() and decode(block.input_json) is ABSENT for block in result.blocks)
    return bool(result.breaches) or unreadable or any(block.damaged for block in result.blocks)


def _form(value: Any) -> str:
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def _conflict(whole: Any, streamed: Any, at: str) -> Violation | None:
    """The first place where both have a value, and of another type; what only one of them has is the model's choice."""
    if whole is None or streamed is None:  # a schema may allow a null beside anything, and the choice is the model's
        return None
    if _form(whole) != _form(streamed):
        return _differs(at, _form(whole), _form(streamed), "form")
    pairs: list[tuple[str, Any, Any]] = []
    if isinstance(whole, dict):
        pairs = [(str(key), whole[key], streamed[key]) for key in whole if key in streamed]
    elif isinstance(whole, list):
        pairs = [("0", one, other) for one, other in zip(whole[:1], streamed[:1], strict=False)]
    found = (_conflict(one, other, f"{at}/{key}") for key, one, other in pairs)
    return next((conflict for conflict in found if conflict is not None), None)


@rule(
    "parity.tool-input",
    row="stream.parity",
    law="A value of a tool input has the same type in the stream as in the JSON answer.",
    source=STREAMING,
    on=("pair",),
    level="should",
    leniency="A SHOULD, and only of values other than null that both calls have: a model may fill an input twice anew.",
)
def tool_input(pair: Pair) -> Found:
    if not _both(pair):
        return None
    calls = [[block for block in answer.blocks if block.get("type") == "tool_use"] for answer in pair]
    if not all(len(one) == 1 and isinstance(one[0].get("input"), dict) for one in calls):
        return None
    whole, streamed = calls[0][0], calls[1][0]
    if whole.get("name") != streamed.get("name") or whole["input"].keys() != streamed["input"].keys():
        return None
    conflict = _conflict(whole["input"], streamed["input"], "/content/0/input")
    return [] if conflict is None else [conflict]


@rule(
    "parity.characters",
    row="response.characters",
    law="A character that arrives whole in one mode is not U+FFFD in the other.",
    source="https://encoding.spec.whatwg.org/#error-mode",
    on=("pair",),
    leniency="A model of bytes may write what is no character; then both modes show it. Asked only where the damaged "
    "answer is the other one but for its damage, and where the request holds no U+FFFD itself.",
)
def characters(pair: Pair) -> Found:
    if not _both(pair) or any(damaged(answer.exchange.request.body) for answer in pair):
        return None
    said = [_said(answer) for answer in pair]
    hurt = [REPLACEMENT in one for one in said]
    if hurt[0] == hurt[1]:
        return None if hurt[0] else []
    broken, whole = (said[0], said[1]) if hurt[0] else (said[1], said[0])
    if not _is_rest_of(_signs(broken), _signs(whole)):
        return None
    at = broken.index(REPLACEMENT)
    return [Violation("/content", "the character itself", shown(broken[max(0, at - 20) : at + 20]), "replaced")]


def _said(answer: Answer) -> str:
    """All that the model said in an answer: its text, its thinking and the inputs of its calls."""
    parts = [block.get(key) for block in answer.blocks for key in ("text", "thinking", "input") if key in block]
    return "\n".join(part if isinstance(part, str) else msgspec.json.encode(part).decode() for part in parts)


def _signs(text: str) -> list[str]:
    """The signs of a text that a nonce cannot hold, without those that replace others."""
    return [sign for sign in text if not sign.isascii() and sign != REPLACEMENT]


def _is_rest_of(rest: list[str], whole: list[str]) -> bool:
    """Whether a list is another one with some of its items left out."""
    following = iter(whole)
    return all(sign in following for sign in rest)


@rule(
    "parity.input-tokens",
    row="stream.parity.usage",
    law="The same request costs the same input in a stream as in a JSON answer.",
    source=STREAMING,
    on=("pair",),
    leniency="Asked only of requests of the same length, which differ in their nonce; 8 tokens or a tenth may differ.",
)
def input_tokens(pair: Pair) -> Found:
    sizes = [len(msgspec.json.encode(_question(answer))) for answer in pair]
    if sizes[0] != sizes[1]:  # a later turn holds what the model said before, which need not be the same twice
        return None
    return _same_count(pair, "input_tokens", [_input(answer) for answer in pair])


@rule(
    "parity.output-tokens",
    row="stream.parity.usage",
    law="The same text costs the same output in a stream as in a JSON answer.",
    source=STREAMING,
    on=("pair",),
    leniency="Asked only of one text block of the same number of words and characters; 8 tokens or a tenth may differ.",
)
def output_tokens(pair: Pair) -> Found:
    sizes = [(_kinds(answer), len(answer.text)) for answer in pair]
    if sizes[0] != sizes[1] or sizes[0][0] != ["text"] or _words(pair[0].text) != _words(pair[1].text):
        return None
    return _same_count(pair, "output_tokens", [_usage(answer).get("output_tokens") for answer in pair])


def _words(text: str) -> int:
    """How many words a text has, which are not gathered: they take twenty times its memory."""
    return sum(1 for _ in _WORD.finditer(text))


def _question(answer: Answer) -> dict[str, Any]:
    """The request without the key that asks for a stream."""
    return {name: value for name, value in (answer.request or {}).items() if name != "stream"}


def _usage(answer: Answer) -> dict[str, Any]:
    usage = answer.message.get("usage") if isinstance(answer.message, dict) else None
    return usage if isinstance(usage, dict) else {}


def _input(answer: Answer) -> int | None:
    return total_input(_usage(answer))


def _same_count(pair: Pair, key: str, counts: list[Any]) -> Found:
    whole, streamed = counts
    if not _both(pair) or not isinstance(whole, int) or not isinstance(streamed, int) or not (whole and streamed):
        return None
    allowed = 0 if _question(pair[0]) == _question(pair[1]) and key == "input_tokens" else COUNTS_DIFFER
    differ = abs(whole - streamed) > max(allowed, (TIMES_DIFFER if allowed else 0) * max(whole, streamed))
    return [_differs(f"/usage/{key}", whole, streamed, "differs")] if differ else []

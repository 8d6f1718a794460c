"""Rules over the turns of a conversation: ids that stay unique, equal token counts for equal requests."""

from collections.abc import Sequence

from conformance.judge.answer import Answer
from conformance.judge.finding import Violation
from conformance.judge.rules.rule import CACHING, ERRORS, MESSAGE, ON_MESSAGES, THINKING, TOOL_USE, Found, rule
from conformance.judge.rules.usage import total_input

ON = ("conversation",)


def _repeated(ids: Sequence[str], at: str) -> Found:
    """The violation of an id that an earlier answer had, too; None where fewer than two have one."""
    again = next((one for number, one in enumerate(ids) if one in ids[:number]), None)
    if again is not None:
        return [Violation(at, "an id of its own", again, "repeated")]
    return [] if len(ids) > 1 else None


def _ids(answers: Sequence[Answer]) -> list[tuple[int, str]]:
    return [
        (turn, call["id"])
        for turn, answer in enumerate(answers)
        for _, call in answer.blocks_by_type["tool_use"]
        if isinstance(call.get("id"), str) and call["id"]
    ]


@rule(
    "conversation.tool-ids-unique",
    row="response.tool_use.id",
    law="No two tool calls of a conversation share an id, in whatever turns they stand.",
    source=TOOL_USE,
    on=ON,
)
def tool_ids_unique(answers: Sequence[Answer]) -> Found:
    ids = _ids(answers)
    if len({turn for turn, _ in ids}) < 2:
        return None
    seen: dict[str, int] = {}
    for turn, one in ids:
        if seen.setdefault(one, turn) != turn:
            return [Violation("/content/0/id", "an id of its own", one, "of-an-earlier-turn")]
    return []


@rule(
    "conversation.message-ids-unique",
    row="response.id",
    law="Every message has an id of its own.",
    source=MESSAGE,
    on=ON,
    level="may",
    leniency="A note: nothing is promised of it, though some clients merge turns of the same id.",
)
def message_ids_unique(answers: Sequence[Answer]) -> Found:
    messages = [answer.message for answer in answers if answer.scope in ON_MESSAGES]
    ids = [message["id"] for message in messages if isinstance(message, dict) and isinstance(message.get("id"), str)]
    return _repeated(ids, "/id")


@rule(
    "conversation.request-ids-unique",
    row="header.request_id",
    law="Every answer has a request-id of its own.",
    source=ERRORS + "#request-id",
    on=ON,
    level="should",
)
def request_ids_unique(answers: Sequence[Answer]) -> Found:
    ids = [answer.headers["request-id"] for answer in answers if answer.headers.get("request-id")]
    return _repeated(ids, "header/request-id")


@rule(
    "conversation.signatures-differ",
    row="response.thinking.signature",
    law="Each thinking block is signed for itself.",
    source=THINKING,
    on=ON,
    level="may",
    leniency="A note: a server that checks no signatures may send the same one always.",
)
def signatures_differ(answers: Sequence[Answer]) -> Found:
    signed = [
        (block["signature"], block.get("thinking"))
        for answer in answers
        for _, block in answer.blocks_by_type["thinking"]
        if isinstance(block.get("signature"), str) and block["signature"] and isinstance(block.get("thinking"), str)
    ]
    different = dict(signed)
    if len({thought for _, thought in signed}) < 2:
        return None
    same = len(different) == 1
    return [Violation("/content/0/signature", "a signature of its own", signed[0][0], "constant")] if same else []


@rule(
    "conversation.same-input",
    row="response.usage.cache",
    law="The same request weighs the same, cached or not: input_tokens leaves out what the cache counters count.",
    source=CACHING,
    on=ON,
    leniency="A tenth and 8 tokens may differ, for what a server adds of its own, such as the time.",
)
def same_input(answers: Sequence[Answer]) -> Found:
    weighed: dict[bytes, int] = {}
    seen = False
    for answer in answers:
        usage = answer.message.get("usage") if isinstance(answer.message, dict) else None
        total = total_input(usage) if isinstance(usage, dict) else None
        if not total or answer.scope not in ON_MESSAGES:
            continue
        earlier = weighed.setdefault(answer.exchange.request.body, total)
        seen = (
            seen
            or earlier != total
            or sum(one.exchange.request.body == answer.exchange.request.body for one in answers) > 1
        )
        if abs(earlier - total) > max(8, max(earlier, total) // 10):
            return [Violation("/usage/input_tokens", earlier, total, "double")]
    return [] if seen else None

"""Rules about thinking blocks: their text, and the signature without which they cannot be sent back."""

from math import inf

from conformance.judge.answer import Answer
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.rules.form import STRING, expect, first_fault
from conformance.judge.rules.rule import THINKING, Found, rule


@rule(
    "thinking.text",
    row="response.thinking.text",
    law="The thinking of a thinking block is a string.",
    source=THINKING,
    on=("message",),
    leniency='It may be "", where the display is omitted.',
)
def text(answer: Answer) -> Found:
    thoughts = answer.blocks_by_type["thinking"]
    return first_fault(expect(block, "thinking", at, STRING) for at, block in thoughts) if thoughts else None


@rule(
    "thinking.signature",
    row="response.thinking.signature",
    law="A thinking block has a signature, a string; in a stream it comes in a signature_delta.",
    source=THINKING,
    leniency="Where an answer was cut inside its thinking, the signature may not have come yet.",
)
def signature(answer: Answer) -> Found:
    thoughts = answer.blocks_by_type["thinking"]
    if not thoughts:
        return None
    if answer.in_events:
        return _unsigned(answer)[:1]
    cut = answer.blocks[-1] if _cut(answer) else None
    signed = [(at, block) for at, block in thoughts if block is not cut or block.get("signature") not in ("", None)]
    return first_fault(expect(block, "signature", at, STRING) for at, block in signed)


def _unsigned(answer: Answer) -> list[Violation]:
    """The violations of the thinking blocks of a stream that were closed without a signature_delta."""
    blocks = answer.stream_result.blocks
    cut = blocks[-1] if _cut(answer) else None
    return [
        Violation(f"/content/{number}/signature", "a signature_delta", ABSENT, "missing")
        for number, block in enumerate(blocks)
        if block.kind == "thinking" and block.life == "closed" and not (block.damaged or block.signatures)
        if block is not cut
    ]


def _cut(answer: Answer) -> bool:
    message = answer.message
    return isinstance(message, dict) and message.get("stop_reason") in (
        "max_tokens",
        "model_context_window_exceeded",
        "refusal",
    )


@rule(
    "thinking.signature-filled",
    row="response.thinking.signature",
    law="The signature of a thinking block is not empty.",
    source=THINKING,
    level="should",
    leniency="A SHOULD: a server that checks no signatures can take an empty one back.",
)
def signature_filled(answer: Answer) -> Found:
    given = [(at, block) for at, block in answer.blocks_by_type["thinking"] if isinstance(block.get("signature"), str)]
    if answer.in_events:  # an empty signature in the block's start is only its beginning
        signed = {f"/content/{number}" for number, block in enumerate(answer.stream_result.blocks) if block.signatures}
        given = [(at, block) for at, block in given if at in signed]
    empty = [
        at
        for at, block in given
        if not block["signature"].strip() and not (block is answer.blocks[-1] and _cut(answer))
    ]
    return [Violation(f"{empty[0]}/signature", "a non-empty string", "", "empty")] if empty else [] if given else None


@rule(
    "thinking.off",
    row="response.thinking.off",
    law="With thinking disabled an answer holds no thinking.",
    source=THINKING,
)
def off(answer: Answer) -> Found:
    asked = (answer.request or {}).get("thinking")
    if not isinstance(asked, dict) or asked.get("type") != "disabled" or not answer.blocks:
        return None
    thoughts = [at for at, block in answer.placed_blocks if block.get("type") in ("thinking", "redacted_thinking")]
    return [Violation(thoughts[0], "no thinking", "a thinking block", "thinking")] if thoughts else []


def thinks_last(answer: Answer) -> bool:
    """Whether an answer that came to its end says something, or calls a tool, and then ends with thinking.

    In a stream a client takes blocks as they are closed: a text that is still open beside the thought comes after it.
    """
    kinds = [block.get("type") for block in answer.blocks]
    if answer.in_events:
        blocks = answer.stream_result.blocks
        kinds = [block.kind for block in sorted(blocks, key=lambda block: block.stopped_at or inf)]
    ended = answer.stop_reason in ("end_turn", "stop_sequence", "tool_use")
    said = bool(answer.text) or any(block.get("type") == "tool_use" for block in answer.blocks)
    return kinds[-1:] == ["thinking"] and said and ended


@rule(
    "thinking.first",
    row="response.thinking.order",
    law="Thinking comes before text and tool calls.",
    source=THINKING,
    level="may",
    leniency="A note: interleaved thinking follows tool calls, and some models go back to thinking after text.",
)
def first(answer: Answer) -> Found:
    kinds = [block.get("type") for block in answer.blocks]
    if "thinking" not in kinds:
        return None
    if thinks_last(answer):
        return [Violation(f"/content/{len(kinds) - 1}", "thinking first", kinds, "last")]
    late = kinds.index("thinking")
    return (
        [Violation(f"/content/{late}", "thinking first", kinds, "order")]
        if late and kinds[0] != "redacted_thinking"
        else []
    )

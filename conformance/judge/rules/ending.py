"""Rules about the end of a message: stop_reason, and the keys that go with it."""

from conformance.judge.answer import Answer
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.rules.form import STRING, constant, expect, expect_all, one_of, optional, or_null
from conformance.judge.rules.rule import SDK_MESSAGE, STOP_REASONS, Found, rule
from conformance.judge.wire import shown

STOP_REASONS_KNOWN = frozenset(
    {
        "end_turn",
        "max_tokens",
        "stop_sequence",
        "tool_use",
        "pause_turn",
        "refusal",
        "model_context_window_exceeded",
        "compaction",
    }
)


_REASON = one_of(*sorted(STOP_REASONS_KNOWN))


@rule(
    "message.stop-reason",
    row="response.stop_reason",
    law="A message that came to its end says why: stop_reason is one of the API's reasons, never null.",
    source=STOP_REASONS,
)
def stop_reason(answer: Answer) -> Found:
    given = answer.end
    if given is None:
        return None
    at, end = given
    return expect(end, "stop_reason", at, _REASON)


@rule(
    "message.stop-sequence-present",
    row="response.stop_sequence",
    law="stop_sequence is there, a string or null, where stop_reason is.",
    source=SDK_MESSAGE,
)
def stop_sequence_present(answer: Answer) -> Found:
    given = answer.end
    if given is None:
        return None
    at, end = given
    return expect(end, "stop_sequence", at, or_null(STRING))


@rule(
    "message.stop-sequence-agrees",
    row="response.stop_sequence",
    law="stop_sequence names one of the requested sequences when stop_reason is stop_sequence, and is null otherwise.",
    source=STOP_REASONS,
)
def stop_sequence_agrees(answer: Answer) -> Found:
    given = answer.end
    if given is None:
        return None
    at, value = f"{given[0]}/stop_sequence", given[1].get("stop_sequence", ABSENT)
    if answer.stop_reason not in STOP_REASONS_KNOWN:
        return None
    if answer.stop_reason != "stop_sequence":
        return [Violation(at, None, value, "without-reason")] if isinstance(value, str) else []
    asked = _stop_sequences(answer)
    if answer.request is None:  # of a message of a batch
        return None
    if not asked:
        return [
            Violation(
                f"{given[0]}/stop_reason",
                "another reason: no stop sequence was asked for",
                "stop_sequence",
                "not-requested",
            )
        ]
    if value is None:
        return [Violation(at, asked, None, "null")]
    return [] if not isinstance(value, str) or value in asked else [Violation(at, asked, value, "not-requested")]


def _stop_sequences(answer: Answer) -> list[str]:
    asked = (answer.request or {}).get("stop_sequences")
    return [one for one in asked if isinstance(one, str) and one.strip()] if isinstance(asked, list) else []


@rule(
    "message.stop-sequence-excluded",
    row="response.stop_sequence",
    law="No requested stop sequence stands in the text: the answer ends before it.",
    source=STOP_REASONS,
)
def stop_sequence_excluded(answer: Answer) -> Found:
    asked, texts = _stop_sequences(answer), answer.blocks_by_type["text"]
    if not asked or not texts:
        return None
    for at, one in texts:
        for sequence in asked:
            if isinstance(one.get("text"), str) and sequence in one["text"]:
                kind = "left-in" if answer.stop_reason == "stop_sequence" else "ignored"
                return [Violation(f"{at}/text", f"an end before {sequence!r}", shown(one["text"]), kind)]
    return []


_REFUSAL = {"type": constant("refusal"), "category": optional(STRING), "explanation": optional(STRING)}


@rule(
    "message.stop-details",
    row="response.stop_details",
    law="stop_details has type refusal, a category and an explanation, and accompanies no other stop_reason.",
    source=SDK_MESSAGE,
    level="should",
    leniency="It may be null or left out for a refusal too, and so may its category and explanation.",
)
def stop_details(answer: Answer) -> Found:
    given = answer.end
    details = given[1].get("stop_details") if given is not None else None
    if given is None or not isinstance(details, dict):
        return None
    at = f"{given[0]}/stop_details"
    if faults := expect_all(details, at, _REFUSAL):
        return faults
    return [] if answer.stop_reason == "refusal" else [Violation(at, None, details, "without-refusal")]

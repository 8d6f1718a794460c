"""The reason of a verdict in words: what an answer held instead of the effect, and what the server said."""

from conformance.engine.question import Record
from conformance.judge.sentence import sentence_of
from conformance.judge.verdict import SHOWN, ControlResult, Judgement
from conformance.keys import shortened

LONGEST_NAME = 60
LONGEST_TEXT = 80
"""Characters of an answer that a reason quotes."""


def instead(record: Record, control: ControlResult) -> str:
    """What the last answer held, in a few words: a call, a text, or nothing; empty where what was asked is shown."""
    if not record.attempts or not record.attempts[-1].replies:
        return ""
    if control != "failed" and all(observation in SHOWN for observation in record.observations):
        return ""
    answer = record.attempts[-1].replies[-1].answer
    calls = [str(block.get("name")) for block in answer.blocks if block.get("type") == "tool_use"]
    parts = [f"a call of {shortened(name, LONGEST_NAME, '')!r}" for name in calls[:1]]
    if answer.text:
        parts.append(f"the text {shortened(answer.text, LONGEST_TEXT + 1)!r}")
    if parts or not isinstance(answer.message, dict) or "content" not in answer.message:
        return " and ".join(parts)
    return "an answer without text and calls"


def in_its_words(record: Record, judgement: Judgement) -> str:
    """The reason; of a refusal, with the server's own words."""
    replies = record.attempts[len(record.judged) - 1].replies if record.attempts else ()
    words = sentence_of(replies[-1].answer) if judgement.verdict == "refused" and replies else ""
    return f"{judgement.reason}: {words}" if words else judgement.reason

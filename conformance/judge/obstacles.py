"""Obstacles of an attempt: a broken rule, a refusal, a transport error, a missing effect."""

import re
from collections.abc import Iterable, Sequence

from conformance.catalog.case import Case
from conformance.catalog.matchers import ABSENCES, matcher_of
from conformance.judge.answer import Answer
from conformance.judge.cause import Obstacle
from conformance.judge.finding import Finding, Violation, finding_key
from conformance.judge.given_back import given_back
from conformance.judge.observe import Observed, Reply
from conformance.judge.rules import examine_conversation
from conformance.judge.sentence import masked, message_of, sentence_of
from conformance.words import Mode

FAILED = ("unreadable", "declined", "absent", "stopped", "contradicted", "weak", "slow")
"""What has something to explain; whether a model did its part is another question."""

_IN_EFFECT = re.compile(r"\bmessage\.([a-z_]+)|\b(text|status|headers|events|timing|lines)\b")
_OF_BLOCK = {
    "input": "input",
    "partial_json": "input",
    "name": "name",
    "id": "block id",
    "text": "text",
    "thinking": "thinking",
    "signature": "thinking",
    "citations": "text",
    "citation": "text",
}
"""What lies inside a content block, by its key."""
_COUNT = re.compile(r"\busage\.([a-z_]+)")
_BLOCKS = frozenset({"content", "content_block", "index"})
_IN_BLOCK = re.compile(r"\b(input|name|id|text|thinking|signature|citations)\b")


def obstacles_of(
    replies: Sequence[Reply], observed: Observed, broken: Iterable[Finding], nonce: str, *, status: bool = False
) -> tuple[Obstacle, ...]:
    """All that an attempt met, its own first, then the laws that its answers broke where the question looks.

    `status` says that the question is about the status of a failure.
    """
    if observed.observation not in FAILED or not replies:
        return ()
    last = replies[-1]
    own = _own(last, observed, nonce)
    if observed.observation in ("declined", "slow"):
        return (own,)
    lost = last.answer.unreadable if observed.observation == "unreadable" else None
    looks = frozenset().union(*(_part_of_own(finding) for finding in observed.findings))
    laws = []
    for finding in broken:
        part = part_of(finding.at)
        if status and finding.level != "may" and finding.at == "/status":  # the failure is right, its status is not
            laws.append(Obstacle(kind="rule", key=finding.key, lost=True))
        elif own.kind == "answer" or finding.level == "may":
            continue
        elif finding.level == "should":
            if lost is None and part and touch(part, looks):
                laws.append(Obstacle(kind="rule", key=finding.key))
        elif lost is not None:
            laws.append(Obstacle(kind="rule", key=finding.key, lost=_same(finding, lost)))
        elif touch(part, looks):
            laws.append(Obstacle(kind="rule", key=finding.key))
    return (own, *dict.fromkeys(laws))


def missed_in(observed: Observed) -> tuple[Obstacle, ...]:
    """The effect that an attempt missed, by its findings alone; nothing where it missed none."""
    if observed.observation not in FAILED or not observed.findings:
        return ()
    first = observed.findings[0]
    return (Obstacle(kind="effect", key=f"{observed.observation} {_place_of(first)}", exchange=first.exchange),)


def _place_of(finding: Finding) -> str:
    return ",".join(sorted({part.partition(".")[0] for part in _part_of_own(finding)}))


def broken_in(replies: Sequence[Reply], mode: Mode) -> list[Finding]:
    """The laws that the answers of an attempt broke, those of its conversation included."""
    readings = [(reply, reading) for reply in replies for reading in reply.readings]
    if len(replies) > 1:
        answers = [reply.answer for reply in replies if reply.answer.exchange.outcome != "abandoned"]
        readings += [(replies[-1], reading) for reading in examine_conversation(answers)]
    return [
        Finding(
            reading.rule.id,
            finding_key(reading.rule.id, reply.answer.endpoint, mode, broken.at, broken.kind),
            reading.rule.level,
            broken.at,
            broken.expected,
            broken.observed,
            1,
            reply.evidence,
        )
        for reply, reading in readings
        for broken in reading.violations
    ]


def _part_of_own(finding: Finding) -> frozenset[str]:
    """The parts of the answer in which a question missed something."""
    return parts_of_effect(finding.at[1:]) if finding.id.startswith("effect:") else frozenset({part_of(finding.at)})


def _same(finding: Finding, lost: Violation) -> bool:
    return finding.at == lost.at and finding.key.endswith(f" {lost.kind}")


def _own(reply: Reply, observed: Observed, nonce: str) -> Obstacle:
    answer, words = reply.answer, sentence_of(reply.answer)
    if observed.observation == "slow":
        return Obstacle(kind="trouble", key="slow", exchange=reply.evidence)
    if observed.observation == "declined":
        return Obstacle(kind="answer", key=masked(words, nonce), quote=words, exchange=reply.evidence)
    if observed.observation == "unreadable":
        return _unreadable(answer, words, reply.evidence, nonce)
    first = observed.findings[0]
    place = _place_of(first)
    repeated = given_back(answer, first.expected) if place == "text" else ""
    return Obstacle(
        kind="effect",
        key=f"{observed.observation} {place}{' given back ' if repeated else ''}{repeated}",
        gives_back=repeated,
        quote=words if answer.status >= 400 else "",
        exchange=first.exchange or reply.evidence,
    )


def _unreadable(answer: Answer, words: str, evidence: str, nonce: str) -> Obstacle:
    why = answer.unreadable
    kind = why.kind if why is not None else "unreadable"
    if answer.exchange.outcome == "complete" and (answer.status >= 500 or kind in ("error-event", "error-in-success")):
        said = masked(
            message_of(answer), nonce
        )  # a failure is the same as a status in JSON and as an event in a stream
        key = f"fails {said}" if said else masked(words, nonce)
        return Obstacle(kind="answer", key=key, quote=words, exchange=evidence)
    seen = str(why.observed) if why is not None else ""
    return Obstacle(kind="trouble", key=kind, quote=seen, exchange=evidence)


def asks_for_a_status(case: Case) -> bool:
    """Whether a case is about the status of a failure: it asks for a refusal, or its effects look at the status."""
    return case.refuse is not None or "status" in looks_of(case)


def looks_of(case: Case) -> frozenset[str]:
    """The parts of an answer at which the effects of a case look."""
    return frozenset().union(*(parts_of_effect(check.at) for check in case.effect))


def shown_by(case: Case) -> frozenset[str]:
    """The parts of an answer that were there if the case was shown: what may not be, or not be much, proves nothing."""
    telling = [check for check in case.effect if matcher_of(check)[0] not in ABSENCES]
    return frozenset().union(*(parts_of_effect(check.at) for check in telling))


def parts_of_effect(path: str) -> frozenset[str]:
    """The parts of an answer that a JMESPath of an effect names: `stop_reason`, `usage`, `input`, `content`, ..."""
    found = {one or other for one, other in _IN_EFFECT.findall(path)}
    if counts := _COUNT.findall(path):
        found = (found - {"usage"}) | {f"usage.{name}" for name in counts}
    if "content" in found:
        inside = {_OF_BLOCK[name] for name in _IN_BLOCK.findall(path.partition("content")[2])}
        found = (found - {"content", "text"}) | (inside or {"content"})
    return frozenset(found)


def part_of(at: str) -> str:
    """The part of an answer in which a finding lies; empty where it is all of it."""
    if at.startswith("header/"):
        return "headers"
    steps = [
        step for step in at.split("/") if step and not step.isdigit() and step not in ("event", "delta", "message")
    ]
    if not steps:
        return ""
    if steps[0] in _BLOCKS:
        return next((_OF_BLOCK[step] for step in steps[1:] if step in _OF_BLOCK), "content")
    if at.startswith("event/") and "delta" in at and steps[0] in _OF_BLOCK:
        return _OF_BLOCK[steps[0]]
    if steps[0] == "usage":
        return ".".join(steps[:2])
    return "" if steps[0] == "type" else steps[0]


BLOCK_PARTS = frozenset({*_OF_BLOCK.values(), "content"})


def touch(part: str, looks: frozenset[str]) -> bool:
    """Whether a finding in one part of an answer may be why an effect at others was not seen."""
    if not part:  # the body as a whole
        return bool(looks - {"status", "headers", "timing"})
    return (
        part in looks
        or (part.startswith("usage") and any(one.startswith(part) or part.startswith(f"{one}.") for one in looks))
        or (part == "content" and bool(BLOCK_PARTS & looks))
        or (part in BLOCK_PARTS and "content" in looks)
    )

"""The observation of one attempt: its answers against premise, effects, refusal and named rules."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from msgspec import UNSET, Struct

from conformance.catalog.case import Case, Check, Refusal
from conformance.catalog.matchers import matcher_of
from conformance.catalog.pattern import linear, whole_characters
from conformance.catalog.prompts import CONTROLLED_UPSTREAM
from conformance.judge.answer import NOT_IMPLEMENTED, Answer
from conformance.judge.effects import try_check
from conformance.judge.finding import ABSENT, Finding, Violation, bounded, finding_key
from conformance.judge.rules import Reading
from conformance.judge.verdict import Observation
from conformance.judge.wire import shown
from conformance.words import OBEYED_KINDS, Level

TROUBLE: dict[str, Observation] = {"slow": "slow", "unreachable": "unreachable", "failed": "error"}
RATE_LIMITED = frozenset({429, 503, 529})
TOO_LATE = 1.0
"""Seconds for which the suite was held up from which on what the clock decides says nothing about the server."""

Bind = Callable[[Any], Any]


class Observed(Struct, frozen=True):
    """The observation of an attempt, and its findings."""

    observation: Observation
    findings: tuple[Finding, ...] = ()


class Reply(Struct, frozen=True):
    """The answer to one step of an attempt, where its evidence lies, and what each rule read in it."""

    step: str
    answer: Answer
    evidence: str
    readings: tuple[Reading, ...] = ()
    bad: bool = False
    """The request was sent in order to be refused, or is no request at all."""


def document_of(replies: Sequence[Reply]) -> dict[str, Any]:
    """The document that the checks of a case look into: the last answer, with the earlier ones under `steps`."""
    document = dict(replies[-1].answer.document)
    document["steps"] = {reply.step: reply.answer.document for reply in replies}
    return document


def observe(case: Case, replies: Sequence[Reply], bind: Bind) -> Observed:
    """Classifies one attempt: `replies` in the order of the steps, the last one possibly of an early step."""
    last = replies[-1]
    if (trouble := _trouble(case, last.answer)) is not None:
        return Observed(trouble)
    if last.answer.exchange.outcome == "oversized" and case.size == "large" and last.answer.status == 200:
        return Observed("too-much")
    unreadable = last.answer.failed if last.bad else last.answer.unreadable
    if unreadable is not None and not _asked_for(case, last.answer):
        return Observed("unreadable", (_finding(last, "readable", "must", unreadable),))
    if case.refuse is not None:
        return _refusal(case.refuse, last)
    if _declined(case, last.answer):
        return Observed("too-long" if speaks_of_window(last.answer) else "declined")
    if len(replies) < _steps(case):
        return _broken_off(case, last, bind)
    observed = _effects(case, replies, bind)
    if observed.observation in ("absent", "contradicted") and _asked_too_late(case, replies):
        return Observed("held-up")
    return observed


def _asked_too_late(case: Case, replies: Sequence[Reply]) -> bool:
    """Whether the suite itself was late where a case hangs up and then asks what had happened by that time."""
    hung_up = [] if case.steps is UNSET else [bool(step.hang_up) for step in case.steps]
    for left, reply, following in zip(hung_up, replies, replies[1:], strict=False):
        first, then = reply.answer.exchange, following.answer.exchange
        between = then.started - (first.started + first.finished)
        if left and between + first.late + then.late > TOO_LATE:
            return True
    return False


def misled(reply: Reply, at: str, given: str, base_url: str) -> Observed:
    """An address in an answer that leads a client to another server, or to none."""
    finding = _at(reply, "address", "must", f"/{at}", f"an address of {base_url}", shown(given), "foreign")
    return Observed("contradicted", (finding,))


def _steps(case: Case) -> int:
    return len(case.journey.turns) if case.journey is not UNSET else 1 if case.steps is UNSET else len(case.steps)


def _broken_off(case: Case, last: Reply, bind: Bind) -> Observed:
    """What it means that a later step was not asked: of a journey, that a turn lacks what an earlier one had brought.

    What no turn has brought yet may be beyond this model.
    """
    turns = [] if case.journey is UNSET else case.journey.turns
    number = next((number for number, turn in enumerate(turns) if turn.name == last.step), 0)
    brought = [check for turn in turns[:number] for check in turn.premise]
    missed = [
        (check, outcome)
        for turn in turns[number : number + 1]
        for check in turn.premise
        if check in brought and not (outcome := try_check(check, last.answer.document, bind)).held
    ]
    if case.kind != "journey" or not missed:
        return Observed("unelicited")
    check, outcome = missed[0]
    at = f"/steps/{last.step}{_place(check)}"
    return Observed("absent", (_at(last, "turn", "must", at, outcome.expected, outcome.observed, "broke-off"),))


def _trouble(case: Case, answer: Answer) -> Observation | None:
    """What kept the question from being answered at all, which says nothing about the feature."""
    exchange = answer.exchange
    if (
        exchange.outcome in TROUBLE and not exchange.chunks
    ):  # a stream that began and then hung is an answer, a broken one
        return TROUBLE[exchange.outcome]
    if exchange.status in RATE_LIMITED and exchange.status not in case.waits_for and not _looks_at(case, "status"):
        return "rate-limited"
    return None


def _looks_at(case: Case, root: str) -> bool:
    """Whether an effect or premise looks at a part of the last answer: `status`, `events`, `ends`."""
    named = _part(root)
    return any(named.search(check.at) for check in (*case.effect, *case.premise))


@cache
def _part(root: str) -> re.Pattern[str]:
    return re.compile(rf"(^|[^.\w'-]){root}\b(?!')")


def _asked_for(case: Case, answer: Answer) -> bool:
    """Whether what makes an answer unreadable elsewhere is what this case asks about."""
    status = answer.exchange.status or 0
    if answer.exchange.outcome == "complete" and (status >= 500 or 300 <= status < 400):
        return _looks_at(case, "status")
    if answer.exchange.outcome == "cut":
        return _looks_at(case, "ends")
    return answer.unreadable is not None and answer.unreadable.kind == "error-event" and _looks_at(case, "events")


def _declined(case: Case, answer: Answer) -> bool:
    status = answer.exchange.status or 0
    return (400 <= status < 500 or status == NOT_IMPLEMENTED) and not _looks_at(case, "status")


_WINDOW = linear(
    r"context.{0,20}(length|window|size)|exceed_context_size|(prompt|input|request) is too (long|large)"
    r"|maximum context|too many (input )?tokens|exceeds? the (available|maximum|model).{0,20}context",
    ignore_case=True,
)
"""How servers say that a prompt does not fit: llama.cpp, vLLM, the API itself, OpenAI's API."""
LONG_REQUEST = 2000
"""Bytes of a request from which on a server with a small window may say so."""
LONGEST_SENTENCE = 4000


def speaks_of_window(answer: Answer) -> bool:
    """Whether an answer declines a long request because the prompt does not fit into the server's window."""
    if len(answer.exchange.request.body) < LONG_REQUEST or answer.status not in (400, 413, 422):
        return False
    return (
        _WINDOW.search(whole_characters(answer.exchange.body[:LONGEST_SENTENCE].decode(errors="replace"))) is not None
    )


def _refusal(refusal: Refusal, reply: Reply) -> Observed:
    """A refusal against the way in which the API refuses."""
    answer = reply.answer
    status = answer.exchange.status or 0
    statuses = refusal.status if isinstance(refusal.status, list) else [refusal.status]
    types = refusal.type if isinstance(refusal.type, list) else [refusal.type]
    if answer.refused and status < 400:
        return Observed("absent", (_at(reply, "refusal", "must", "/status", statuses[0], status, "error-in-success"),))
    if status < 400:
        return Observed("absent", (_at(reply, "refusal", "must", "/status", statuses[0], status, "accepted"),))
    if status not in statuses:
        return Observed("weak", (_at(reply, "refusal", "should", "/status", statuses[0], status, "status"),))
    error = answer.error or {}
    observed = error.get("type", ABSENT)
    if observed not in types:
        return Observed("weak", (_at(reply, "refusal", "should", "/error/type", types[0], observed, "error-type"),))
    return Observed("shown")


def _effects(case: Case, replies: Sequence[Reply], bind: Bind) -> Observed:
    document = document_of(replies)
    last = replies[-1]
    if not all(try_check(check, document, bind).held for check in case.premise):
        return Observed("unelicited")
    failed = [
        (number, check, outcome)
        for number, check in enumerate(case.effect)
        if not (outcome := try_check(check, document, bind)).held
    ]
    findings = [
        _at(last, f"effect:{number}", check.level, _place(check), outcome.expected, outcome.observed, "effect")
        for number, check, outcome in failed
    ]
    findings += [
        _finding(reply, reading.rule.id, reading.rule.level, violation)
        for reply in replies
        for reading in reply.readings
        if reading.rule.id in case.rules
        for violation in reading.violations
    ]
    if not findings:
        return Observed("shown")
    if _cut_by_limit(case, last.answer) or _called_instead(case, last.answer):
        return Observed("unelicited")
    if _only_thought(case, last.answer):
        return Observed("stopped", tuple(findings))
    if failed and failed[0][0] == 0:  # the first effect is the feature itself
        if case.kind in OBEYED_KINDS and _is_read_badly(failed[0][1], failed[0][2].observed, bind):
            return Observed("garbled", tuple(findings))
        return Observed("absent", tuple(findings))
    musts = any(finding.level == "must" for finding in findings)
    return Observed("contradicted" if musts else "weak", tuple(findings))


PIECE = 4
"""Characters of a nonce in a row that nobody says by chance: one in 33 to the fourth."""


def _is_read_badly(check: Check, given: Any, bind: Bind) -> bool:
    """Whether a text that should hold the nonce holds a part of it: the model has read the word, and copies badly."""
    nonce, said = bind("{nonce}"), given if isinstance(given, str) else ""
    if "{nonce}" not in str(matcher_of(check)[1]) or not isinstance(nonce, str) or nonce in said:
        return False
    return any(nonce[start : start + PIECE] in said for start in range(len(nonce) - PIECE + 1))


def _cut_by_limit(case: Case, answer: Answer) -> bool:
    """Whether max_tokens ended the answer before it could show anything; a limit that was not reached ends nothing."""
    message = answer.message
    if (
        answer.path != "/v1/messages"
        or case.asks_max_tokens
        or not isinstance(message, dict)
        or message.get("stop_reason") != "max_tokens"
    ):
        return False
    usage, limit = message.get("usage"), (answer.request or {}).get("max_tokens")
    spent = usage.get("output_tokens") if isinstance(usage, dict) else None
    # Counting differs by a token or two between servers, and some count none of the thinking: half of the limit is
    # taken as reached, so that a server which says `max_tokens` of every answer is not excused by its own mistake.
    return not isinstance(spent, int) or not isinstance(limit, int) or spent * 2 >= limit


def _called_instead(case: Case, answer: Answer) -> bool:
    """Whether the model called a tool of its own accord where it was asked for words: small models like their tools."""
    return (
        case.kind == "witnessed"
        and all(check.at == "text" for check in case.effect)
        and any(block.get("type") == "tool_use" for block in answer.blocks)
    )


def _only_thought(case: Case, answer: Answer) -> bool:
    """Whether an answer ends with its thought where words were asked for: small models stop there, with thinking on.

    The scripted model behind a gateway never does, so that there the words were lost.
    """
    return (
        case.kind == "witnessed"
        and CONTROLLED_UPSTREAM not in case.needs
        and all(check.at == "text" for check in case.effect)
        and bool(answer.blocks)
        and all(block.get("type") in ("thinking", "redacted_thinking") for block in answer.blocks)
    )


def _place(check: Check) -> str:
    return "/" + check.at


def _finding(reply: Reply, name: str, level: Level, violation: Violation) -> Finding:
    return _at(reply, name, level, violation.at, violation.expected, violation.observed, violation.kind)


def _at(reply: Reply, name: str, level: Level, at: str, expected: Any, observed: Any, kind: str) -> Finding:
    answer = reply.answer
    violation = bounded(Violation(at, expected, observed, kind))
    key = finding_key(name, answer.endpoint, answer.mode, violation.at, violation.kind)
    return Finding(name, key, level, violation.at, violation.expected, violation.observed, 1, reply.evidence)


def input_tokens(answer: Answer) -> int | None:
    """The input tokens of the request by its answer, cached ones included; None where it does not say."""
    usage = answer.message.get("usage") if isinstance(answer.message, dict) else None
    if not isinstance(usage, dict):
        return None
    counts = [usage.get(name) for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")]
    known = [count for count in counts if isinstance(count, int) and not isinstance(count, bool)]
    return sum(known) if known else None

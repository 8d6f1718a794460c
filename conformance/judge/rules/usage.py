"""Rules about the token counts: their types, and contradictions that one answer shows."""

from itertools import pairwise
from typing import Any

import msgspec

from conformance.judge.answer import Answer
from conformance.judge.finding import ABSENT, Violation
from conformance.judge.rules.form import (
    COUNT,
    OBJECT,
    POSITIVE,
    STRING,
    at_most,
    constant,
    expect,
    expect_all,
    first_fault,
    one_of,
    optional,
    unlike,
)
from conformance.judge.rules.rule import CACHING, SDK_USAGE, STOP_REASONS, STREAMING, Found, rule
from conformance.judge.wire import is_integer

INPUT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
DETAILS = {
    "cache_creation": ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"),
    "server_tool_use": ("web_search_requests", "web_fetch_requests"),
    "output_tokens_details": ("thinking_tokens",),
}
"""The objects inside usage, with the counters that they hold."""
_OTHERS = {
    **dict.fromkeys(("cache_creation_input_tokens", "cache_read_input_tokens"), optional(COUNT)),
    **dict.fromkeys(DETAILS, optional(OBJECT)),
}
_INSIDE = {key: dict.fromkeys(names, optional(COUNT)) for key, names in DETAILS.items()}
PLACEHOLDER = 8
"""Output tokens that message_start may say before anything was said."""
LABELS = {
    "service_tier": one_of("standard", "priority", "batch"),
    "speed": one_of("standard", "fast"),
    "inference_geo": STRING,
}
"""Keys of usage that are words."""
LIMIT_MARGIN = 64
"""Tokens by which an answer may end before max_tokens and still be cut by it: a tool call that does not fit."""
LARGEST_WINDOW = 960_000
"""Tokens above which no model has room: with 950,000 the real client still goes on, with 1,200,000 it compacts."""
HIDDEN_INPUT = 30_000
"""Tokens that a server may add to a request: a gateway that puts an agent's own prompt and tools before each request
adds up to that many, and counts them rightly."""
WEIGHS_MORE = (b'"source":', b'"container', b'"file_id"', b"_20")
"""What stands in a request whose tokens are not its bytes: pictures, documents, uploads, dated tools of the server."""
BY_ITSELF = ("end_turn", "tool_use")
"""Stop reasons of an answer that nothing else ended."""


def _usages(answer: Answer) -> list[tuple[str, dict[str, Any]]]:
    """Every usage object of an answer with its place: of the message, of message_start, of each message_delta."""
    given = answer.head
    found = [(f"{given[0]}/usage", given[1]["usage"])] if given and isinstance(given[1].get("usage"), dict) else []
    if answer.in_events:
        deltas = [(f"event/{number}/usage", data.get("usage")) for number, data in answer.stream_result.deltas]
        found += [(at, usage) for at, usage in deltas if isinstance(usage, dict)]
    return found


def _final(answer: Answer) -> dict[str, Any]:
    """The totals of a whole answer, empty where it did not come to its end."""
    if answer.in_events and not answer.stream_result.finished:
        return {}
    usage = answer.message.get("usage") if isinstance(answer.message, dict) else None
    return usage if isinstance(usage, dict) else {}


def _count(usage: dict[str, Any], path: str) -> Any:
    value: Any = usage
    for key in path.split("/"):
        value = value.get(key, ABSENT) if isinstance(value, dict) else ABSENT
    return value


def total_input(usage: dict[str, Any]) -> int | None:
    """All input of a request, cached or not; None where a part is no count."""
    counts = [usage.get(key, 0) or 0 for key in INPUT]
    known = [count for count in counts if is_integer(count)]
    return sum(known) if len(known) == len(INPUT) and "input_tokens" in usage else None


@rule(
    "usage.object",
    row="response.usage",
    law="usage is an object: in a JSON answer, in message_start and in message_delta.",
    source=SDK_USAGE,
)
def usage_object(answer: Answer) -> Found:
    given = answer.head
    places = [(f"{given[0]}/usage", given[1].get("usage", ABSENT))] if given else []
    if answer.in_events:
        places += [(f"event/{number}/usage", data.get("usage", ABSENT)) for number, data in answer.stream_result.deltas]
    return first_fault(unlike(usage, at, OBJECT) for at, usage in places) if places else None


@rule(
    "usage.input-tokens",
    row="response.usage.input_tokens",
    law="input_tokens is an integer from 0, in a JSON answer and in message_start.",
    source=SDK_USAGE,
    leniency="message_delta may leave it out, or say null.",
)
def input_tokens(answer: Answer) -> Found:
    given = answer.head
    required = f"{given[0]}/usage" if given else ""
    usages = [(at, usage) for at, usage in _usages(answer) if at == required or usage.get("input_tokens") is not None]
    wrong = [violation for at, usage in usages for violation in expect(usage, "input_tokens", at, COUNT)]
    return wrong[:1] if usages else None


@rule(
    "usage.output-tokens",
    row="response.usage.output_tokens",
    law="output_tokens is an integer from 0: in a JSON answer, in message_start and in every message_delta.",
    source=SDK_USAGE,
)
def output_tokens(answer: Answer) -> Found:
    usages = _usages(answer)
    wrong = [violation for at, usage in usages for violation in expect(usage, "output_tokens", at, COUNT)]
    return wrong[:1] if usages else None


@rule(
    "usage.counters",
    row="response.usage.counters",
    law="Every other counter is an integer from 0.",
    source=SDK_USAGE,
    leniency="Each may be null or left out.",
)
def counters(answer: Answer) -> Found:
    usages = _usages(answer)
    return first_fault(_counter_faults(usage, at) for at, usage in usages) if usages else None


def _counter_faults(usage: dict[str, Any], at: str) -> list[Violation]:
    return expect_all(usage, at, _OTHERS) or first_fault(
        expect_all(usage[key], f"{at}/{key}", forms) for key, forms in _INSIDE.items() if usage.get(key) is not None
    )


@rule(
    "usage.labels",
    row="response.usage.service_tier",
    law="service_tier is standard, priority or batch; speed is standard or fast; inference_geo is a string.",
    source=SDK_USAGE,
    level="should",
    leniency="Each may be null or left out.",
)
def labels(answer: Answer) -> Found:
    given = [(at, usage, key) for at, usage in _usages(answer) for key in LABELS if usage.get(key) is not None]
    return first_fault(expect(usage, key, at, LABELS[key]) for at, usage, key in given) if given else None


@rule(
    "usage.input-counted",
    row="response.usage.input_tokens",
    law="The input of a request is counted: input_tokens with the cached ones is more than 0.",
    source=CACHING,
)
def input_counted(answer: Answer) -> Found:
    total = total_input(_final(answer))
    if total is None or total < 0 or not (answer.request or {}).get("messages") or _is_of_a_given_shape(answer):
        return None
    return unlike(total, "/usage/input_tokens", POSITIVE)


@rule(
    "usage.start-counted",
    row="response.usage.input_tokens",
    law="message_start counts the input already: clients show the context from it.",
    source=STREAMING,
    on=("stream",),
    leniency="An estimate passes. Where the input is never counted at all, that is said, and not this.",
)
def start_counted(answer: Answer) -> Found:
    given, total = answer.head, total_input(_final(answer))
    if given is None or not answer.in_events or not isinstance(given[1].get("usage"), dict) or not total:
        return None
    started = total_input(given[1]["usage"])
    return None if started is None else unlike(started, f"{given[0]}/usage/input_tokens", POSITIVE)


@rule(
    "usage.output-counted",
    row="response.usage.output_tokens",
    law="What an answer says is counted: output_tokens is more than 0.",
    source=SDK_USAGE,
    leniency="0 passes where nothing was said and the answer did not end by itself, and where the suite's own upstream "
    "was told to count nothing.",
)
def output_counted(answer: Answer) -> Found:
    count = _final(answer).get("output_tokens")
    if not is_integer(count) or answer.stop_reason is None or _is_of_a_given_shape(answer):
        return None
    said = any(_says(block) for _, block in answer.placed_blocks)
    if count or (not said and answer.stop_reason not in BY_ITSELF):
        return []
    return [Violation("/usage/output_tokens", "more than 0", count, "zero" if said else "empty-answer")]


def _is_of_a_given_shape(answer: Answer) -> bool:
    """Whether the suite's own upstream was told the shape of its answer: what it does not count nobody can pass on."""
    return b"Shape: " in answer.exchange.request.body


def _says(block: dict[str, Any]) -> bool:
    return bool(block.get("text") or block.get("thinking") or block.get("type") == "tool_use")


@rule(
    "usage.within-max-tokens",
    row="response.usage.output_tokens",
    law="output_tokens is at most max_tokens.",
    source=SDK_USAGE,
    leniency="A max_tokens below 1 is no bound.",
)
def within_max_tokens(answer: Answer) -> Found:
    count, limit = _final(answer).get("output_tokens"), (answer.request or {}).get("max_tokens")
    if not is_integer(count) or not is_integer(limit) or limit < 1:
        return None
    return unlike(count, "/usage/output_tokens", at_most(limit))


@rule(
    "usage.limit-reached",
    row="response.stop_reason",
    law="An answer that max_tokens ended used them up.",
    source=STOP_REASONS,
    level="should",
    leniency="Half of them is enough, as counting differs, and so are 64 less, for a tool call that did not fit; not "
    "asked where thinking is on, which some servers do not count.",
)
def limit_reached(answer: Answer) -> Found:
    count, limit = _final(answer).get("output_tokens"), (answer.request or {}).get("max_tokens")
    if answer.stop_reason != "max_tokens" or not is_integer(count) or not is_integer(limit):
        return None
    if any(block.get("type") in ("thinking", "redacted_thinking") for _, block in answer.placed_blocks):
        return None
    early = count * 2 < limit and limit - count > LIMIT_MARGIN
    return [Violation("/usage/output_tokens", f"near {limit}", count, "not-reached")] if early else []


@rule(
    "usage.input-possible",
    row="response.usage.input_tokens",
    law="A request is not counted as more tokens than it has bytes.",
    source=SDK_USAGE,
    level="should",
    leniency="Twice its bytes and 30,000 tokens are let pass, for instructions that a server adds; not asked where "
    "pictures, documents, uploads or server tools bring tokens of their own.",
)
def input_possible(answer: Answer) -> Found:
    request = answer.request or {}
    counts = [(count, at) for at, usage in _usages(answer) if (count := total_input(usage)) is not None]
    if not counts or not isinstance(request.get("messages"), list):
        return None
    most, at = max(counts)
    if most <= HIDDEN_INPUT:
        return []
    text = msgspec.json.encode(request)
    if any(mark in text for mark in WEIGHS_MORE):
        return None
    kind = "beyond-window" if most > LARGEST_WINDOW else "beyond"
    return unlike(most, f"{at}/input_tokens", at_most(2 * len(text) + HIDDEN_INPUT, kind))


@rule(
    "usage.cumulative",
    row="stream.usage_cumulative",
    law="output_tokens never shrinks from message_start over each message_delta: it is the total so far.",
    source=STREAMING,
    on=("stream",),
    leniency="In message_start a count of up to 8 is a placeholder, whatever follows.",
)
def cumulative(answer: Answer) -> Found:
    counts = [(at, usage["output_tokens"]) for at, usage in _usages(answer) if is_integer(usage.get("output_tokens"))]
    if not answer.in_events or len(counts) < 2:
        return None
    for (before, earlier), (at, later) in pairwise(counts):
        placeholder = before.endswith("/message/usage") and earlier <= PLACEHOLDER
        if 0 <= later < earlier and not placeholder:
            return [Violation(f"{at}/output_tokens", f"at least {earlier}", later, "shrinks")]
    return []


@rule(
    "usage.cache-creation-sum",
    row="response.usage.cache",
    law="The counters in cache_creation add up to cache_creation_input_tokens.",
    source=CACHING,
)
def cache_creation_sum(answer: Answer) -> Found:
    usage = _final(answer)
    parts = usage.get("cache_creation")
    total = usage.get("cache_creation_input_tokens")
    counts = [parts.get(f"ephemeral_{ttl}_input_tokens") for ttl in ("5m", "1h")] if isinstance(parts, dict) else []
    known = [count for count in counts if is_integer(count)]
    if not is_integer(total) or len(known) != 2:
        return None
    return unlike(sum(known), "/usage/cache_creation", constant(total, "sum"))


@rule(
    "usage.thinking-within-output",
    row="response.usage.output_tokens",
    law="The thinking tokens are part of the output tokens.",
    source=SDK_USAGE,
)
def thinking_within_output(answer: Answer) -> Found:
    usage = _final(answer)
    thought, count = _count(usage, "output_tokens_details/thinking_tokens"), usage.get("output_tokens")
    if not is_integer(thought) or not is_integer(count):
        return None
    return unlike(thought, "/usage/output_tokens_details/thinking_tokens", at_most(count))


@rule(
    "usage.start-agrees",
    row="stream.usage_cumulative",
    law="The input that message_delta counts is the input that message_start counted.",
    source=STREAMING,
    on=("stream",),
    level="may",
    leniency="A note: some servers can only estimate the input before the model has read it.",
)
def start_agrees(answer: Answer) -> Found:
    given = answer.head
    started = total_input(given[1]["usage"]) if given and isinstance(given[1].get("usage"), dict) else None
    finals = [usage for _, usage in _usages(answer)[1:] if is_integer(usage.get("input_tokens"))]
    if not answer.in_events or started is None or not finals:
        return None
    total = total_input(_final(answer))
    return [] if total is None else unlike(total, "/usage/input_tokens", constant(started, "differs"))

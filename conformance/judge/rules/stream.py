"""Rules about the stream: those that the state machine checks, and those about time and repetition."""

from collections.abc import Callable

from msgspec.structs import replace

from conformance.judge.answer import Answer
from conformance.judge.block import repetition_of
from conformance.judge.finding import Violation
from conformance.judge.rules.rule import EVENT_STREAM, STREAMING, Found, Rule, rule
from conformance.judge.stream_result import StreamResult
from conformance.judge.wire import looks_of, shown, whole
from conformance.words import Level

LONG_ANSWER_WORDS = 100
LATE = 2.0
"""Seconds until the first delta from which on one burst means that the server held the answer back."""
BURST = 0.01
"""Seconds within which everything arrives when it was held back."""
UNSEEN = 0.1
"""Seconds in which the suite itself did not look from which on they may have held all of an answer."""
SILENCE = 60.0
"""Seconds without a byte after which proxies and clients begin to give up."""


def _events(result: StreamResult) -> bool:
    return bool(result.events)


def _started(result: StreamResult) -> bool:
    return result.start_event >= 0


def _blocks(result: StreamResult) -> bool:
    return bool(result.blocks)


def _some(kind: str) -> Callable[[StreamResult], bool]:
    return lambda result: any(block.kind == kind for block in result.blocks)


def _deltas(result: StreamResult) -> bool:
    return bool(result.delta_times)


def _ends(result: StreamResult) -> bool:
    return result.error is None


def _watched(
    name: str,
    law: str,
    seen: Callable[[StreamResult], bool] = _events,
    *,
    row: str,
    source: str = STREAMING,
    level: Level = "must",
    leniency: str = "",
    kind_if_started: str = "",
) -> Rule:
    """A law that the state machine watches over; `seen` tells whether the stream gave it something to hold on."""

    def check(answer: Answer) -> Found:
        result = answer.stream_result
        broken = result.breaches.get(name)
        if broken is not None:
            return (
                [replace(one, kind=kind) for one in broken]
                if (kind := kind_if_started) and _started(result)
                else broken
            )
        return [] if answer.in_events and seen(result) else None

    return rule(name, row=row, law=law, source=source, on=("stream",), level=level, leniency=leniency)(check)


WATCHED: tuple[Rule, ...] = (
    _watched(
        "stream.event-name",
        "Each frame has an `event:` field, and it equals the type in its data.",
        row="stream.event_name",
        leniency="Unknown names pass as long as both agree: new event types may appear.",
    ),
    _watched(
        "stream.event-data",
        "Each event carries data: none is blank.",
        row="stream.data",
        source=EVENT_STREAM,
        leniency="Comments, and frames of only `id:` or `retry:`, are no events.",
    ),
    _watched("stream.data-json", "The data of each event is one JSON object.", row="stream.data"),
    _watched("stream.data-type", "The data of each event carries its own type.", row="stream.data"),
    _watched(
        "stream.whole-characters",
        "Characters are not split over events: each one's data is UTF-8, without halves of surrogate pairs.",
        row="stream.characters",
    ),
    _watched(
        "stream.blank-line",
        "Each event ends with a blank line, the last one too.",
        row="stream.framing",
        source=EVENT_STREAM + "#event-stream-interpretation",
    ),
    _watched(
        "stream.start-first",
        "message_start comes before every event of the message.",
        row="stream.message_start",
        kind_if_started="late",  # Claude Code 2.1.332 reads on, and asks again where it never comes
    ),
    _watched("stream.start-once", "message_start comes once.", _started, row="stream.message_start"),
    _watched("stream.start-message", "message_start carries a message.", _started, row="stream.message_start"),
    _watched(
        "stream.start-content",
        "The message in message_start has an empty content array.",
        _started,
        row="stream.message_start",
    ),
    _watched(
        "stream.start-stop",
        "The message in message_start has stop_reason null and stop_sequence null.",
        _started,
        row="stream.message_start.stop_null",
    ),
    _watched("stream.index-integer", "Block events carry an integer index.", _blocks, row="stream.index"),
    _watched("stream.index", "Blocks are numbered 0, 1, 2 in the order of their starts.", _blocks, row="stream.index"),
    _watched(
        "stream.block", "content_block_start carries an object with a type.", _blocks, row="stream.content_block_start"
    ),
    _watched(
        "stream.text-start",
        'A text block starts with text "": its content comes in deltas.',
        _some("text"),
        row="stream.content_block_start",
    ),
    _watched(
        "stream.thinking-start",
        'A thinking block starts with thinking "": its content comes in deltas.',
        _some("thinking"),
        row="stream.content_block_start",
        leniency="signature may be left out at the start.",
    ),
    _watched(
        "stream.tool-start",
        "A tool_use block starts with input {}: its input comes in deltas.",
        _some("tool_use"),
        row="stream.tool_input",
        leniency="Server tools may bring their input at once: they run on the server, and no client reads it to act.",
    ),
    _watched(
        "stream.one-open", "A block starts only after the one before it has stopped.", _blocks, row="stream.block_life"
    ),
    _watched(
        "stream.delta", "content_block_delta carries an object with a type.", _deltas, row="stream.content_block_delta"
    ),
    _watched("stream.delta-open", "A delta belongs to the block that is open.", _deltas, row="stream.block_life"),
    _watched(
        "stream.delta-type",
        "The deltas of a block are of the types that belong to its own.",
        _deltas,
        row="stream.content_block_delta",
        leniency="Unknown delta types, and any delta in a block of unknown type, pass.",
    ),
    _watched(
        "stream.delta-payload",
        "A delta carries its payload in the right type.",
        _deltas,
        row="stream.content_block_delta",
    ),
    _watched(
        "stream.signature-last",
        "signature_delta comes after the last thinking_delta of its block.",
        _some("thinking"),
        row="stream.thinking_signature",
    ),
    _watched("stream.stop-open", "content_block_stop belongs to an open block.", _blocks, row="stream.block_life"),
    _watched(
        "stream.stop-each",
        "Every block that was started gets its content_block_stop.",
        _blocks,
        row="stream.content_block_stop",
        leniency="The last tool_use block may lack it where max_tokens cut it: the vendor's own recording does.",
    ),
    _watched(
        "stream.message-delta",
        "A message ends with at least one message_delta.",
        _ends,
        row="stream.message_delta",
    ),
    _watched(
        "stream.message-delta-last",
        "message_delta comes after the last content_block_stop.",
        lambda result: bool(result.deltas),
        row="stream.message_delta",
    ),
    _watched(
        "stream.one-stop-reason",
        "Several message_delta events do not contradict each other's stop_reason.",
        lambda result: bool(result.deltas),
        row="stream.message_delta",
    ),
    _watched(
        "stream.stop",
        "A stream ends with message_stop, or with an error event.",
        _ends,
        row="stream.message_stop",
    ),
    _watched(
        "stream.stop-last",
        "message_stop comes once, and nothing after it.",
        lambda result: result.stopped,
        row="stream.message_stop",
        leniency="A ping after it does no harm, and passes.",
    ),
    _watched("stream.no-done", "No `data: [DONE]`: that is another API's end.", row="stream.message_stop"),
    _watched(
        "stream.error-last",
        "Nothing follows an error event.",
        lambda result: result.error is not None,
        row="stream.error",
    ),
    _watched(
        "stream.ping",
        'A ping is {"type":"ping"}.',
        lambda result: result.pings > 0,
        row="stream.ping",
        level="should",
        leniency="A SHOULD: clients skip a ping whatever it holds. It may stand anywhere.",
    ),
)


NAMED = ("JSON", "HTML", "an empty body")
"""What a body that is no stream looks like, by name; any other is a stream without an event."""


@rule(
    "stream.answered",
    row="stream.answered",
    law="A request with stream true that is carried out is answered with an event stream.",
    source=STREAMING,
    on=("stream",),
)
def answered(answer: Answer) -> Found:
    if answer.in_events:
        return answer.stream_result.breaches.get("stream.answered", [])
    if isinstance(answer.json, dict) and "error" in answer.json:
        return None
    if answer.exchange.outcome != "complete":
        return None
    looks = looks_of(answer.exchange.body)
    word = looks.split(":")[0].replace(" ", "-") if looks.startswith(NAMED) else "empty"
    return [Violation("", "an event stream", looks, word)]


@rule(
    "stream.citations-once",
    row="stream.content_block_start",
    law="A citation comes once: in the start of its block, or in a delta.",
    source=STREAMING,
    on=("stream",),
)
def citations_once(answer: Answer) -> Found:
    cited = [block for block in answer.stream_result.blocks if block.citations] if answer.in_events else []
    for block in cited:
        start = block.start.get("citations")
        if isinstance(start, list) and any(citation in block.citations for citation in start):
            return [Violation(f"event/{block.event}/content_block/citations", [], shown(start), "twice")]
    return [] if cited else None


@rule(
    "stream.body-ends",
    row="stream.message_stop",
    law="The body ends after message_stop: the connection is not held open.",
    source=STREAMING,
    on=("stream",),
    by_clock=True,
)
def body_ends(answer: Answer) -> Found:
    if not answer.in_events or not answer.stream_result.stopped:
        return None
    held = answer.exchange.outcome == "unfinished"
    return [Violation("event/end", "the end of the body", "an open connection", "held-open")] if held else []


@rule(
    "stream.incremental",
    row="stream.incremental",
    law="A long answer arrives as it is made, not all at once at its end.",
    source=STREAMING,
    on=("stream",),
    by_clock=True,
    level="should",
    leniency="By time only, on answers of more than 100 words whose first delta was late: a short answer, or one that "
    "was ready at once, may come in one piece. Nor is anything said of what the suite itself read late, held up by a "
    "busy machine.",
)
def incremental(answer: Answer) -> Found:
    timing = answer.timing
    if not answer.in_events or timing.first_delta is None or timing.span is None:
        return None
    if len(answer.text.split(maxsplit=LONG_ANSWER_WORDS)) <= LONG_ANSWER_WORDS:
        return None
    span = timing.span
    if span > BURST:
        return []
    if timing.first_delta < LATE or span + answer.hidden(timing.first_delta) > UNSEEN:
        return None
    return [Violation("", "deltas over time", f"all within {span:.3f} s, after {timing.first_delta:.1f} s", "burst")]


@rule(
    "stream.keep-alive",
    row="stream.keep_alive",
    law="No silence of a stream is so long that clients and proxies give it up.",
    source=STREAMING + "#ping-events",
    on=("stream",),
    by_clock=True,
    level="should",
    leniency="60 s, the shortest idle limit that common proxies come with; a comment counts as life as much as a ping; "
    "what may have come while the suite itself was held up did come.",
)
def keep_alive(answer: Answer) -> Found:
    if not answer.in_events:
        return None
    silence = answer.timing.longest_silence
    return [Violation("", f"at most {SILENCE:.0f} s", f"{silence:.0f} s", "silence")] if silence > SILENCE else []


@rule(
    "stream.delta-adds",
    row="stream.content_block_delta",
    law="A delta carries what is new: it repeats neither the text so far nor the delta before it.",
    source=STREAMING,
    on=("stream",),
    leniency="Found only in three or more deltas that all repeat: two that happen to are text.",
)
def delta_adds(answer: Answer) -> Found:
    if not answer.in_events:
        return None
    seen = False
    for number, block in enumerate(answer.stream_result.blocks):
        for pieces in (block.texts, block.thoughts):
            seen = seen or len(pieces) > 2
            if kind := repetition_of(pieces):
                return [Violation(f"/content/{number}", "what is new", whole(pieces[:3]), kind)]
    return [] if seen else None


@rule(
    "stream.signature-whole",
    row="stream.thinking_signature",
    law="The signature of a thinking block comes whole, in one signature_delta.",
    source=STREAMING + "#thinking-delta",
    on=("stream",),
    level="should",
    leniency="A SHOULD: clients that append and clients that replace read pieces differently; empty ones do no harm.",
)
def signature_whole(answer: Answer) -> Found:
    if not answer.in_events:
        return None
    signed = [
        (number, [one for one in block.signatures if one]) for number, block in enumerate(answer.stream_result.blocks)
    ]
    several = [(number, given) for number, given in signed if len(given) > 1]
    if several:
        return [Violation(f"/content/{several[0][0]}/signature", "one signature_delta", len(several[0][1]), "pieces")]
    return [] if any(given for _, given in signed) else None


@rule(
    "stream.comment-keep-alive",
    row="stream.keep_alive",
    law="Silence is bridged by ping events.",
    source=STREAMING + "#ping-events",
    on=("stream",),
    level="may",
    leniency="A note: a comment line is legal, but clients that count events do not see it.",
)
def comment_keep_alive(answer: Answer) -> Found:
    body = answer.exchange.body
    if not answer.in_events or not (body.startswith(b":") or b"\n:" in body or b"\r:" in body):
        return None
    return [] if answer.stream_result.pings else [Violation("", "ping events", "comment lines only", "comment")]


@rule(
    "stream.one-line-data",
    row="stream.framing",
    law="The data of an event stands on one line.",
    source=EVENT_STREAM,
    on=("stream",),
    level="may",
    leniency="A note: several data lines are legal server-sent events, and are joined.",
)
def one_line_data(answer: Answer) -> Found:
    if not answer.in_events:
        return None
    several = [frame for frame in answer.frames if frame.lines > 1]
    return [Violation(f"event/{several[0].number}", "one line", several[0].lines, "lines")] if several else []

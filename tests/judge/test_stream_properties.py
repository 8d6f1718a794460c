"""Laws of the reading itself: where chunks end, pings and comments change nothing; any bytes are judged; stops."""

from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from correct_exchanges import MESSAGES, STREAM_HEADERS, asked, events_of, exchange, sse
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.judge.answer import Answer, read
from conformance.judge.block import Block
from conformance.judge.rules import RULES, examine
from conformance.judge.shape import TIMED, events_masked, fits, masked
from conformance.judge.stream import follow
from conformance.judge.stream_result import StreamResult
from conformance.probe.exchange import Chunk, Exchange
from conformance.probe.sse import Frame, frames

STREAMS = {name: (request, sse(events_of(whole))) for name, (request, whole) in MESSAGES.items()}
names = st.sampled_from(sorted(STREAMS))


def stream_of(name: str, chunks: list[bytes]) -> Exchange:
    request = STREAMS[name][0] | {"stream": True}
    arrived = tuple(Chunk(0.02, piece) for piece in chunks)
    return exchange(b"", request=request, headers=STREAM_HEADERS, chunks=arrived)


def said(answer: Answer) -> Any:
    """All that a reader of the answer learns, but for the places of events and their times."""
    broken = {one.rule.id: [violation.kind for violation in one.violations] for one in examine(answer)}
    return answer.message, answer.text, answer.unreadable, broken


@given(names, st.data())
def test_the_borders_of_chunks_change_nothing(name: str, data: st.DataObject) -> None:
    body = STREAMS[name][1]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(body) - 1), max_size=12)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    one, many = read(stream_of(name, [body]), "stream"), read(stream_of(name, pieces), "stream")
    assert (said(one), one.events) == (said(many), many.events)


LEGAL = [
    b": keep-alive\n",
    b":\n\n",
    b'event: ping\ndata: {"type": "ping"}\n\n',
    b'event: news\ndata: {"type": "news", "of": []}\n\n',
    b"id: 7\nretry: 1000\n\n",
]


@given(names, st.data())
def test_comments_pings_and_news_between_events_change_nothing(name: str, data: st.DataObject) -> None:
    events = STREAMS[name][1].split(b"\n\n")[:-1]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(events) - 1))
        events.insert(place, data.draw(st.sampled_from(LEGAL)).removesuffix(b"\n\n"))
    body = (
        b"\n\n".join(event.removesuffix(b"\n") + b"\n" * event.endswith(b"keep-alive\n") for event in events) + b"\n\n"
    )
    plain, mixed = read(stream_of(name, [STREAMS[name][1]]), "stream"), read(stream_of(name, [body]), "stream")
    notes = {"stream.comment-keep-alive"}
    assert said(plain)[:3] == said(mixed)[:3]
    assert {rule for rule, kinds in said(mixed)[3].items() if kinds} - notes == {
        r for r, kinds in said(plain)[3].items() if kinds
    }


@given(names, st.sampled_from([b"\r\n", b"\r"]))
def test_line_ends_change_nothing(name: str, end: bytes) -> None:
    body = STREAMS[name][1]
    assert said(read(stream_of(name, [body]), "stream")) == said(
        read(stream_of(name, [body.replace(b"\n", end)]), "stream")
    )


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "index", "delta", "text"]), inner)
    ),
    max_leaves=8,
)
KINDS = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "ping",
    "error",
]
DELTAS = ["text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta"]
KEYS = [
    "text",
    "partial_json",
    "thinking",
    "signature",
    "citation",
    "stop_reason",
    "stop_sequence",
    "usage",
    "id",
    "name",
]
events = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional={
        "index": st.integers(-1, 3) | json_values,
        "message": json_values | st.fixed_dictionaries({"id": json_values}, optional={"usage": json_values}),
        "content_block": st.fixed_dictionaries(
            {"type": st.sampled_from(["text", "thinking", "tool_use", "web_search_tool_result"]) | json_values},
            optional={"text": json_values, "input": json_values, "thinking": json_values, "content": json_values},
        ),
        "delta": json_values
        | st.fixed_dictionaries(
            {"type": st.sampled_from(DELTAS) | json_values}, optional=dict.fromkeys(KEYS, json_values)
        ),
        "usage": json_values | st.dictionaries(st.sampled_from(["input_tokens", "output_tokens"]), json_values),
        "error": json_values,
    },
)
KINDS_OF_A_LAW = 8


def judged(exchange: Exchange) -> None:
    """Reads an answer to the end: nothing may raise, and no rule repeats itself."""
    answer = read(exchange, "stream")
    for reading in examine(answer):
        kinds = [violation.kind for violation in reading.violations]
        assert len(kinds) == len(set(kinds)) <= KINDS_OF_A_LAW
    assert (answer.document, answer.unreadable, answer.error) is not None


@settings(max_examples=150)
@given(st.lists(events, max_size=8))
def test_any_events_are_judged(told: list[dict[str, Any]]) -> None:
    judged(exchange(sse(told), request=asked(stream=True), headers=STREAM_HEADERS))


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([b"data: ", b"event: ", b"\n", b"{", b"}", b'"type"', b":"])).map(b"".join)
)
def test_any_bytes_are_judged(body: bytes) -> None:
    for request in (asked(), asked(stream=True)):
        judged(exchange(body, request=request))
        judged(exchange(body, request=request, status=400))


@settings(max_examples=25)
@given(json_values)
def test_any_json_is_judged(value: Any) -> None:
    import json

    for path in ("/v1/messages", "/v1/messages/count_tokens", "/v1/models", "/v1/messages/batches", "/v1/models/m"):
        for method in ("GET", "POST"):
            for status in (200, 400, 500):
                body = json.dumps(value).encode()
                judged(exchange(body, request=body, path=path, method=method, status=status))


@given(
    st.lists(
        st.builds(
            Frame,
            st.integers(0, 5),
            st.none() | st.text(),
            st.none() | st.binary(),
            st.just(0.0),
            st.booleans(),
            st.just(1),
        )
    )
)
def test_the_machine_takes_any_frames(frames: list[Frame]) -> None:
    story = follow(frames)
    assert set(story.breaches) <= set(RULES)
    assert isinstance(story.message, dict)


@settings(max_examples=150)
@given(names, st.data())
def test_a_delta_that_breaks_no_law_is_taken_as_after_a_closer_look(name: str, data: st.DataObject) -> None:
    """Whatever stands around them: correct streams with events lost, doubled, moved, and others between."""
    told = events_of(MESSAGES[name][1])
    deltas = [event for event in told if event["type"] == "content_block_delta"]
    added = st.sampled_from(deltas or told) | st.sampled_from(told) | events
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, len(told)))
        told[place : place + data.draw(st.integers(0, 1))] = data.draw(st.lists(added, max_size=2))
    arrived = frames([Chunk(0.5, sse(told))])
    quickly = follow(arrived)
    with patch.object(Block, "add", lambda *_: False):
        closely = follow(arrived)
    assert seen(quickly) == seen(closely)


def seen(result: StreamResult) -> Any:
    told = msgspec.structs.asdict(result)
    told["blocks"] = [
        {key: value for key, value in vars(block).items() if key != "_plain"} | {"is": block.accumulated()}
        for block in result.blocks
    ]
    return told, result.message


START = {"type": "content_block_start"}
THINKING = {"type": "thinking", "thinking": "", "signature": ""}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "echo", "input": {}}
TEXT = {"type": "text", "text": ""}


def _kinds(*blocks: dict[str, Any]) -> list[str]:
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "m",
        "stop_reason": None,
    }
    events = [
        {"type": "message_start", "message": {**message, "usage": {"input_tokens": 1, "output_tokens": 1}}},
        *blocks,
    ]
    answer = read(exchange(sse(events), request=asked(stream=True)), "stream")
    return [one.kind for one in follow(answer.frames).breaches.get("stream.stop-open", [])]


@pytest.mark.parametrize(
    ("events", "kinds"),
    [
        ([{**START, "index": 0, "content_block": TEXT}, {"type": "content_block_stop", "index": 3}], ["never-opened"]),
        ([{**START, "index": 0, "content_block": TEXT}, *2 * [{"type": "content_block_stop", "index": 0}]], ["closed"]),
        (
            [
                {**START, "index": 0, "content_block": THINKING},
                {**START, "index": 0, "content_block": CALL},
                {"type": "content_block_stop", "index": 0},
                {"type": "content_block_stop", "index": 1},
                {"type": "content_block_stop", "index": 2},
            ],
            ["renumbered", "never-opened"],
        ),
    ],
)
def test_a_stop_without_its_block(events: list[dict[str, Any]], kinds: list[str]) -> None:
    assert _kinds(*events) == kinds


SHAPE_KEYS = st.sampled_from(["type", "delta", "input", "index", "text", "k" * 100, "k" * 101])
SHAPE_SCALARS = (
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["text_delta", "a b", "", "string", "x" * 101])
)
SHAPE_VALUES = st.recursive(
    SHAPE_SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SHAPE_KEYS, inner, max_size=3),
    max_leaves=8,
)
SHAPE_EVENTS = st.lists(
    st.fixed_dictionaries(
        {"event": st.sampled_from(["content_block_delta", "ping", "other", None]), "data": SHAPE_VALUES}
    ),
    max_size=8,
)


@given(SHAPE_VALUES, SHAPE_VALUES)
def test_what_fits_a_mask_is_masked_so(value: Any, other: Any) -> None:
    if fits(value, masked(other)):
        assert masked(value) == masked(other)


@given(SHAPE_EVENTS)
def test_events_are_masked_each_and_equal_neighbours_are_one(events: list[dict[str, Any]]) -> None:
    plain: list[Any] = []
    for event in events:
        shape = {"event": event["event"], "data": masked(event["data"])}
        if event["event"] not in TIMED and shape != (plain[-1] if plain else None):
            plain.append(shape)
    assert events_masked(events) == plain


def test_a_delta_like_the_one_before_is_seen_at_once() -> None:
    first, second = (
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}} for text in "ab"
    )
    assert fits(second, masked(first))
    assert not fits({**second, "index": "0"}, masked(first))


def test_two_halves_of_a_character_in_two_deltas_are_one_as_clients_join_them() -> None:
    _, body = STREAMS["text"]
    halved = body.replace(b"Hello t", b"Hell\\ud83e").replace(b"here, w", b"\\udd8a, w")
    answer = read(stream_of("text", [halved]), "stream")
    assert answer.text == "Hell🦊, world!"
    assert [one.rule.id for one in examine(answer) if one.violations] == ["stream.whole-characters"]


def test_the_shape_of_a_batch_is_the_same_whether_or_not_it_has_ended() -> None:
    going = {
        "id": "b_1",
        "type": "message_batch",
        "ended_at": None,
        "results_url": None,
        "cancel_initiated_at": None,
        "archived_at": None,
        "request_counts": {"processing": 2},
    }
    ended = {**going, "ended_at": "2026-01-01T00:00:00Z", "results_url": "http://127.0.0.1/b_1"}
    assert masked(going) == masked(ended)
    assert masked(going) == masked({**going, "cancel_initiated_at": "2026-01-01T00:00:00Z"})
    assert masked(going) != masked({**going, "ended_at": 0})
    assert masked(going) != masked({name: value for name, value in going.items() if name != "ended_at"})
    assert masked({"ended_at": None}) != masked({"ended_at": "2026-01-01T00:00:00Z"}), "an object of another type"


def test_the_shape_of_a_list_is_that_of_its_first_entry_whatever_older_ones_there_are() -> None:
    new = {"id": "b_2", "type": "message_batch", "ended_at": None, "request_counts": {"processing": 2}}
    old = {**new, "id": "b_1", "ended_at": "2026-01-01T00:00:00Z", "results_url": "http://127.0.0.1/b_1"}
    page = {"data": [new], "has_more": False, "first_id": "b_2"}
    assert masked(page) == masked({**page, "data": [new, old, new]})
    assert masked(page) == masked({**page, "data": [{**new, "ended_at": "2026-01-02T00:00:00Z"}]})
    assert masked(page) != masked({**page, "data": [{**new, "type": "batch"}]})
    assert masked(page) != masked({**page, "data": [{"id": "b_2", "type": "message_batch"}]})

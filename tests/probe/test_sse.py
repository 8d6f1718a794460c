"""The decoder of server-sent events: exact to the standard, and the same wherever the bytes are split."""

import gc
import itertools
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.probe.shelf import LARGE, ShelvedChunks, shelved
from conformance.probe.sse import Decoder, Frame, frames

LINES = st.sampled_from(
    b"|".join(
        [
            b"||data: one|data:two|data:  three|data|data:|event: ping|event:pong|event|: comment|:|id: 7|retry: 10",
            b"unknown: x|data: \xe2\x80\xa8 \xc3\xa9|data: a:b| data: no|\xef\xbb\xbf|data: \xff",
        ]
    ).split(b"|")
)
BREAKS = st.sampled_from([b"\n", b"\r", b"\r\n"])
BODIES = st.builds(
    lambda mark, pairs, tail: mark + b"".join(line + end for line, end in pairs) + tail,
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\xef\xbb"]),
    st.lists(st.tuples(LINES, BREAKS), max_size=20),
    st.sampled_from([b"", b"data: tail", b"da", b": tail"]),
)


def decode(*pieces: bytes) -> list[tuple[str | None, bytes | None, bool]]:
    return [(frame.name, frame.data, frame.ended) for frame in frames(Chunk(0.0, piece) for piece in pieces)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"event: ping\ndata: {}\n\n", [("ping", b"{}", True)]),
        (b"event:ping\r\ndata:{}\r\n\r\n", [("ping", b"{}", True)]),
        (b"event: ping\rdata: {}\r\r", [("ping", b"{}", True)]),
        (b"data: a\r\r\ndata: b\n\n", [(None, b"a", True), (None, b"b", True)]),
        (b"\xef\xbb\xbfdata: a\n\n", [(None, b"a", True)]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", [(None, None, True)]),
        (b": keep-alive\n\n: again\n\ndata: a\n\n", [(None, b"a", True)]),
        (b"data: a\n: in between\ndata: b\n\n", [(None, b"a\nb", True)]),
        (b"data\n\n", [(None, b"", True)]),
        (b"data:\ndata\n\n", [(None, b"\n", True)]),
        (b"data:  a \n\n", [(None, b" a ", True)]),
        (b"event: a\nevent: b\n\n", [("b", None, True)]),
        (b"event\ndata: a\n\n", [("", b"a", True)]),
        (b"id: 1\nretry: 5\n\n", [(None, None, True)]),
        (b"data: a\xe2\x80\xa8b\x0bc\x85d\n\n", [(None, b"a\xe2\x80\xa8b\x0bc\x85d", True)]),
        (b"event: \xff\ndata: \xff\n\n", [("�", b"\xff", True)]),
        (b"Data: a\n data: b\n\n", [(None, None, True)]),
        (b"data: a\n", [(None, b"a", False)]),
        (b"data: a", [(None, b"a", False)]),
        (b"data: a\n\n: bye", [(None, b"a", True)]),
        (b"\n\n\r\r\n", []),
        (b"", []),
        (b"\xef\xbb", [(None, None, False)]),
    ],
)
def test_what_the_standard_says(body: bytes, expected: list[tuple[str | None, bytes | None, bool]]) -> None:
    assert decode(body) == expected


@given(BODIES, st.lists(st.integers(0, 200), max_size=8))
def test_split_anywhere_gives_the_same_frames(body: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    pieces = [body[begin:end] for begin, end in itertools.pairwise(edges)]
    assert decode(*pieces) == decode(body)


@given(BODIES)
def test_byte_by_byte_gives_the_same_frames(body: bytes) -> None:
    assert decode(*(body[index : index + 1] for index in range(len(body)))) == decode(body)


@given(BODIES.map(lambda body: body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")), BREAKS)
def test_the_kind_of_line_break_makes_no_difference(body: bytes, line_break: bytes) -> None:
    assert decode(body.replace(b"\n", line_break)) == decode(body)


@given(st.binary())
def test_any_bytes_are_some_frames_numbered_from_zero(body: bytes) -> None:
    found = frames([Chunk(0.0, body)])
    assert [frame.number for frame in found] == list(range(len(found)))
    assert all(frame.ended for frame in found[:-1])


def test_a_frame_has_the_time_of_the_byte_that_completed_it() -> None:
    decoder = Decoder()
    assert decoder.feed(b"data: a\r\n\r", 1.0) == [Frame(0, None, b"a", 1.0, True, 1)]
    assert decoder.feed(b"\ndata: b\n", 2.0) == []
    assert decoder.feed(b"\ndata: c", 3.0) == [Frame(1, None, b"b", 3.0, True, 1)]
    assert decoder.close() == Frame(2, None, b"c", 3.0, False, 1)


pieces = st.lists(st.builds(Chunk, st.floats(0, 9), st.binary(max_size=40)), max_size=20)


@given(chunks=pieces)
def test_shelved_chunks_are_the_same_chunks(chunks: list[Chunk]) -> None:
    laid = ShelvedChunks(chunks)
    assert list(laid) == chunks
    assert [laid[number] for number in range(len(laid))] == chunks
    assert list(laid[1:3]) == chunks[1:3]
    assert laid.data == b"".join(chunk.data for chunk in chunks)
    assert laid.size == len(laid.data)


def test_a_large_answer_is_laid_aside_and_its_file_is_closed() -> None:
    exchange = Exchange(request=Request("GET", "http://h/", ()), outcome="complete", chunks=(Chunk(0.5, b"x" * LARGE),))
    assert shelved(exchange) is exchange
    larger = Exchange(request=exchange.request, outcome="complete", chunks=(Chunk(0.5, b"x" * (LARGE + 1)),))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        aside = shelved(larger)
        assert isinstance(aside.chunks, ShelvedChunks)
        assert aside.body == larger.body
        assert aside.size == larger.size
        del aside
        gc.collect()

"""Chunks that lie on disk are the same chunks, and leave nothing open behind."""

import gc
import warnings

from hypothesis import given
from hypothesis import strategies as some

from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.probe.shelf import LARGE, ShelvedChunks, shelved

chunks = some.lists(some.builds(Chunk, some.floats(0, 9), some.binary(max_size=40)), max_size=20)


@given(chunks=chunks)
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

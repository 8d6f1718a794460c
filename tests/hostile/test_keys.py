"""No spelling of a key that a decoder undoes is written anywhere, wherever an endpoint puts it."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as some
from key_spellings import KEY, SPELLINGS, leaks

from conformance.keys import MARK, Keys
from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.probe.scrub import Scrubber


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spelling_is_removed(name: str) -> None:
    spelled = SPELLINGS[name](KEY)
    for before, after in (("", ""), ('{"id": "', '"}'), ("x" * 445 + " ", "\n"), ("%", "%"), ("\\", "\\")):
        told = Keys([KEY]).removed_from(before + spelled + after)
        assert not leaks(told, KEY, spelled)
        assert told.startswith(before.rstrip("\\"))
        assert told.endswith(after)


signs = some.characters(min_codepoint=33, max_codepoint=126)
keys = some.text(signs, min_size=8, max_size=60).filter(lambda key: not key.isalpha())


@given(key=keys, name=some.sampled_from(sorted(SPELLINGS)), before=some.text(max_size=20), after=some.text(max_size=20))
def test_any_key_is_removed_in_any_spelling(key: str, name: str, before: str, after: str) -> None:
    spelled = SPELLINGS[name](key)
    told = Keys([key]).removed_from(f"{before} {spelled} {after}".encode("utf-8", "replace").decode())
    if len(spelled) > 16:
        assert spelled not in told
    assert key not in told.replace("[key removed]", "")


@given(key=keys, name=some.sampled_from(sorted(SPELLINGS)), cuts=some.lists(some.integers(0, 400), max_size=8))
def test_no_border_of_chunks_keeps_a_key(key: str, name: str, cuts: list[int]) -> None:
    body = b'{"id": "' + SPELLINGS[name](key).encode() + b'", "twice": "' + SPELLINGS[name](key).encode() + b'"}'
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    chunks = tuple(Chunk(float(n), body[a:b]) for n, (a, b) in enumerate(itertools.pairwise(edges)))
    asked = Exchange(request=Request("GET", "http://h/", ()), outcome="complete", status=200, chunks=chunks)
    seen = Scrubber([key]).exchange(asked)
    assert seen.body == Keys([key]).removed(body)
    assert SPELLINGS[name](key).encode() not in seen.body
    assert len(seen.chunks) == len(chunks)


@given(data=some.binary(max_size=300))
def test_what_holds_no_key_is_left_alone(data: bytes) -> None:
    assert Keys([KEY]).removed(data) is data


def test_removing_takes_time_that_grows_with_the_bytes() -> None:
    for unit in (
        KEY[:-1],
        "%73",
        "%25252525",
        "\\u0073",
        "\\\\\\\\",
        "&#000000",
        KEY.encode().hex()[:-1],
        "s",
        KEY[::-1][:-1],
    ):
        began = time.process_time()
        Keys([KEY]).removed((unit * (1_000_000 // len(unit))).encode())
        assert time.process_time() - began < 2


def test_many_keys_cost_as_much_as_each_alone() -> None:
    keys = Keys([f"sk-{number:03d}-QMUhNfIG7jvVlJlcNbR-KZrl" for number in range(30)])
    text = b'{"a": "some text of an answer \\u00e9 and more", "n": 12345},' * 4000
    began = time.process_time()
    assert keys.removed(text) is text
    assert time.process_time() - began < 2


def test_keys_that_overlap_are_removed_together() -> None:
    assert Keys(["abcdef-123456", "123456-uvwxyz"]).removed_from("to abcdef-123456-uvwxyz.") == f"to {MARK}."


def test_a_key_that_is_a_word_is_left_in_texts() -> None:
    assert Keys(["ollama", "dummy"]).removed_from("ollama says dummy") == "ollama says dummy"

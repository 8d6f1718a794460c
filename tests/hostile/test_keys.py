"""No spelling of a key that a decoder undoes is written anywhere, wherever an endpoint puts it."""

import base64
import html
import itertools
import json
import time
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from hostile_inventions import LONG_SPELLINGS, SPELLINGS, leaks
from hypothesis import given, settings
from hypothesis import strategies as some

from conformance.judge import finding, sentence, shape, wire, wording
from conformance.keys import KNOWN, MARK, Keys, shortened
from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.probe.scrub import Scrubber
from conformance.pytest_plugin import items

KEY = "sk-canary-9fJ2kQ7xLmZ0-secret/+="


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spelling_is_removed(name: str) -> None:
    spelled = SPELLINGS[name](KEY)
    for before, after in (("", ""), ('{"id": "', '"}'), ("x" * 445 + " ", "\n"), ("%", "%"), ("\\", "\\")):
        told = Keys([KEY]).removed_from(before + spelled + after)
        assert not leaks(told, KEY, spelled)
        assert told.startswith(before.rstrip("\\"))
        assert told.endswith(after)


@pytest.mark.parametrize("name", LONG_SPELLINGS)
def test_a_spelling_is_removed_with_what_may_belong_to_it(name: str) -> None:
    spelled = LONG_SPELLINGS[name](KEY)
    told = Keys([KEY]).removed_from(f'{{"id": "{spelled}"}}')
    assert told.startswith('{"id": "')
    assert told.endswith('"}')
    assert not any(spelled[at : at + 10] in told for at in range(len(spelled) - 9))


@pytest.mark.parametrize("codes", [json.dumps(list(KEY.encode())), json.dumps(list(KEY.encode()), indent=1)])
def test_of_a_list_of_numbers_a_list_of_numbers_stays(codes: str) -> None:
    assert json.loads(Keys([KEY]).removed_from(codes)) == [0] * len(KEY)


def test_a_removed_key_leaves_as_many_lines() -> None:
    key = KEY.rstrip("=")
    stream = f"data: {key[:9]}=\r\n{key[9:]}\n\ndata: x\n\n"
    assert Keys([key]).removed_from(stream) == f"data: {MARK}\r\n{MARK}\n\ndata: x\n\n"


signs = some.characters(min_codepoint=33, max_codepoint=126)
keys = some.text(signs, min_size=12, max_size=60).filter(lambda key: not key.isalpha())


AROUND: dict[str, Callable[[str], str]] = {
    "in JSON": lambda text: json.dumps(text)[1:-1],
    "in HTML": html.escape,
    "in a URL": lambda text: quote(text, safe=""),
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "in hexadecimal": lambda text: text.encode().hex(),
    "in Python": lambda text: repr(text.encode()),
}


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spelling_in_another_is_removed(name: str, around: str) -> None:
    spelled = AROUND[around](SPELLINGS[name](KEY))
    for place in ('{{"id": "msg_{}"}}', "x-a: b; c={}; d", "/v1/{}?x=1"):
        told = Keys([KEY]).removed_from(place.format(spelled))
        piece = max(14, len(spelled) // 4)
        assert not any(spelled[at : at + piece] in told for at in range(0, len(spelled) - piece, 3)), place


@settings(max_examples=40)
@given(key=keys, name=some.sampled_from(sorted(SPELLINGS)), before=some.text(max_size=20), after=some.text(max_size=20))
def test_any_key_is_removed_in_any_spelling(key: str, name: str, before: str, after: str) -> None:
    spelled = SPELLINGS[name](key)
    told = Keys([key]).removed_from(f"{before} {spelled} {after}".encode("utf-8", "replace").decode())
    if len(spelled) > 16:
        assert spelled not in told
    assert key not in told.replace("[key removed]", "")


@settings(max_examples=40)
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
        "115,",
        "73:",
        "=73",
        "\\73 ",
        "&amp;",
        "%26amp;",
    ):
        began = time.process_time()
        Keys([KEY]).removed((unit * (200_000 // len(unit))).encode())
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


@pytest.fixture
def known() -> Iterator[str]:
    KNOWN.remember(KEY)
    yield KEY
    KNOWN.forget()


CUTS: dict[str, tuple[int, Callable[[str], object]]] = {
    "a text": (120, lambda text: shortened(text, 120)),
    "what a finding observed, in words": (120, wording.shown),
    "what a finding observed": (660, lambda text: finding.bounded_value(text, 700)),
    "an object that a finding observed": (660, lambda text: finding.bounded_value({"city": text, "x": "y" * 700}, 700)),
    "the place of a finding": (300, finding.bounded_name),
    "a value of the wire": (wire.LONGEST_SHOWN, wire.shown),
    "an object of the wire": (wire.LONGEST_SHOWN - 10, lambda text: wire.shown({"city": text})),
    "a message of the server": (1200, sentence.masked),
    "a failed row of pytest": (160, items.brief),
    "a shape": (200, lambda text: shape.masked({text: 1})),
}
"""Where texts are cut, and about where in them."""


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("spelling", ["as it is", "JSON, every character", "JSON in JSON", "an array of codes"])
def test_no_cut_leaves_a_part_of_a_key(known: str, cut: str, spelling: str) -> None:
    longest, function = CUTS[cut]
    spelled = SPELLINGS[spelling](known)
    for inside in range(-30, len(spelled) + 10, 7):
        for behind in (0, 2000):
            text = "!" * max(0, longest - inside) + spelled + "!" * behind
            told = KNOWN.removed_from(f"{function(text)}")  # as it is written
            assert not any(spelled[at : at + 14] in told for at in range(len(spelled) - 13)), inside

"""No spelling of a key that a decoder undoes is written anywhere, wherever an endpoint puts it."""

import base64
import html
import itertools
import json
import random
import string
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

import pytest
from command_line import FULL, extent
from hostile_inventions import LONG_SPELLINGS, SPELLINGS, leaks
from hypothesis import given, settings
from hypothesis import strategies as some

from conformance import keys as keys_room
from conformance.judge import finding, sentence, shape, wire, wording
from conformance.keys import KNOWN, MARK, Keys, shortened
from conformance.probe.exchange import Chunk, Exchange, Request
from conformance.probe.request import Outgoing
from conformance.probe.scrub import Scrubber
from conformance.pytest_plugin import items

KEY = "sk-canary-9fJ2kQ7xLmZ0-secret/+="


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spelling_is_removed(name: str) -> None:
    spelled = SPELLINGS[name](KEY)
    many = "%41 &amp; " * 60  # from so many escapes on, another engine reads on
    for before, after in (
        ("", ""),
        ('{"id": "', '"}'),
        ("x" * 445 + " ", "\n"),
        ("%", "%"),
        ("\\", "\\"),
        (many, "\n"),
    ):
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


def test_what_was_too_deep_to_be_found_is_found_where_it_is_not() -> None:
    """What was seen where nobody looks any deeper was taken for known to be no key, wherever it stood from then on."""
    keys = Keys(["sk-deep-9fJ2kQ7xLmZ0-secret"])
    for inner in ("hexadecimal of hexadecimal", "codes of signs", "base64 of hexadecimal"):
        told = [SPELLINGS[inner](keys.values[0])]
        for _ in range(6):
            told.append(base64.b64encode(told[-1].encode()).decode())
        for text in reversed(told):
            left = keys.removed_from(text)
        assert MARK in left, inner
        assert len(left) < 20, inner


@pytest.mark.parametrize("key", ["0000000000<?", "x>0000000000", KEY])
def test_no_mark_of_html_around_a_key_hides_it(key: str) -> None:
    """One that began before the key, or at its end, took half of it, and what was left was no key."""
    spelled = SPELLINGS["parts of XML"](key)
    for text in ('{{"a": "<x {}", "twice": "{} >"}}', '{{"id": "{}", "twice": "{}"}}'):
        told = Keys([key]).removed_from(text.format(spelled, spelled))
        assert told.count(MARK) == 2, told


@pytest.mark.parametrize("codes", [json.dumps(list(KEY.encode())), json.dumps(list(KEY.encode()), indent=1)])
def test_of_a_list_of_numbers_a_list_of_numbers_stays(codes: str) -> None:
    assert json.loads(Keys([KEY]).removed_from(codes)) == [0] * len(KEY)


def test_a_removed_key_leaves_as_many_lines() -> None:
    key = KEY.rstrip("=")
    stream = f"data: {key[:9]}=\r\n{key[9:]}\n\ndata: x\n\n"
    assert Keys([key]).removed_from(stream) == f"data: {MARK}\r\n{MARK}\n\ndata: x\n\n"


@pytest.mark.parametrize("between", [" ", "-", ", ", "\n", "\u200b", "\\u200b", "\\n", "\u00ad", "\ufeff", "\u2060"])
def test_a_key_told_sign_by_sign_is_removed(between: str) -> None:
    told = Keys([KEY]).removed_from(f'{{"id": "{between.join(KEY)}"}}')
    assert told.startswith('{"id": "[key removed]')
    assert told.endswith('"}')
    assert set(told) <= set('{"id": "}\n' + MARK)


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
    places = ['{{"id": "msg_{}"}}', "x-a: b; c={}; d", "/v1/{}?x=1"]
    for place in places if FULL else [places[(len(name) + len(around)) % len(places)]]:
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


def event(text: str, index: int = 0, *, turned: bool = False) -> bytes:
    """One delta, with its keys in the order of the API or turned round."""
    delta = {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}
    inner = {"text": text, "type": "text_delta"}
    data = {"delta": inner, "index": index, "type": "content_block_delta"} if turned else delta
    return b"event: content_block_delta\ndata: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


def parted(cuts: Sequence[int]) -> list[str]:
    edges = [0, *cuts, len(KEY)]
    return [KEY[first:last] for first, last in itertools.pairwise(edges)]


BEGUN = b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
IN_PARTS: dict[str, Callable[[list[str]], bytes]] = {
    "deltas": lambda parts: BEGUN + b"".join(map(event, parts)),
    "deltas, the first in the start of their block": lambda parts: (
        BEGUN.replace(b'""', json.dumps(parts[0]).encode()) + b"".join(map(event, parts[1:]))
    ),
    "deltas of many orders": lambda parts: b"".join(event(part, turned=n % 2 == 1) for n, part in enumerate(parts)),
    "deltas between those of another block": lambda parts: b"".join(event(part) + event("x", 1) for part in parts),
    "deltas behind a quote that nothing ends": lambda parts: b': "\n\n' + b"".join(map(event, parts)),
    "JSON in deltas": lambda parts: b"".join(
        [event('{"a\\\\": "'), *(event(json.dumps(part)[1:-1]) for part in parts), event('"}')]
    ),
    "escapes in deltas": lambda parts: b"".join(
        event("".join(f"\\u{ord(sign):04x}" for sign in part)) for part in parts
    ),
    "blocks": lambda parts: json.dumps([{"type": "text", "text": part} for part in parts], indent=1).encode(),
    "a list": lambda parts: json.dumps({"id": "x", "list": parts}).encode(),
    "names": lambda parts: json.dumps({"a": [{part: n} for n, part in enumerate(parts)]}).encode(),
    "comments": lambda parts: b"".join(f": {part}\n\n".encode() for part in parts) + event("x"),
    "names of events": lambda parts: b"".join(f"event: {part}\r\ndata: {{}}\r\n\r\n".encode() for part in parts),
    "data that is no JSON": lambda parts: event("x") + b"".join(f"data: {part}\n\n".encode() for part in parts),
    "values": lambda parts: json.dumps({f"n{number}": part for number, part in enumerate(parts)}).encode(),
}
"""Where a key can stand in parts that somebody can put together."""
CUT = {"in thirds": (11, 22), "sign by sign": tuple(range(1, len(KEY))), "near its end": (len(KEY) - 6,)}


@pytest.mark.parametrize("cut", CUT)
@pytest.mark.parametrize("where", IN_PARTS)
def test_a_key_in_parts_is_removed_where_they_belong_together(where: str, cut: str) -> None:
    body = IN_PARTS[where](parted(CUT[cut]))
    chunks = tuple(Chunk(float(at), body[at : at + 7]) for at in range(0, len(body), 7))
    asked = Exchange(request=Request("GET", "http://h/", ()), outcome="complete", status=200, chunks=chunks)
    seen = Scrubber([KEY]).exchange(asked)
    assert [len(chunk.data) for chunk in seen.chunks] == [len(chunk.data) for chunk in chunks]
    assert (seen.body.count(b"\n"), seen.body.count(b'"')) == (body.count(b"\n"), body.count(b'"'))
    assert seen.body.count(b"*") >= len(KEY)
    for frame in seen.frames if b"data: {" in body and "no JSON" not in where else ():
        assert wire.decode(frame.data or b"{}") is not None
    if b"data: " not in body:
        assert wire.decode(seen.body) is not None
    assert not any(json.dumps(part)[1:-1].encode() in seen.body for part in parted(CUT[cut]) if len(part) > 3)


def test_a_key_in_parts_is_removed_from_headers() -> None:
    parts = parted(CUT["in thirds"])
    headers = (("a", "1"), *((f"x-{number}", part) for number, part in enumerate(parts)), ("b", parts[0]))
    asked = Exchange(request=Request("GET", "http://h/", ()), outcome="complete", status=200, headers=headers)
    seen = Scrubber([KEY]).exchange(asked)
    assert [value for _, value in seen.headers] == ["1", *("*" * len(part) for part in parts), parts[0]]


HEADERS: dict[str, Callable[[str], list[tuple[str, str]]]] = {
    "a sign in each value": lambda key: [("x", sign) for sign in key],
    "a sign in each value, between others": lambda key: [
        header for number, sign in enumerate(key) for header in (("x", sign), (f"y-{number}", f"n{number}"))
    ],
    "a sign in each name": lambda key: [(sign, "1") for sign in key],
    "the key as a name": lambda key: [(key.lower(), "1")],
    "half as a name, half as its value": lambda key: [(key[:14].lower(), key[14:])],
}


@pytest.mark.parametrize("where", HEADERS)
def test_a_key_is_removed_from_headers(where: str) -> None:
    headers = tuple(HEADERS[where](KEY))
    asked = Exchange(request=Request("GET", "http://h/", ()), outcome="complete", status=200, headers=headers)
    seen = Scrubber([KEY]).exchange(asked)
    assert len(seen.headers) == len(headers)
    told = [part for header in seen.headers for part in header]
    assert sum(part == "*" or MARK in part or "***" in part for part in told) >= len(headers) // 3, told
    assert KEY[-6:] not in "".join(told)


@given(data=some.binary(max_size=300))
def test_a_key_in_parts_is_looked_for_in_any_bytes(data: bytes) -> None:
    assert Keys([KEY]).without_parts(data) is data
    assert len(Keys(["abcdef"]).without_parts(b'"abc","def' + data)) == len(data) + 10


@pytest.mark.parametrize("before", [b"x" * 300_000 + b"\n\n", event("x") * 3000, b'["' + b'a","' * 100_000 + b'"]\n'])
def test_a_key_in_parts_is_found_deep_in_a_long_answer(before: bytes) -> None:
    for filling in range(0, 90_000, 30_500):
        body = before + event("y" * filling) + IN_PARTS["deltas"](parted(CUT["in thirds"])) + before
        clean = Keys([KEY]).without_parts(body)
        assert len(clean) == len(body)
        assert clean.count(b"*") == len(KEY)


def test_a_long_answer_is_searched_in_parts_that_overlap() -> None:
    for data in (
        b"a" * 700_000,
        b'"a",' * 200_000,
        b"\n" * 500_000,
        event("x") * 9000,
        b'"' + b"a" * 400_000 + b'",' * 9,
    ):
        parts = list(keys_room.windows(data))
        assert (parts[0][0], parts[-1][1]) == (0, len(data))
        assert all(after[0] < before[1] and after[0] > before[0] for before, after in itertools.pairwise(parts))
        assert all(end - begin <= keys_room.WINDOW for begin, end in parts)


def test_a_request_does_not_give_back_a_key_in_parts() -> None:
    blocks = IN_PARTS["blocks"](parted(CUT["in thirds"]))
    asked = Exchange(request=Request("GET", "http://h/", ()), outcome="complete", chunks=(Chunk(0, blocks),))
    scrubber = Scrubber([KEY])
    outgoing = Outgoing(method="POST", url="http://h/", headers=(), body=blocks)
    assert scrubber.request(outgoing).body == blocks  # what a case sends is its own
    scrubber.exchange(asked)
    assert scrubber.request(outgoing).body.count(b"*") == len(KEY)


BEFORE = ["", "!" * 700, KEY * 4000, "\\u0073" * 20_000, f"{KEY} " * 900]


@pytest.mark.parametrize("before", extent(BEFORE, ["", f"{KEY} " * 900]))
@pytest.mark.parametrize("behind", extent(["", "x" * 200_000, KEY[:20] * 9000], ["x" * 200_000]))
def test_the_beginning_of_a_text_is_that_of_the_whole(before: str, behind: str) -> None:
    for spelling in ("as it is", "JSON, every character", "base64"):
        for edge in (32_700, 33_400, 66_100):
            text = before + "y" * edge + SPELLINGS[spelling](KEY) * 2 + behind
            assert Keys([KEY]).beginning(text, 700) == Keys([KEY]).removed_from(text)[:700]
    filled = before + "y" * 65_000 + KEY + behind
    assert Keys([KEY]).beginning(filled, 64_900) == Keys([KEY]).removed_from(filled)[:64_900]


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
        '"s",',
        '"\\"',
        '{"a":"s"}\n',
    ):
        began = time.process_time()
        Keys([KEY]).removed((unit * (200_000 // len(unit))).encode())
        Keys([KEY]).without_parts((unit * (200_000 // len(unit))).encode())
        assert time.process_time() - began < 2


def test_many_keys_cost_as_much_as_each_alone() -> None:
    keys = Keys([f"sk-{number:03d}-QMUhNfIG7jvVlJlcNbR-KZrl" for number in range(30)])
    text = b'{"a": "some text of an answer \\u00e9 and more", "n": 12345},' * 4000
    began = time.process_time()
    assert keys.removed(text) is text
    assert time.process_time() - began < 2


TOKEN = "eyJ" + "".join(random.Random(7).choices(string.ascii_letters + string.digits + "-_.", k=2500))
"""As long as the tokens of clouds are, for which there are gateways."""
TOKENS = Keys([TOKEN])


@pytest.mark.parametrize("name", ["as it is", "JSON, every character", "URL, every character", "base64 behind a name"])
def test_a_long_token_is_removed_whole(name: str) -> None:
    spelled = SPELLINGS[name](TOKEN)
    told = TOKENS.removed_from(f'{{"id": "{spelled}"}}')
    assert told.count(MARK) == 1
    assert len(told) < 60
    assert b"*" * len(TOKEN) in TOKENS.without_parts(event(TOKEN[:999]) + event(TOKEN[999:])).translate(
        None, delete=b'{}":,\n abcdefghijklmnopqrstuvwxyz_0'
    )


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
@pytest.mark.parametrize(
    "spelling",
    extent(
        ["as it is", "JSON, every character", "JSON in JSON", "an array of codes"], ["as it is", "an array of codes"]
    ),
)
def test_no_cut_leaves_a_part_of_a_key(known: str, cut: str, spelling: str) -> None:
    longest, function = CUTS[cut]
    spelled = SPELLINGS[spelling](known)
    for inside in range(-30, len(spelled) + 10, 7):
        for behind in (0, 2000):
            text = "!" * max(0, longest - inside) + spelled + "!" * behind
            told = KNOWN.removed_from(f"{function(text)}")  # as it is written
            assert not any(spelled[at : at + 14] in told for at in range(len(spelled) - 13)), inside

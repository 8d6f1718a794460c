"""No text makes judging slow: for each pattern of the suite, the texts that are dear to it, made from the pattern."""

import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

import pytest
from correct_exchanges import asked, exchange, message, streamed, told

import conformance.judge
from conformance.catalog.load import load_catalog
from conformance.catalog.pattern import SHIPPED, PatternError, compiled
from conformance.doors import from_json
from conformance.judge.answer import read
from conformance.judge.rules import examine
from conformance.judge.wire import ABSENT, decode
from conformance.probe.exchange import Exchange

for module in walk_packages(conformance.judge.__path__, "conformance.judge."):
    import_module(module.name)  # its patterns are in SHIPPED from then on, whatever else was collected

parse: Callable[..., Any] = re._parser.parse  # type: ignore[attr-defined]  # the syntax tree of a pattern
NONCE = "abcdefghij"
KB, MB = 20_000, 1_000_000
"""Characters of the texts; judging them takes below 0.1 and 2 seconds of CPU."""


def sample(nodes: Any) -> str:
    """A short text that a part of a pattern takes: of each choice the first, of each repetition the least."""
    found = ""
    for kind, value in nodes:
        name = str(kind)
        if name == "LITERAL":
            found += chr(value)
        elif name == "NOT_LITERAL":
            found += "a" if value != ord("a") else "b"
        elif name == "ANY":
            found += "a"
        elif name == "IN":
            found += of_class(value)
        elif name == "BRANCH":
            found += sample(value[1][0])
        elif name == "SUBPATTERN":
            found += sample(value[3])
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            found += sample(value[2]) * max(1, value[0])
    return found


def of_class(members: Any) -> str:
    names = [str(kind) for kind, _ in members]
    if names[0] == "NEGATE":
        return next(sign for sign in "a1 -\n" if re.match(rf"(?!{re.escape('x')})", sign))
    kind, value = members[0]
    if str(kind) == "RANGE":
        return chr(value[0])
    if str(kind) == "CATEGORY":
        return {"DIGIT": "1", "SPACE": "\n", "WORD": "a"}.get(str(value).removeprefix("CATEGORY_"), "-")
    return chr(value)


def parts(nodes: Any) -> Iterator[str]:
    """Samples of every beginning of a pattern, and of each part of it by itself."""
    nodes = list(nodes)
    for number, (kind, value) in enumerate(nodes):
        yield sample(nodes[: number + 1])
        name = str(kind)
        if name == "BRANCH":
            for branch in value[1]:
                yield from parts(branch)
        elif name == "SUBPATTERN":
            yield from parts(value[3])
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            yield from parts(value[2])
        elif name == "ASSERT_NOT":
            yield from parts(value[1])


def dear_texts(pattern: str, size: int) -> list[str]:
    """Texts of a size over which a backtracking engine would sit: each part of the pattern again and again."""
    units = list(dict.fromkeys(part for part in parts(parse(pattern)) if part))
    if len(units) > 24:  # a pattern that counts to 150 has hundreds of beginnings
        units = units[:: len(units) // 24]
    whole = sample(parse(pattern))
    texts = [(unit * size)[:size] for unit in {*units, *whole[:1], *whole[-1:]}]
    return [*texts, (whole * size)[: size - 1] + "\0", *(whole[: len(whole) // 2] + text for text in texts[:4])]


def cpu(work: Callable[[], Any]) -> float:
    """Seconds of CPU."""
    began = time.process_time()
    work()
    return time.process_time() - began


YARDSTICK = 0.035
"""Seconds of CPU that the yardstick takes where nothing else runs."""


def yardstick() -> float:
    """What a fixed piece of work takes now: a core that others share is slower also for the time it is ours."""
    return cpu(lambda: sum(len(str(number)) for number in range(300_000)))


def quick(work: Callable[[], Any], seconds: float) -> bool:
    """Whether work takes less CPU than that; the first try may have to set up what is then kept."""
    return cpu(work) < seconds or cpu(work) < seconds * max(1.0, yardstick() / YARDSTICK)


PATTERNS_OF_CASES = sorted(
    {
        check.matches.replace("{nonce}", NONCE)
        for case in load_catalog().cases.values()
        for check in (*case.premise, *case.effect)
        if isinstance(check.matches, str)
    }
)


def test_there_are_patterns_to_measure() -> None:
    assert len(SHIPPED) >= 6
    assert len(PATTERNS_OF_CASES) >= 50


@pytest.mark.parametrize("pattern", PATTERNS_OF_CASES, ids=range(len(PATTERNS_OF_CASES)))
def test_a_pattern_of_a_case_is_quick(pattern: str) -> None:
    search = compiled(pattern).found_in
    dearest = max(dear_texts(pattern, KB), key=lambda text: cpu(lambda: search(text)))
    assert quick(lambda: search(dearest), 0.1)
    assert quick(lambda: search((dearest * (MB // len(dearest) + 1))[:MB]), 2)


NEARLY_INFINITE = ["1e308", "-2.5E+0299 ", "1e-308", "8.5e307"]


@pytest.mark.parametrize("number", NEARLY_INFINITE)
@pytest.mark.parametrize(
    "wrapped", ['"extra":[%s]', '"content":[{"type":"tool_use","id":"a","name":"n","input":{"a":[%s]}}]']
)
def test_numbers_near_the_largest_are_not_read_by_the_ten_thousand(number: str, wrapped: str) -> None:
    """Each takes a decoder 20 µs, and nobody else gets to work: an answer of 540 kB took two seconds, each time."""
    body = "{%s}" % (wrapped % ",".join([number] * 50_000))
    assert quick(lambda: examine(read(exchange(body=body.encode()), "json")), 0.5)
    assert decode(body.replace(number, number.strip()[:-2] + "1")) is not ABSENT
    few = f"[{','.join([number] * 1000)}]"
    assert decode(few) == [float(number)] * 1000 == from_json(few)


def places(text: str) -> dict[str, Exchange]:
    """Answers of every kind that hold a text."""
    tools = [{"name": "clock", "input_schema": {"type": "object"}}]
    refusal = {"type": "error", "error": {"type": "invalid_request_error", "message": text}}
    call = {"type": "tool_use", "id": text, "name": text, "input": {text: text}}
    event: list[dict[str, Any]] = [
        {"type": "message_start", "message": message([], stop_reason=None)},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
    ]
    return {
        "refusal": told(refusal, status=400),
        "failure": told(refusal, status=500),
        "text": told(message([{"type": "text", "text": text}]), request=asked(tools=tools)),
        "thinking": told(message([{"type": "thinking", "thinking": text, "signature": text}])),
        "call": told(message([call]), request=asked(tools=tools)),
        "identity": told(message([], id=text, model=text, stop_reason=text, type=text)),
        "stream": streamed(event, request=asked(stream=True, tools=tools)),
        "body": exchange(text.encode(), request=asked()),
        "body of a failure": exchange(text.encode(), request=asked(), status=502),
        "body of a stream": exchange(b"data: " + text.encode() + b"\n\n", request=asked(stream=True)),
    }


def judged(exchange: Exchange, mode: Any) -> None:
    examine(read(exchange, mode))


@pytest.mark.parametrize("pattern", SHIPPED, ids=range(len(SHIPPED)))
@pytest.mark.parametrize("place", places(""))
def test_an_answer_is_judged_quickly_whatever_is_in_it(pattern: str, place: str) -> None:
    mode = "stream" if "stream" in place else "json"
    for text in dear_texts(pattern, KB):
        given = places(text)[place]
        assert quick(partial(judged, given, mode), 0.1), repr(text[:40])
    search = SHIPPED[pattern].search
    dearest = max(dear_texts(pattern, KB), key=lambda text: cpu(lambda: search(text)))
    large = places((dearest * (MB // len(dearest) + 1))[:MB])[place]
    assert quick(lambda: judged(large, mode), 2), repr(dearest[:40])


ODD = {
    "values one by one": "1 ",
    "objects one by one": "{}\n",
    "brackets": "[",
    "quotes": '"',
    "backslashes": "\\",
    "lone surrogates": "\\ud800",
    "blank lines": "\n",
    "carriage returns": "\r",
    "comments": ":\n",
    "data lines": "data: 1\n",
    "events without data": "event: message_stop\n\n",
    "pings": 'event: ping\ndata: {"type": "ping"}\n\n',
    "unfinished pings": 'data: {"type": "ping"\n\n',
    "nines": "9",
    "keys": '{"a":',
}
"""What no pattern is needed for to be dear."""


@pytest.mark.parametrize("unit", ODD.values(), ids=ODD)
@pytest.mark.parametrize("mode", ["json", "stream"])
@pytest.mark.parametrize("status", [200, 400])
def test_bodies_that_are_no_answer_are_judged_quickly(unit: str, mode: Any, status: int) -> None:
    for size, limit in ((KB, 0.1), (MB, 2)):
        body = (unit * (size // len(unit) + 1))[:size].encode()
        given = exchange(body, request=asked(stream=mode == "stream"), status=status)
        assert quick(partial(judged, given, mode), limit), size


@pytest.mark.parametrize("pattern", [r"(a)\1", r"a(?=b)", r"(?<!a)b", "(", "a{1001}", "x" * 20_000, "(?m)^(?!a)b"])
def test_a_pattern_that_may_be_slow_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        compiled(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^(a+)+$", "a" * 46 + "!", False),
        ("(?is)^(?!.*\\bred\\b)(?!.*[)(]).*\\bgreen\\b", "Not\nGREEN?", True),
        ("(?is)^(?!.*\\bred\\b)(?!.*[)(]).*\\bgreen\\b", "green, not Red", False),
        ("(?is)^(?!.*\\bred\\b)(?!.*[)(]).*\\bgreen\\b", "(green)", False),
        ("(?x) a \\  b", "a b", True),
        ("b$", "ab\n", True),
        ("b$", "ab\n\n", False),
        ("é.", "é\ud800", True),
    ],
)
def test_patterns_mean_what_they_mean_in_python(pattern: str, text: str, found: bool) -> None:
    assert compiled(pattern).found_in(text) is found
    if "+)+" not in pattern:
        assert (re.search(pattern, text) is not None) is found

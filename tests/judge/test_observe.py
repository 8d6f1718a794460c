"""What one attempt showed, where the model did something else than it was asked."""

from typing import Any

import pytest
from correct_exchanges import asked, events_of, message, refused, streamed, told
from msgspec.structs import replace

from conformance.catalog.case import Case, Check, Refusal
from conformance.catalog.load import load_catalog
from conformance.judge.answer import read
from conformance.judge.observe import Reply, observe
from conformance.judge.verdict import Facts, decide
from conformance.probe.exchange import Exchange

CALL = {"type": "tool_use", "id": "toolu_01", "name": "echo", "input": {}}


@pytest.mark.parametrize(
    ("content", "stop_reason", "observation"),
    [
        ([{"type": "text", "text": "heron"}], "end_turn", "shown"),
        ([{"type": "text", "text": "unknown"}], "end_turn", "absent"),
        ([CALL], "tool_use", "unelicited"),
        ([{"type": "text", "text": "heron"}, CALL], "tool_use", "shown"),
    ],
)
def test_a_call_of_the_models_own_accord_shows_nothing(
    content: list[dict[str, Any]], stop_reason: str, observation: str
) -> None:
    case = Case(
        id="a.case", title="t", surface="s", kind="witnessed", control="b", effect=[Check(at="text", contains="heron")]
    )
    answer = read(told(message(content, stop_reason)), "json")
    assert observe(case, [Reply("", answer, "e")], lambda value: value).observation == observation


THOUGHT = {"type": "thinking", "thinking": "The word is heron.", "signature": "c2ln"}


@pytest.mark.parametrize(
    ("needs", "content", "observation"),
    [
        ([], [THOUGHT], "stopped"),
        ([], [THOUGHT, {"type": "text", "text": "heron"}], "shown"),
        ([], [THOUGHT, {"type": "text", "text": "unknown"}], "absent"),
        ([], [], "absent"),
        (["controlled-upstream"], [THOUGHT], "absent"),
    ],
)
def test_an_answer_that_ends_with_its_thought_is_known(
    needs: list[str], content: list[dict[str, Any]], observation: str
) -> None:
    case = case_of(kind="witnessed", control="b", needs=needs, effect=[Check(at="text", contains="heron")])
    assert seen(case, told(message(content))) == observation


def case_of(**more: Any) -> Case:
    return Case(id="a.case", title="t", surface="s", **more)


def seen(case: Case, exchange: Exchange, *, bad: bool = False) -> str:
    reply = Reply("", read(exchange, "json"), "e", bad=bad)
    return observe(case, [reply], lambda value: "n7x3kq9mpa" if value == "{nonce}" else value).observation


@pytest.mark.parametrize(
    ("text", "observation"),
    [("n7x3kq9mpa", "shown"), ("n7x3kq9m}OK", "garbled"), ("n7x OK", "absent"), ("unknown", "absent")],
)
def test_a_part_of_the_word_shows_that_the_model_read_it(text: str, observation: str) -> None:
    case = case_of(kind="witnessed", control="b", effect=[Check(at="text", contains="{nonce}")])
    assert seen(case, told(message([{"type": "text", "text": text}]))) == observation


@pytest.mark.parametrize(
    "sentence",
    [
        "request (60782 tokens) exceeds the available context size (32768 tokens), try increasing it",
        "This model's maximum context length is 32768 tokens.",
        "prompt is too long: 230007 tokens > 200000 maximum",
    ],
)
def test_a_prompt_that_does_not_fit_is_no_refusal_of_the_feature(sentence: str) -> None:
    case = case_of(effect=[Check(at="message.content", type="array")])
    long = asked(messages=[{"role": "user", "content": "many words " * 500}])
    assert seen(case, refused(400, "invalid_request_error", sentence, request=long)) == "too-long"
    assert seen(case, refused(400, "invalid_request_error", sentence)) == "declined"
    assert seen(case, refused(400, "invalid_request_error", "tools: unknown field", request=long)) == "declined"


def test_a_lenient_server_answers_a_bad_request_as_it_likes() -> None:
    case = case_of(refuse=Refusal(status=400, type="invalid_request_error"), twin="b")
    in_events = streamed(events_of(message([])), request=asked(stream="no"))
    assert seen(case, replace(in_events, request=told({}, request=asked(stream="no")).request), bad=True) == "absent"
    assert seen(case, told({"error": "no"}), bad=True) == "absent"
    assert seen(case, told({}, status=500), bad=True) == "unreadable"


def test_a_cut_is_an_answer_where_the_case_says_so() -> None:
    case = case_of(effect=[Check(at="status >= `500` || ends == 'cut'", equals=True)])
    assert seen(case, told(message([]), outcome="cut")) == "shown"
    assert seen(case, told({}, status=502)) == "shown"
    assert seen(case, told(message([]))) == "absent"


@pytest.mark.parametrize(("size", "observation"), [("large", "too-much"), ("normal", "unreadable")])
def test_a_long_answer_that_was_asked_for_may_be_longer_than_what_is_read(size: Any, observation: str) -> None:
    case = case_of(kind="invariant", size=size, effect=[Check(at="text", contains="{nonce}")])
    longer = replace(told(message([{"type": "text", "text": "abc"}])), outcome="oversized")
    assert seen(case, longer) == observation


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("upstream.answer.incremental", ("whole", "speaking")),
        ("upstream.answer.client-gone", ("whole", "left")),
        ("upstream.answer.client-gone-waiting", ("whole", "left")),
    ],
)
def test_who_hangs_up_late_and_asks_late_learns_nothing(name: str, said: tuple[str, str]) -> None:
    case = load_catalog().cases[name]
    bad, good = (told(message([{"type": "text", "text": text}])) for text in said)
    left = replace(streamed(events_of(message([]))), outcome="abandoned", started=100.0, finished=1.0, chunks=())

    def seen(left: Exchange, then: Exchange) -> str:
        replies = [Reply("begun", read(left, "stream"), "e.1"), Reply("next", read(then, "stream"), "e.2")]
        return observe(case, replies, lambda value: value).observation

    soon, late = replace(bad, started=101.1), replace(bad, started=104.0)
    assert seen(left, soon) == "absent"
    assert seen(left, late) == "held-up"
    assert seen(replace(left, held_up=((0.7, 2.9),)), soon) == "held-up"
    assert seen(left, replace(soon, held_up=((0.0, 2.2),))) == "held-up"
    assert seen(left, replace(good, started=104.0)) == "shown"


def test_what_the_clock_decides_is_open_where_the_suite_was_late() -> None:
    assert decide(Facts(kind="witnessed", level="should", attempts=("held-up", "held-up"))).verdict == "inconclusive"
    assert (
        decide(Facts(kind="witnessed", level="should", attempts=("held-up", "absent"), control="shown")).verdict
        == "ignored"
    )

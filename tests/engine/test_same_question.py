"""Questions that mean the same: a recorded run judged by today's cases, and one question in its two modes."""

import json
from pathlib import Path
from typing import Any

import pytest
from correct_exchanges import TEXT, message, told
from msgspec.structs import replace

from conformance.catalog.case import Ask, Case, Check, Step
from conformance.catalog.load import Catalog, load_catalog
from conformance.engine.assessment import Assessment
from conformance.engine.question import Attempt, Question, Record
from conformance.engine.same_question import asks_the_same
from conformance.judge.observe import Observed
from conformance.judge.verdict import Observation
from conformance.probe.asking import Asked, StepAnswer
from conformance.runs.expectations import Expectations
from conformance.targets.target import Target

TARGET = Target(name="any", base_url="http://127.0.0.1:1/base", model="other")
HELLO: dict[str, Any] = {"max_tokens": 64, "messages": [{"role": "user", "content": "Reply with exactly: {nonce}"}]}


def case(body: dict[str, Any] = HELLO, **more: Any) -> Case:
    ask = Ask(path="/v1/messages", query={"beta": "true"}, body=body)
    return Case(id="a.b", title="", surface="row", **({"ask": ask} | more))


def recorded(body: dict[str, Any] = HELLO, step: str = "") -> Asked:
    sent = json.loads(json.dumps(body).replace("{nonce}", "n7x3")) | {"model": "m"}
    return Asked(
        case="a.b",
        mode="json",
        attempt=1,
        nonce="n7x3",
        answers=(StepAnswer(step, "json", told(message([TEXT]), request=sent)),),
    )


def same(today: Case, then: Asked) -> bool:
    return asks_the_same(Question(today, "json"), then, TARGET, Path())


def test_what_is_expected_may_change() -> None:
    assert same(case(effect=[Check(at="text", contains="{nonce}")]), recorded())


@pytest.mark.parametrize("key", ["temperature", "model"])
def test_what_a_target_fills_in_may_differ(key: str) -> None:
    assert same(case(), recorded(HELLO | {key: "of the target"}))


def test_headroom_may_differ_but_not_where_the_limit_is_the_question() -> None:
    assert same(case(), recorded(HELLO | {"max_tokens": 4160}))
    assert not same(case(asks_max_tokens=True), recorded(HELLO | {"max_tokens": 4160}))


def test_another_prompt_another_key_or_another_step_is_another_question() -> None:
    assert not same(case(HELLO | {"messages": [{"role": "user", "content": "Well?"}]}), recorded())
    assert not same(case(HELLO | {"system": "Be brief."}), recorded())
    assert not same(case(ask=Ask(path="/v1/models", method="GET")), recorded())
    assert not same(case(ask=Ask(), steps=[Step(name="first", ask=Ask(body=HELLO))]), recorded())


def test_a_line_break_before_an_instruction_is_the_same_question_where_no_server_joins_the_blocks() -> None:
    def shown(first: dict[str, Any], text: str) -> dict[str, Any]:
        return HELLO | {"messages": [{"role": "user", "content": [first, {"type": "text", "text": text}]}]}

    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}
    words = {"type": "text", "text": "The secret word is {nonce}."}
    assert same(case(shown(image, "\nReply.")), recorded(shown(image, "Reply.")))
    assert not same(case(shown(words, "\nReply.")), recorded(shown(words, "Reply.")))
    assert not same(case(shown(image, "\nReply.")), recorded(shown(image, "Reply!")))


def test_a_header_that_a_shared_run_leaves_out_is_compared_only_where_it_was_kept() -> None:
    def sent(**headers: str) -> Asked:
        (answer,) = recorded().answers
        request = replace(answer.exchange.request, headers=tuple((name, value) for name, value in headers.items()))
        return replace(recorded(), answers=(replace(answer, exchange=replace(answer.exchange, request=request)),))

    today = case(ask=Ask(query={"beta": "true"}, headers={"X-Stainless-OS": "Linux", "x-app": "cli"}, body=HELLO))
    assert same(today, sent(**{"x-stainless-os": "Linux", "x-app": "cli"}))
    assert same(today, sent(**{"x-app": "cli"}))
    assert not same(today, sent(**{"x-stainless-os": "MacOS", "x-app": "cli"}))
    assert not same(today, sent(**{"x-stainless-os": "Linux"}))


def test_a_request_that_was_silent_about_a_stream_is_the_same_as_one_that_wants_none() -> None:
    assert same(case(), recorded(HELLO))
    assert same(case(), recorded(HELLO | {"stream": False}))
    assert not same(case(), recorded(HELLO | {"stream": True}))


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.mark.parametrize(
    ("case", "verdict"), [("messages.unicode-exact", "inconclusive"), ("upstream.answer.to-the-letter", "ignored")]
)
def test_a_model_may_have_said_it_by_chance_and_the_scripted_one_behind_a_gateway_may_not(
    catalog: Catalog, case: str, verdict: str
) -> None:
    asked = [Question(catalog.cases[case], mode) for mode in ("json", "stream")]

    def record(question: Question) -> Record:
        lost = question.case.id == case and question.mode == "stream"
        return Record(question=question, attempts=(Attempt(1, "n", (), Observed("absent" if lost else "shown")),))

    judged = Assessment(catalog, asked, record, Expectations())
    assert [judged.judgement(question).verdict for question in asked] == ["supported", verdict]


@pytest.mark.parametrize(
    ("control", "verdict"),
    [
        ("shown", "broken"),
        ("absent", "inconclusive"),
        (None, "broken"),
    ],
)
def test_a_control_that_an_earlier_run_did_not_ask_failed_nothing(
    catalog: Catalog, control: Observation | None, verdict: str
) -> None:
    asked = Question(catalog.cases["claude-code.turn.two-calls"], "stream")

    def record(question: Question) -> Record:
        observation: Observation | None = "contradicted" if question == asked else control
        if observation is None:
            return Record(question=question, prevented="not asked in the run that is judged again")
        return Record(question=question, attempts=(Attempt(1, "n", (), Observed(observation)),))

    assert Assessment(catalog, [asked], record, Expectations()).judgement(asked).verdict == verdict

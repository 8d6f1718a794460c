"""A word that one mode of a question shows and the other does not: whose doing that is depends on who answers."""

import pytest

from conformance.catalog.load import Catalog, load_catalog
from conformance.engine.assessment import Assessment
from conformance.engine.question import Attempt, Question, Record
from conformance.judge.observe import Observed
from conformance.judge.verdict import Observation
from conformance.runs.expectations import Expectations


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

"""The usage proves that content was dropped only where the server counts at all."""

import pytest

from conformance.catalog.load import Catalog, load_catalog
from conformance.engine.assessment import Assessment
from conformance.engine.question import Attempt, Question, Record, in_mode
from conformance.judge.observe import Observed
from conformance.runs.expectations import Expectations


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.mark.parametrize(
    ("with_it", "without_it", "plain", "verdict"),
    [
        (30, 30, 12, "ignored"),
        (90, 30, 12, "inconclusive"),
        (0, 0, 0, "inconclusive"),
        (None, None, None, "inconclusive"),
        (1, 1, 1, "inconclusive"),
        (30, 30, None, "inconclusive"),
    ],
)
def test_two_equal_counts_above_zero_and_a_plain_one_that_differs(
    catalog: Catalog, with_it: int | None, without_it: int | None, plain: int | None, verdict: str
) -> None:
    asked = in_mode(catalog.cases["documents.sources.text"], "json")
    counts = {asked.case.id: with_it, str(asked.case.without): without_it, "messages.text": plain}

    def record(question: Question) -> Record:
        absent = (Attempt(1, "n", (), Observed("absent")),)
        return Record(question=question, attempts=absent, capable=None, input_tokens=counts.get(question.case.id))

    assert Assessment(catalog, [asked], record, Expectations()).judgement(asked).verdict == verdict

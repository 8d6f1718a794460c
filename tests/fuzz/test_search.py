"""What a search finds on an endpoint that is bent in one way, and that it finds nothing on a correct one."""

from typing import Any

import pytest
from fuzzing import Asking, found_by, unexplained
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.fuzz.laws import Bad, Valid
from conformance.fuzz.mutations import mutations
from conformance.fuzz.requests import requests

ABLE = ("tools", "vision")
UNAIDED = {
    "RQ01": "refused",
    "RQ11": "refused",
    "RQ11-first": "content lost",
    "RQ14": "content lost",
    "RQ16": "content lost",
    "RQ17": "content lost",
    "ER09": "bad request, 500 answer",
}
"""Faults, and the law by which a search finds each in its first examples."""
SOME_VARIANTS = (
    "joins-blocks",
    "two-text-blocks",
    "lenient",
    "accepts-anything",
    "keys-of-every-shape",
    "counts-nothing",
)


@pytest.mark.parametrize("fault", UNAIDED)
def test_a_fault_is_found_and_shrunk_to_a_case(asking: Asking, fault: str) -> None:
    with asking(f"/fault/{fault}") as bent, asking("") as correct:
        found = found_by(bent, 100, most=1)
        assert [one.law for one in found] == [UNAIDED[fault]]
        question = found[0].documents[0]
        assert bent.ask(dict(question), found[0].mode).observed.observation != "shown", "it reproduces"
        assert all(correct.ask(dict(one), found[0].mode).observed.observation == "shown" for one in found[0].documents)
    assert not set(question["ask"]["body"]) & {"metadata", "temperature", "service_tier"}, "nothing beside it is left"
    assert not question["ask"].get("headers"), "nothing beside it is left"


def test_a_search_is_the_same_again(asking: Asking) -> None:
    def seen() -> list[tuple[str, Any]]:
        with asking("/fault/RQ11-first") as bent:
            return [(one.law, one.documents[0]["ask"]) for one in found_by(bent, 50, seed=3)]

    assert seen() == seen()


def test_nothing_is_found_on_the_correct_endpoint(asking: Asking) -> None:
    with asking("") as correct:
        assert found_by(correct, 100) == []


@pytest.mark.parametrize("variant", SOME_VARIANTS)
def test_nothing_is_found_on_a_legal_variant(asking: Asking, variant: str) -> None:
    with asking(f"/variant/{variant}") as legal:
        assert unexplained(variant, found_by(legal, 50)) == []


@settings(max_examples=40)
@given(data=st.data())
def test_every_mutation_of_a_valid_request_is_refused_as_the_api_does(asking: Asking, data: st.DataObject) -> None:
    sent = data.draw(requests(ABLE))
    mutation = data.draw(st.sampled_from(mutations(sent.body)))
    with asking("") as correct:
        assert list(Valid(sent).broken(correct.ask)) == []
        bad = Bad(sent, mutation)
        assert list(bad.broken(correct.ask)) == []
        assert correct.ask(bad.refused(), "json").observed.observation == "shown"


@given(requests(ABLE))
def test_a_mutation_changes_one_thing(sent: Any) -> None:
    made = mutations(sent.body)
    assert len({(one.at, one.kind) for one in made}) == len(made)
    assert all(one.body != sent.body for one in made)

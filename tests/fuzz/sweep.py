"""The whole sweep, which `nox -s fuzz -- --sweep` runs: every fault of requests and errors, every legal variant."""

import os

import pytest
from fuzzing import Asking, found_by, unexplained

from conformance.scripted.listing import listing

EXAMPLES = int(os.environ.get("CONFORMANCE_FUZZ_EXAMPLES", "500"))
FOUND = 15
"""Of the faults of requests and errors, so many are found unaided at least."""


def test_most_faults_of_requests_and_errors_are_found_unaided(asking: Asking) -> None:
    found: dict[str, str] = {}
    for fault in listing("faults"):
        if fault.id[:2] in ("RQ", "ER") and "upstream" not in fault.needs:
            with asking(f"/fault/{fault.id}") as bent:
                found[fault.id] = "".join(one.says for one in found_by(bent, EXAMPLES, most=1))
    for fault_id, says in found.items():
        print(f"{fault_id:<20} {says or '-'}")
    assert len([says for says in found.values() if says]) >= FOUND, found


def test_nothing_is_found_on_the_correct_endpoint(asking: Asking) -> None:
    with asking("") as correct:
        assert found_by(correct, 4 * EXAMPLES) == []


def test_nothing_is_found_on_the_gateway(through_gateway: Asking) -> None:
    with through_gateway("") as correct:
        assert found_by(correct, 4 * EXAMPLES) == []


@pytest.mark.parametrize("variant", [one.id for one in listing("variants") if "upstream" not in one.needs])
def test_nothing_is_found_on_a_legal_variant(asking: Asking, variant: str) -> None:
    with asking(f"/variant/{variant}") as legal:
        assert unexplained(variant, found_by(legal, EXAMPLES)) == []


@pytest.mark.parametrize("variant", [one.id for one in listing("variants") if "upstream" in one.needs])
def test_nothing_is_found_on_a_legal_variant_of_a_gateway(through_gateway: Asking, variant: str) -> None:
    with through_gateway(f"/variant/{variant}") as legal:
        assert unexplained(variant, found_by(legal, EXAMPLES)) == []

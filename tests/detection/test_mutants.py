"""Does the judge bite? Mutants made mechanically of correct exchanges, judged without a network."""

from collections.abc import Iterator
from types import MappingProxyType

import pytest
from correct_exchanges import CALL, CALL_AGAIN, MESSAGES, THOUGHT, TOOLS, correct, message, told

from conformance.detection.mutants import Mutant, Score, mutants, mutants_of_conversation, mutants_of_pair, score
from conformance.detection.mutants.scoring import fate_of
from conformance.judge import rules
from conformance.judge.rules import RULES

MOST_FINDINGS = 3


def every_mutant() -> Iterator[Mutant]:
    """The mutants of every correct exchange, of every pair of them, and of a conversation."""
    exchanges = correct()
    for exchange, _ in exchanges.values():
        yield from mutants(exchange)
    for name, (_, whole) in MESSAGES.items():
        if whole["content"]:
            yield from mutants_of_pair(exchanges[f"{name}, json"][0], exchanges[f"{name}, stream"][0])
    first = told(message([THOUGHT, CALL], "tool_use"), request=TOOLS)
    thought = THOUGHT | {"thinking": "Once more.", "signature": "Eother"}
    headers = (("content-type", "application/json"), ("request-id", "req_2"))
    second = told(message([thought, CALL_AGAIN], "tool_use", id="msg_2"), request=TOOLS, headers=headers)
    yield from mutants_of_conversation([first, second])


@pytest.fixture(scope="module")
def scored() -> Score:
    return score(every_mutant())


@pytest.fixture(scope="module")
def by_id() -> dict[str, list[Mutant]]:
    found: dict[str, list[Mutant]] = {}
    for mutant in every_mutant():
        found.setdefault(mutant.id, []).append(mutant)
    return found


def test_nearly_all_of_at_least_1200_mutants_are_killed(scored: Score) -> None:
    assert len(scored.fates) >= 1200
    assert scored.killed >= 0.95, [fate.id for fate in scored.of("silent")]


def test_mutants_are_killed_for_their_own_reason(scored: Score) -> None:
    assert {fate.id: fate.killers for fate in scored.of("killed for another reason")} == {}


def test_nothing_is_held_against_what_is_legal(scored: Score) -> None:
    assert {fate.id: fate.killers for fate in scored.of("false alarm")} == {}


def test_few_mutants_are_equivalent_and_each_says_why(scored: Score) -> None:
    assert scored.equivalent <= 0.10
    assert all(len(fate.reason.split()) > 3 for fate in scored.of("equivalent"))


def test_one_fault_gives_few_findings(scored: Score) -> None:
    assert {fate.id: fate.killers for fate in scored.fates if fate.findings > MOST_FINDINGS} == {}


@pytest.mark.parametrize("name", RULES)
def test_a_deleted_rule_is_missed(
    name: str, scored: Score, by_id: dict[str, list[Mutant]], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = scored.only()[name]
    assert alone, f"no mutant is killed by {name} alone: it is not needed, or one is missing"
    monkeypatch.setattr(rules, "RULES", MappingProxyType({one: rule for one, rule in RULES.items() if one != name}))
    rules._rules_on.cache_clear()
    try:
        fates = [fate_of(mutant) for mutant in by_id[alone[0]]]
        assert any(not RULES.keys() & set(fate.killers) and name not in fate.notes for fate in fates)
    finally:
        monkeypatch.undo()
        rules._rules_on.cache_clear()


def test_the_summary_names_what_was_not_killed(scored: Score) -> None:
    summary = scored.summary()
    assert summary["mutants"] == sum(summary["counts"].values()) == len(scored.fates)
    assert set(summary["silent"]) == {fate.id for fate in scored.of("silent")}
    assert set(summary["only_killer"]) == set(RULES)

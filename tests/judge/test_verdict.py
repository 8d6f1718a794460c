"""The laws of the verdict: one pure, total function of facts."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from conformance.judge.verdict import ControlResult, Facts, Observation, decide, decide_rule
from conformance.words import OBSERVED, VERDICTS, Kind, Level

OBSERVATIONS: tuple[Observation, ...] = get_args(Observation)
FAILING = ("unreadable", "contradicted", "absent", "declined")
TROUBLE = ("slow", "rate-limited", "unreachable", "error")

facts = st.builds(
    Facts,
    kind=st.sampled_from(get_args(Kind)),
    level=st.sampled_from(get_args(Level)),
    attempts=st.lists(st.sampled_from(OBSERVATIONS), max_size=4).map(tuple),
    control=st.sampled_from(get_args(ControlResult)),
    twin=st.sampled_from(get_args(ControlResult)),
    capable=st.sampled_from([True, None]),
    guessable=st.booleans(),
    control_thinks=st.booleans(),
    dropped=st.booleans(),
    inapplicable=st.sampled_from(["", "needs vision"]),
    prevented=st.sampled_from(["", "budget spent"]),
)


def goodness(verdict: str) -> int:
    """Observed verdicts by their order; everything unobserved is better than broken and worse than nothing said."""
    return OBSERVED.index(verdict) if verdict in OBSERVED else len(OBSERVED)


@given(facts)
def test_it_is_total(some: Facts) -> None:
    assert decide(some).verdict in VERDICTS


@given(facts, st.randoms())
def test_the_order_of_attempts_does_not_matter(some: Facts, random: object) -> None:
    shuffled = list(some.attempts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert decide(some).verdict == decide(replace(some, attempts=tuple(shuffled))).verdict


@given(facts, st.sampled_from(FAILING))
def test_one_more_failing_attempt_never_improves_it(some: Facts, failing: Observation) -> None:
    answered = tuple(attempt for attempt in some.attempts if attempt not in TROUBLE)
    before = decide(replace(some, attempts=answered)).verdict
    after = decide(replace(some, attempts=(*answered, failing))).verdict
    assert before not in OBSERVED or goodness(after) <= goodness(before) or after not in OBSERVED
    assert not (before in ("broken", "ignored", "refused") and after in ("partial", "supported"))


@given(facts)
def test_supported_needs_an_observation(some: Facts) -> None:
    if decide(some).verdict in ("supported", "partial"):
        assert set(some.attempts) - set(TROUBLE) - {"unelicited"}


@given(facts)
def test_what_the_model_did_not_do_is_never_the_servers(some: Facts) -> None:
    silent = replace(some, attempts=("unelicited",) * 3)
    assert decide(silent).verdict in ("inconclusive", "not-run", "not-applicable")


@given(facts)
def test_a_may_is_never_worse_than_partial_unless_unreadable(some: Facts) -> None:
    readable = tuple(attempt for attempt in some.attempts if attempt != "unreadable" and attempt != "slow")
    verdict = decide(replace(some, level="may", attempts=readable)).verdict
    assert verdict not in ("broken", "ignored", "refused")


def base(*attempts: Observation, **changes: Any) -> Facts:
    given: dict[str, Any] = {"kind": "obligation", "level": "must", "attempts": attempts, **changes}
    return Facts(**given)


@pytest.mark.parametrize(
    ("some", "verdict"),
    [
        (base("shown"), "supported"),
        (base("weak"), "partial"),
        (base("absent"), "ignored"),
        (base("declined"), "refused"),
        (base("contradicted"), "broken"),
        (base("unreadable"), "broken"),
        (base("unelicited"), "inconclusive"),
        (base(), "not-run"),
        (base("slow", "slow"), "not-run"),
        (base("slow", "slow", twin="shown"), "broken"),
        (base("rate-limited"), "not-run"),
        (base("error"), "error"),
        (base("shown", twin="failed"), "not-run"),
        (base("absent", kind="witnessed"), "inconclusive"),
        (base("absent", kind="witnessed", control="shown"), "ignored"),
        (base("absent", kind="witnessed", dropped=True), "ignored"),
        (base("absent", "shown", kind="witnessed"), "supported"),
        (base("slow", "slow", level="may", twin="shown"), "broken"),
        (base("shown", kind="witnessed", control="failed"), "supported"),
        (base("contradicted", kind="witnessed", control="shown"), "broken"),
        (base("contradicted", kind="witnessed", control="failed"), "inconclusive"),
        (base("contradicted", kind="witnessed"), "broken"),
        (base("stopped", kind="witnessed", control="shown"), "inconclusive"),
        (base("stopped", kind="witnessed", control="failed", control_thinks=True), "inconclusive"),
        (base("stopped", kind="witnessed", control="shown", control_thinks=True), "ignored"),
        (base("shown", kind="witnessed", control="failed", guessable=True), "inconclusive"),
        (base("absent", kind="witnessed", control="failed", guessable=True, dropped=True), "ignored"),
        (base("absent", "shown", kind="invariant"), "ignored"),
        (base("absent", kind="invariant", control="failed"), "inconclusive"),
        (base("shown", kind="invariant", control="failed"), "inconclusive"),
        (base("absent", capable=None), "inconclusive"),
        (base("absent", capable=None, dropped=True), "ignored"),
        (base("declined", capable=None), "refused"),
        (base("shown", inapplicable="needs vision"), "not-applicable"),
        (base(prevented="budget spent"), "not-run"),
        (base("absent", level="may"), "partial"),
        (base("unreadable", level="may"), "broken"),
    ],
)
def test_the_table(some: Facts, verdict: str) -> None:
    assert decide(some).verdict == verdict


def test_a_hang_needs_a_second_look() -> None:
    assert decide(base("slow", twin="shown")).verdict == "not-run"
    assert decide(base("slow", "slow", twin="shown")).verdict == "broken"


def test_a_copy_with_mistakes_and_a_word_shown_in_the_other_mode_are_the_models() -> None:
    witnessed = {"kind": "witnessed", "control": "shown"}
    assert decide(base("absent", **witnessed)).verdict == "ignored"
    assert decide(base("absent", "garbled", **witnessed)).verdict == "inconclusive"
    assert decide(base("garbled", scripted=True, **witnessed)).verdict == "inconclusive", (
        "an odd model may answer to it"
    )
    assert decide(base("absent", shown_otherwise=True, **witnessed)).verdict == "inconclusive"
    assert decide(base("absent", shown_otherwise=True, scripted=True, **witnessed)).verdict == "ignored"


def test_a_copy_with_mistakes_of_a_controlled_upstream_is_the_servers() -> None:
    facts = base("garbled", "garbled", scripted=True, controlled=True, kind="witnessed", control="shown")
    assert decide(facts).verdict == "ignored"


def test_a_reason_says_whose_doing_it_may_be_and_what_was_there_instead() -> None:
    assert "the model did not do its part, or the server lost it" in decide(base("unelicited")).reason
    scripted = decide(base("unelicited", scripted=True, instead="the text 'OK'"))
    assert "the doing of the server" in scripted.reason
    assert scripted.reason.endswith("instead: the text 'OK'")


@pytest.mark.parametrize(
    ("level", "seen", "violations", "verdict"),
    [
        ("must", 0, 0, "inconclusive"),
        ("must", 5, 0, "supported"),
        ("must", 5, 1, "broken"),
        ("should", 5, 5, "partial"),
        ("may", 5, 5, "supported"),
    ],
)
def test_a_rule_ends_in_one_verdict(level: Level, seen: int, violations: int, verdict: str) -> None:
    assert decide_rule(level, seen, violations) == verdict

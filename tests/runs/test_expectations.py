"""The status of a verdict: against the API's promise, a target's gaps and disputes, an earlier run; the exit code."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from conformance.report.levels import breaks
from conformance.runs.expectations import (
    Expectations,
    RowResult,
    RowTraits,
    against_baseline,
    cell_verdict,
    exit_code,
    promised,
)
from conformance.runs.rows import RowInfo, RuleRow
from conformance.targets.load import TargetFileError, load_target_file
from conformance.targets.target import Dispute, Gap
from conformance.words import OBSERVED, STATUSES, VERDICTS, Level, Status, Tier, Verdict

CORE, FEATURE = RowTraits("core"), RowTraits("feature")


def seen(
    verdict: Verdict, *, level: Level = "must", keys: tuple[str, ...] = (), case: str = "tools.choice.tool"
) -> RowResult:
    return RowResult(
        id=case, surface="request.tool_choice.tool", mode="json", level=level, verdict=verdict, keys=frozenset(keys)
    )


@pytest.mark.parametrize(
    ("tier", "level", "verdict", "kept"),
    [
        ("core", "must", "supported", True),
        ("core", "must", "partial", True),
        ("core", "must", "refused", False),
        ("core", "must", "ignored", False),
        ("core", "should", "ignored", True),
        ("core", "should", "refused", True),
        ("feature", "must", "refused", True),
        ("hosted", "must", "refused", True),
        ("feature", "must", "ignored", False),
        ("hosted", "may", "broken", False),
        ("core", "must", "inconclusive", True),
        ("core", "must", "error", False),
    ],
)
def test_the_promise_of_the_api(tier: Tier, level: Level, verdict: Verdict, kept: bool) -> None:
    assert promised(tier, level, verdict) is kept


def test_a_documented_gap_is_met_improved_or_exceeded() -> None:
    gap = Gap(surface="request.tool_choice.tool", verdict=["ignored"])
    expectations = Expectations(documented=(gap,))

    def status(*row: RowResult) -> Status:
        return expectations.standing(row[0], row, CORE).status

    assert status(seen("ignored")) == "documented-gap"
    assert status(seen("supported")) == "improvement"
    assert status(seen("broken")) == "regression"
    assert status(seen("inconclusive")) == "as-expected"
    # the entry speaks of the whole cell: one supported case beside an ignored one is no improvement
    assert status(seen("supported"), seen("ignored", case="tools.choice.other")) == "as-expected"


def test_a_known_gap_holds_for_its_keys_only() -> None:
    expectations = Expectations(known=(Gap(case="tools.choice.tool", verdict=["broken"], keys=["a"], why="seen"),))
    known, other = seen("broken", keys=("a",)), seen("broken", keys=("a", "b"))
    assert expectations.standing(known, [known], CORE).status == "known-gap"
    assert expectations.standing(known, [known], CORE).expected_by == "seen"
    assert expectations.standing(other, [other], CORE).status == "regression"


def test_a_gap_of_one_mode_says_nothing_of_the_other() -> None:
    expectations = Expectations(known=(Gap(case="tools.choice.tool", verdict=["ignored"], modes=["stream"]),))
    assert expectations.standing(seen("ignored"), [seen("ignored")], CORE).status == "new"


def test_the_closest_entry_wins() -> None:
    row = Gap(surface="request.tool_choice.tool", verdict=["ignored"])
    case = Gap(case="tools.choice.tool", verdict=["broken"])
    expectations = Expectations(documented=(row,), known=(case,))
    assert expectations.standing(seen("broken"), [seen("broken")], CORE).status == "known-gap"


def test_what_no_client_can_see_is_documented_and_never_stale() -> None:
    expectations = Expectations(documented=(Gap(surface="request.tool_choice.tool", verdict=["ignored"]),))
    standing = expectations.standing(seen("supported"), [seen("supported")], RowTraits("core", observable=False))
    assert standing.status == "documented-gap"


def test_without_an_entry_the_promise_decides() -> None:
    assert Expectations().standing(seen("ignored"), [], CORE).status == "new"
    assert Expectations().standing(seen("refused"), [], FEATURE).status == "as-expected"


def test_a_baseline_is_the_expectation_of_every_row() -> None:
    before = seen("partial", keys=("a",))
    assert against_baseline(seen("partial", keys=("a",)), before, CORE).status == "as-expected"
    assert against_baseline(seen("partial", keys=("a", "b")), before, CORE).status == "regression"
    assert against_baseline(seen("broken", keys=("a",)), before, CORE).status == "regression"
    assert against_baseline(seen("supported"), before, CORE).status == "improvement"
    assert against_baseline(seen("inconclusive"), before, CORE).status == "as-expected"
    assert against_baseline(seen("ignored"), None, CORE).status == "new"


verdicts = st.sampled_from(VERDICTS)
gaps = st.builds(
    Gap,
    surface=st.just("request.tool_choice.tool"),
    verdict=st.lists(st.sampled_from(OBSERVED), min_size=1, max_size=3),
    keys=st.lists(st.sampled_from("ab"), max_size=2),
)
places = st.builds(RowTraits, tier=st.sampled_from(get_args(Tier)), observable=st.booleans())


@given(verdicts, st.sets(st.sampled_from("abc")), st.none() | gaps, places, st.booleans())
def test_every_verdict_has_a_status_and_an_error_never_matches(
    verdict: Verdict, keys: set[str], gap: Gap | None, place: RowTraits, documented: bool
) -> None:
    some = seen(verdict, keys=tuple(keys))
    entries = () if gap is None else (gap,)
    expectations = Expectations(documented=entries) if documented else Expectations(known=entries)
    status = expectations.standing(some, [some], place).status
    assert status in STATUSES
    assert verdict != "error" or status == "new"
    assert verdict not in ("inconclusive", "not-run", "not-applicable") or status == "as-expected"


def test_a_cell_is_its_worst_observed_verdict_and_may_does_not_count() -> None:
    assert cell_verdict([seen("supported"), seen("ignored"), seen("inconclusive")]) == "ignored"
    assert cell_verdict([seen("supported"), seen("broken", level="may")]) == "supported"
    assert cell_verdict([seen("inconclusive"), seen("not-run")]) == "inconclusive"
    assert cell_verdict([]) is None


def test_that_a_request_was_accepted_does_not_show_an_effect() -> None:
    accepted = msgspec.structs.replace(seen("supported"), accepted=True)
    assert cell_verdict([accepted]) == "inconclusive"
    assert cell_verdict([accepted, seen("inconclusive")]) == "inconclusive"
    assert cell_verdict([accepted, seen("not-run")]) == "not-run"
    assert cell_verdict([accepted, seen("supported")]) == "supported"
    assert cell_verdict([msgspec.structs.replace(accepted, verdict="refused"), seen("supported")]) == "refused"


@pytest.mark.parametrize(
    ("statuses", "verdicts", "strict", "forgiving", "code"),
    [
        (["as-expected"], ["supported"], False, False, 0),
        (["documented-gap"], ["ignored"], True, False, 0),
        (["regression"], ["broken"], False, False, 1),
        (["new"], ["ignored"], False, False, 1),
        (["improvement"], ["supported"], False, False, 1),
        (["improvement"], ["supported"], False, True, 0),
        (["new", "regression"], ["error", "broken"], False, False, 2),
        (["as-expected"], ["inconclusive"], False, False, 0),
        (["as-expected"], ["inconclusive"], True, False, 3),
        (["regression", "as-expected"], ["broken", "not-run"], True, False, 1),
    ],
)
def test_the_exit_code(
    statuses: list[Status], verdicts: list[Verdict], strict: bool, forgiving: bool, code: int
) -> None:
    assert exit_code(statuses, verdicts, strict=strict, allow_improvements=forgiving) == code


def test_a_target_that_pins_the_suite_is_not_held_to_what_came_later() -> None:
    pinned = Expectations(suite="0.2.0")
    assert [pinned.predates(added) for added in ("", "0.1.9", "0.2.0", "0.2.1", "1.0.0")] == [
        False,
        False,
        False,
        True,
        True,
    ]
    assert not Expectations().predates("9.0.0")
    assert pinned.sha256 != Expectations().sha256


DISPUTE = Dispute(rule="stream.ping", verdict=["broken"], evidence="3f2a-17", says="It is legal.", answer="It is not.")
SEEN = RowResult(id="stream.ping", surface="stream.ping", mode=None, level="must", verdict="broken")


def test_a_challenged_verdict_is_shown_with_both_texts() -> None:
    standing = Expectations(disputed=(DISPUTE,)).challenge(SEEN)
    assert standing is not None
    assert standing.status == "disputed"
    assert standing.expected_by == "The makers: It is legal. (exchange 3f2a-17). The suite: It is not."


@pytest.mark.parametrize(
    "seen",
    [
        replace(SEEN, verdict="partial"),
        replace(SEEN, id="stream.index"),
        replace(SEEN, mode="json"),
    ],
)
def test_what_the_entry_does_not_name_counts_as_ever(seen: RowResult) -> None:
    assert Expectations(disputed=(DISPUTE,)).challenge(seen) is None


def test_a_row_and_a_case_can_be_challenged_in_one_mode() -> None:
    case = RowResult(id="a.case", surface="a.row", mode="stream", level="must", verdict="ignored")
    of_row = Dispute(surface="a.row", verdict=["ignored"], modes=["stream"], evidence="1", says="A.", answer="B.")
    of_case = replace(of_row, surface=None, case="a.case")
    for dispute in (of_row, of_case):
        expectations = Expectations(disputed=(dispute,))
        assert expectations.challenge(case) is not None
        assert expectations.challenge(replace(case, mode="json")) is None


def test_a_dispute_counts_neither_for_the_exit_code_nor_for_the_level() -> None:
    assert exit_code(["disputed", "as-expected"], ["broken", "supported"], strict=True, allow_improvements=False) == 0
    row = RowInfo("stream.ping", "Ping", "stream", "core", "C", [], level="basic")
    judged = RuleRow(
        rule="stream.ping", surface="stream.ping", level="must", verdict="broken", status="new", seen=1, violations=1,
        findings=[],
    )  # fmt: skip
    assert breaks(row, [judged])
    assert not breaks(row, [replace(judged, status="disputed")])


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("rule: a.b, surface: c.d, verdict: [broken]", "an entry names one of"),
        ("rule: a.b, verdict: []", "say which verdicts"),
        ("rule: a.b, verdict: [broken], versions: new", "new"),
    ],
)
def test_a_mistake_in_a_dispute_names_its_line(tmp_path: Path, entry: str, told: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"name: mine\ndisputed:\n  - {{{entry}, evidence: x, says: A., answer: B.}}\n")
    with pytest.raises(TargetFileError, match=rf"mine\.yaml:3: disputed\[0\].*{told}"):
        load_target_file(file)

"""A verdict that the makers of a server challenge: shown with both texts, and counted nowhere."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from conformance.report.levels import breaks
from conformance.runs.expectations import Expectations, RowResult, exit_code
from conformance.runs.rows import RowInfo, RuleRow
from conformance.targets.load import TargetFileError, load_target_file
from conformance.targets.target import Dispute

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

"""The end of a run: its causes, its exit code, a profile's readiness, what stood behind the endpoint, a row as text."""

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from conformance.catalog.case import modes_of
from conformance.catalog.load import load_catalog
from conformance.engine.explanation import Met, explained, plain_requests
from conformance.engine.finish import behind
from conformance.engine.readiness import readiness
from conformance.judge.cause import Obstacle
from conformance.judge.finding import Finding
from conformance.judge.verdict import TWIN_FAILED
from conformance.keys import KNOWN
from conformance.pytest_plugin.items import SHOWN, account_of, brief
from conformance.runs.expectations import Expectations, exit_code
from conformance.runs.log import CaseRow, ObedienceRow, RuleRow
from conformance.targets.target import Gap
from conformance.words import Mode, Status, Verdict

CATALOG = load_catalog()
REFUSED = Obstacle(kind="answer", key="401 no key", quote='401 authentication_error "no key"', exchange="e.1")


def row(case: str, mode: Mode, verdict: Verdict, status: Status = "new") -> CaseRow:
    asked = CATALOG.cases[case]
    return CaseRow(
        case=case, case_sha256="", mode=mode, kind=asked.kind, surface=asked.surface, touches=[], level=asked.level,
        verdict=verdict, status=status, reason="", findings=[], marks=[], attempts=1, sdk=None, seconds=0, exchanges=[],
    )  # fmt: skip


def test_what_was_empty_is_said_to_be_so_in_the_answer_about_a_client() -> None:
    profile = CATALOG.profiles["claude-code"]
    seen = Finding("effect:0", "effect:0 x", "must", "/text", {"matches": "pine"}, "", 3, "e.1")
    rows = [row(case.id, mode, "supported") for case in CATALOG.cases.values() for mode in modes_of(case)]
    rows = [
        replace(one, verdict="ignored", findings=[seen]) if one.case == "claude-code.turn.main" else one for one in rows
    ]
    found = readiness("claude-code", profile, rows, {})
    assert found is not None
    (need,) = [one for one in found.found.needs if one.outcome.question.startswith("claude-code.turn.main")]
    assert need.meets.startswith("Observed an empty text. ")


def met(*places: tuple[str, Mode]) -> Mapping[tuple[str, str], Met]:
    return {place: Met("POST /v1/messages", ((REFUSED,),), unreadable=False) for place in places}


def test_what_the_plain_request_meets_is_one_red_row() -> None:
    rows = [row("messages.text", "json", "refused"), row("tools.choice.tool", "json", "refused")]
    found = explained(rows, met(("messages.text", "json"), ("tools.choice.tool", "json")), CATALOG)
    assert [(one.verdict, one.status) for one in found.rows] == [("refused", "new"), ("blocked", "as-expected")]
    (blocked,) = found.blocked
    (cause,) = found.causes
    assert (blocked.case, blocked.by) == ("tools.choice.tool", cause.id)
    assert (cause.id, cause.blocked, cause.rows) == ("messages.text[json]", 1, ["messages.text[json]"])
    assert cause.says == "POST /v1/messages: the request is refused, every time"
    assert cause.quote == '401 authentication_error "no key"'
    assert exit_code([r.status for r in found.rows], [r.verdict for r in found.rows], strict=False,
                     allow_improvements=False) == 1  # fmt: skip


def test_a_refusal_that_was_not_asked_names_the_cause_of_its_twin() -> None:
    unasked = replace(
        row("validation.max-tokens-missing", "json", "not-run"), reason=TWIN_FAILED, unjudged="twin-failed"
    )
    rows = [row("messages.text", "json", "refused"), row("messages.shape", "json", "refused"), unasked]
    seen = met(("messages.text", "json"), ("messages.shape", "json"))
    found = explained(rows, seen, CATALOG)
    assert [one.verdict for one in found.rows] == ["refused", "blocked", "not-run"]
    assert [one.reason for one in found.blocked][1:] == [f"{TWIN_FAILED}: see messages.text[json]"]
    again = explained([rows[0], rows[1], found.rows[2]], seen, CATALOG)
    assert again.rows == found.rows


def test_a_run_in_which_nothing_is_wrong_has_no_causes() -> None:
    rows = [row("messages.text", "json", "supported", "as-expected")]
    assert explained(rows, {}, CATALOG).causes == []


def test_blocked_counts_as_not_verified() -> None:
    assert exit_code(["known-gap", "as-expected"], ["broken", "blocked"], strict=True, allow_improvements=False) == 3
    assert exit_code(["known-gap", "as-expected"], ["broken", "blocked"], strict=False, allow_improvements=False) == 0


def test_every_endpoint_that_is_asked_has_a_plain_request() -> None:
    plain = plain_requests(CATALOG)
    assert plain["POST /v1/messages"].id == "messages.text"
    assert plain["POST /v1/messages/batches"].surface == "endpoint.batches"
    assert all(case.refuse is None for case in plain.values())


@pytest.mark.parametrize(("verdict", "expected"), [("not ready", True), ("ready", False)])
def test_an_entry_may_say_that_a_client_is_not_ready(verdict: str, expected: bool) -> None:
    gap = Gap(profile="claude-code", verdict=["not ready"], why="its tools are lost")
    expectations = Expectations(known=(gap,))
    assert expectations.expects("claude-code", verdict) is expected  # type: ignore[arg-type]
    assert not expectations.expects("quick", "not ready")


KEY = "sk-canary-row-text-4Qx9Zt71LmPw"


def test_no_key_and_no_part_of_one_is_shown() -> None:
    KNOWN.remember(KEY)
    for before in (0, SHOWN - 20, SHOWN - 10, SHOWN + 5):
        assert KEY[:12] not in brief("x" * before + KEY)
    finding = Finding(id="a", key="k", level="must", at=f"/{KEY}", expected=KEY, observed={KEY: [KEY]})
    broken = RuleRow(
        rule="a", surface="s", level="must", verdict="broken", status="new", seen=1, violations=1, findings=[finding]
    )
    assert KEY not in account_of(broken)
    assert "[key removed]" in account_of(broken)


PROOF = CATALOG.capabilities["controlled-upstream"].proof[0]
OBEDIENT, MOCK, NOBODY = ObedienceRow(40, 44), ObedienceRow(6, 67), ObedienceRow(0, 0)


@pytest.mark.parametrize(
    ("rows", "model", "obedience", "found"),
    [
        ([row(PROOF, "json", "supported")], "claude-sonnet-4", OBEDIENT, "scripted model"),
        ([row(PROOF, "json", "supported")], "conformance-probe", OBEDIENT, "scripted model"),
        ([], "scripted", NOBODY, "scripted model"),
        ([row(PROOF, "json", "not-applicable")], "qwen3:0.6b", OBEDIENT, "real model"),
        ([row("messages.text", "json", "supported")], "qwen3:0.6b", OBEDIENT, "real model"),
        ([], "conformance-probe:latest", OBEDIENT, "probe model"),
        ([], "/models/conformance-probe.gguf", OBEDIENT, "probe model"),
        ([], "probes-and-more", OBEDIENT, "real model"),
        ([], "gpt-4", MOCK, None),
        ([], "gpt-4", NOBODY, None),
    ],
)
def test_what_stood_behind_it(rows: list[CaseRow], model: str, obedience: ObedienceRow, found: str | None) -> None:
    assert behind(rows, model, obedience, CATALOG) == found

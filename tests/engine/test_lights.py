"""The model's and the machine's light, counted from a profile's questions; and failures that pass when asked again."""

from itertools import count
from pathlib import Path

import pytest
from bending_proxy import Bent, Body, bending
from command_line import Command, Serve

from conformance.catalog.profile import Profile
from conformance.engine.lights import Lights, Wait, Waits, in_words, lights, warnings
from conformance.runs.log import CaseRow, read_log
from conformance.words import Verdict

PROFILE = Profile(
    title="T",
    question="Q?",
    calls=["call[stream]", "two[stream]"],
    first_body="first[stream]",
    two_turns="turns[stream]",
    patience=300.0,
)


def row(case: str, verdict: Verdict, attempts: int = 1) -> CaseRow:
    return CaseRow(
        case=case,
        case_sha256="",
        mode="stream",
        kind="witnessed",
        surface="s",
        touches=[],
        level="must",
        verdict=verdict,
        status="as-expected",
        reason="",
        findings=[],
        marks=[],
        attempts=attempts,
        sdk=None,
        seconds=0.1,
        exchanges=[],
    )


def test_calls_are_counted_over_all_attempts_of_the_named_questions() -> None:
    rows = [row("call", "supported", 2), row("two", "inconclusive", 3), row("else", "supported")]
    assert lights(PROFILE, rows, {}).calls == (1, 5)
    assert lights(PROFILE, [row("call", "refused"), row("two", "not-run")], {}).calls is None


WAITS: Waits = {
    ("first", "stream"): [Wait(12.0, 3.0)],
    ("turns", "stream"): [Wait(10.0, 0.1), Wait(1.0, 0.1)],
    ("else", "stream"): [Wait(299.0, 299.0)],
}


def test_only_the_clients_own_first_request_is_timed() -> None:
    found = lights(PROFILE, [], WAITS)
    assert found.timing == {"first_byte": 12.0, "longest_silence": 12.0, "first_turn": 10.0, "second_turn": 1.0}
    assert warnings(PROFILE, found) == []
    assert [line.partition(":")[0] for line in in_words(PROFILE, found)] == ["this machine", "this machine"]


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (Lights(timing={"first_byte": 9.0, "longest_silence": 250.0}), "gives up after 300 s"),
        (Lights(timing={"first_turn": 20.0, "second_turn": 19.0}), "is read again"),
        (Lights(calls=(2, 9)), "2 of 9 calls came as calls"),
    ],
)
def test_what_comes_near_a_limit_is_a_warning(found: Lights, told: str) -> None:
    (warning,) = warnings(PROFILE, found)
    assert told in warning


def test_without_evidence_nothing_is_said() -> None:
    assert lights(Profile(title="T", question="Q?"), [], WAITS) == Lights()
    assert list(in_words(PROFILE, Lights())) == []


OF_CLIENT = ("claude-code.turn.bearer", "claude-code.turn.flags", "claude-code.turn.metadata", "claude-code.turn.tools")


def rows_of(conformance: Command, base_url: str, folder: Path) -> dict[str, CaseRow]:
    words = (
        "run",
        "--base-url",
        base_url,
        "--target",
        "none",
        "--model",
        "scripted",
        "--no-witness",
        "--out",
        "out",
        "--concurrency",
        "1",
    )
    done = conformance(*words, "--select", " or ".join(OF_CLIENT))
    assert done.returncode in (0, 1), done.stderr
    return {row.case: row for row in read_log(folder / "out").cases}


@pytest.mark.parametrize(("status", "verdict"), [(500, "broken"), (400, "refused")])
def test_an_answer_that_comes_at_the_second_try_is_marked_and_the_failure_counts(
    status: int, verdict: str, conformance: Command, served: Serve, tmp_path: Path
) -> None:
    numbers = count(1)

    def every_third_fails(body: Body) -> Body | tuple[int, Body]:
        failure = {"type": "error", "error": {"type": "api_error", "message": "the upstream did not answer"}}
        return (status, failure) if next(numbers) % 3 == 0 else body

    with bending(served(), Bent(request=every_third_fails)) as url:
        found = rows_of(conformance, url, tmp_path)
    failed = [row for row in found.values() if row.verdict == verdict]
    assert failed
    assert all(row.recovered and row.attempts == len(row.exchanges) in (2, 3) for row in failed)
    assert all(not row.recovered and row.attempts == 1 for row in found.values() if row.verdict == "supported")


@pytest.mark.parametrize("fault", ["GW08", "RQ06"])
def test_what_fails_or_is_refused_each_time_does_not_pass(
    fault: str, conformance: Command, served: Serve, tmp_path: Path
) -> None:
    row = rows_of(conformance, f"{served()}/fault/{fault}", tmp_path)["claude-code.turn.flags"]
    assert (row.recovered, row.attempts) == (False, 3)

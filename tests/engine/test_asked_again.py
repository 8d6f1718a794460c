"""What failed is asked again as a client asks again: whether the failure passes, at a real endpoint."""

from itertools import count
from pathlib import Path

import pytest
from bending_proxy import Bent, Body, bending
from command_line import Command, Serve

from conformance.runs.log import CaseRow, read_log

CASES = ("claude-code.turn.bearer", "claude-code.turn.flags", "claude-code.turn.metadata", "claude-code.turn.tools")


def rows(conformance: Command, base_url: str, folder: Path) -> dict[str, CaseRow]:
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
    done = conformance(*words, "--select", " or ".join(CASES))
    assert done.returncode in (0, 1), done.stderr
    return {row.case: row for row in read_log(folder / "out").cases}


def test_an_answer_that_comes_at_the_second_try_is_marked_and_the_failure_counts(
    conformance: Command, served: Serve, tmp_path: Path
) -> None:
    numbers = count(1)

    def every_third_fails(body: Body) -> Body | tuple[int, Body]:
        failure = {"type": "error", "error": {"type": "api_error", "message": "the upstream did not answer"}}
        return (500, failure) if next(numbers) % 3 == 0 else body

    with bending(served(), Bent(request=every_third_fails)) as url:
        found = rows(conformance, url, tmp_path)
    failed = [row for row in found.values() if row.verdict == "broken"]
    assert failed
    assert all(row.recovered and row.attempts == len(row.exchanges) in (2, 3) for row in failed)
    assert all(not row.recovered and row.attempts == 1 for row in found.values() if row.verdict == "supported")


@pytest.mark.parametrize(("fault", "attempts"), [("GW08", 3), ("RQ06", 1)])
def test_what_fails_each_time_does_not_pass_and_a_refusal_is_an_answer(
    fault: str, attempts: int, conformance: Command, served: Serve, tmp_path: Path
) -> None:
    row = rows(conformance, f"{served()}/fault/{fault}", tmp_path)["claude-code.turn.flags"]
    assert (row.recovered, row.attempts) == (False, attempts)

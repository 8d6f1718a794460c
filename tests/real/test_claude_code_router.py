"""claude-code-router 2.0.0 before the scripted model: all that it does otherwise is known, and a new fault is not."""

from collections.abc import Callable
from pathlib import Path

from spoiling import spoiling

from conformance.runs.log import CaseRow, RuleRow, read_log

Run = Callable[..., tuple[int, str, Path]]
PART = ("--select", "messages.*", "--allow-improvements")


def test_all_of_it_is_known(router: str, conformance: Run) -> None:
    code, said, out = conformance("--target", "claude-code-router", "--base-url", router, "--model", "scripted")
    log = read_log(out)
    rows: list[CaseRow | RuleRow] = [*log.cases, *log.rules]
    assert [row for row in rows if row.status in ("new", "regression", "improvement")] == [], said[-2000:]
    assert code == 0, said[-2000:]
    assert {row.rule for row in log.rules if row.status == "known-gap"} >= {"error.envelope", "usage.input-counted"}


def test_a_fault_in_front_of_it_is_new(router: str, conformance: Run) -> None:
    target = ("--target", "claude-code-router", "--model", "scripted", *PART)
    code, said, _ = conformance(*target, "--base-url", router)
    assert code == 0, said[-2000:]
    with spoiling(router, b'"type":"message",', b'"type":"massage",') as url:
        code, said, _ = conformance(*target, "--base-url", url)
    assert code == 1
    assert "message.type" in said or "massage" in said

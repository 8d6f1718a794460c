"""A gateway in front of the scripted model: found out, asked about its upstream, and correct in all it can say."""

from pathlib import Path

import pytest
from command_line import Command, Serve

from conformance.catalog.load import Catalog, load_catalog
from conformance.engine.assessment import Assessment
from conformance.engine.question import Attempt, Question, Record, in_mode
from conformance.judge.observe import Observed
from conformance.runs.expectations import Expectations
from conformance.runs.log import RunLog, read_log


def of_another_wire(log: RunLog) -> set[str]:
    """The questions about an upstream that speaks Ollama's own chat."""
    return {case for (case, _), verdict in asked(log).items() if verdict == "not-applicable"}


def asked(log: RunLog) -> dict[tuple[str, str], str]:
    return {(row.case, row.mode): row.verdict for row in log.cases if row.case.startswith("upstream.")}


@pytest.fixture
def gateway(served: Serve) -> str:
    return str(served("--upstream", served("--face", "openai")))


def test_the_correct_gateway_keeps_all_that_its_upstream_has_a_word_for(
    conformance: Command, gateway: str, tmp_path: Path
) -> None:
    done = conformance("run", "--base-url", gateway, "--target", "reference", "--no-witness", "--out", "out")
    log = read_log(tmp_path / "out")
    assert [(row.rule, row.verdict) for row in log.rules if row.verdict not in ("supported", "inconclusive")] == []
    worse = {row.case: row.verdict for row in log.cases if row.verdict not in ("supported", "not-applicable")}
    assert worse == {}, done.stdout
    assert set(asked(log).values()) == {"supported", "not-applicable"}
    assert {row.reason for row in log.cases if row.case in of_another_wire(log)} == {"needs ollama-upstream"}


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ((), "supported"),
        (("--no-capability", "controlled-upstream"), "not-applicable"),
    ],
)
def test_the_upstream_is_found_out_unless_it_is_denied(
    words: tuple[str, ...], verdict: str, conformance: Command, gateway: str, tmp_path: Path
) -> None:
    conformance(
        *("run", "--base-url", gateway, "--target", "reference", "--select", "upstream.request.*", "--no-witness"),
        *("--out", "out", *words),
    )
    assert set(asked(read_log(tmp_path / "out")).values()) - {"not-applicable"} == {verdict} - {"not-applicable"}


@pytest.mark.parametrize("words", [(), ("--disobey", "2")])
def test_a_model_that_was_not_told_what_it_received_proves_no_upstream(
    words: tuple[str, ...], conformance: Command, served: Serve, tmp_path: Path
) -> None:
    url = served(*words)
    done = conformance(
        *(
            "run",
            "--base-url",
            url,
            "--target",
            "reference",
            "--select",
            "upstream.*",
            "--no-witness",
            "--attempts",
            "1",
            "--out",
            "out",
        )
    )
    assert set(asked(read_log(tmp_path / "out")).values()) == {"not-applicable"}
    assert done.returncode == 0


TRIES = 3
"""Runs of a question by the clock: a machine that is busy all three times would be the failure."""


@pytest.mark.parametrize(
    ("fault", "case"),
    [
        ("X-buffered", "upstream.answer.incremental"),
        ("LC01", "upstream.answer.client-gone"),
        ("LC01", "upstream.answer.client-gone-waiting"),
    ],
)
def test_a_gateway_that_passes_nothing_on_while_its_upstream_speaks(
    fault: str, case: str, conformance: Command, gateway: str, tmp_path: Path
) -> None:
    able = ("--capability", "controlled-upstream")
    words = ("run", "--target", "reference", *able, "--select", case, "--no-witness")

    def verdicts(url: str, name: str) -> list[str]:
        """Of this case; where the machine held the suite up, which it says, it is asked again."""
        found: list[str] = []
        for number in range(TRIES):
            out = f"{name}-{number}"
            conformance(*words, "--base-url", url, "--out", out)
            found = [row.verdict for row in read_log(tmp_path / out).cases if row.case == case]
            if "inconclusive" not in found:
                break
        return found

    found = [verdicts(gateway, "right"), verdicts(f"{gateway}/fault/{fault}", "wrong")]
    assert found == [["supported"], ["ignored"]]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.mark.parametrize(
    ("with_it", "without_it", "plain", "verdict"),
    [
        (30, 30, 12, "ignored"),
        (90, 30, 12, "inconclusive"),
        (0, 0, 0, "inconclusive"),
        (None, None, None, "inconclusive"),
        (1, 1, 1, "inconclusive"),
        (30, 30, None, "inconclusive"),
    ],
)
def test_two_equal_counts_above_zero_and_a_plain_one_that_differs(
    catalog: Catalog, with_it: int | None, without_it: int | None, plain: int | None, verdict: str
) -> None:
    asked = in_mode(catalog.cases["documents.sources.text"], "json")
    counts = {asked.case.id: with_it, str(asked.case.without): without_it, "messages.text": plain}

    def record(question: Question) -> Record:
        absent = (Attempt(1, "n", (), Observed("absent")),)
        return Record(question=question, attempts=absent, capable=None, input_tokens=counts.get(question.case.id))

    assert Assessment(catalog, [asked], record, Expectations()).judgement(asked).verdict == verdict

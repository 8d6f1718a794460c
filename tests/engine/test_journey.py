"""A journey: asked once, judged by several laws, live and again; what a model loses on the way is its own affair."""

from pathlib import Path

import pytest
from command_line import Command, Serve
from msgspec.structs import replace

from conformance.catalog.load import load_catalog
from conformance.engine.question import Question, within
from conformance.engine.records import earlier_of, target_of
from conformance.judge.verdict import ControlResult, Facts, decide
from conformance.runs.log import RunLog, read_log

LOOP = "conversation.short.loop"


def verdicts(log: RunLog) -> dict[str, str]:
    return {row.case.removeprefix("conversation.short."): row.verdict for row in log.cases if "short" in row.case}


def asked(url: str, conformance: Command, folder: Path, select: str = "conversation.short.*") -> RunLog:
    conformance("run", url, "--target", "reference", "--select", select, "--out", "out", "--no-witness")
    return read_log(folder / "out")


def test_a_journey_is_asked_once_and_judged_again_as_it_was(
    conformance: Command, served: Serve, tmp_path: Path
) -> None:
    log = asked(served(), conformance, tmp_path)
    assert set(verdicts(log).values()) == {"supported"}
    exchanges = {row.case: row.exchanges for row in log.cases if "short" in row.case}
    assert len(exchanges[LOOP]) == 9
    assert all(named == exchanges[LOOP] for named in exchanges.values())
    conformance("rejudge", "out", "--out", "again")
    again = read_log(tmp_path / "again")
    assert verdicts(again) == verdicts(log)
    assert [(row.rule, row.seen) for row in again.rules] == [(row.rule, row.seen) for row in log.rules]


def test_a_run_that_goes_on_knows_what_its_journey_showed_of_laws_that_were_not_judged_yet(
    conformance: Command, served: Serve, tmp_path: Path
) -> None:
    log, catalog = asked(served(), conformance, tmp_path), load_catalog()
    only_the_journey = replace(log, cases=tuple(row for row in log.cases if row.case == LOOP))
    earlier = earlier_of(only_the_journey, catalog, target_of(log)).questions[Question(catalog.cases[LOOP], "stream")]
    law = within(Question(catalog.cases["conversation.short.memory"], "stream"), earlier.record)
    assert law.observations == ("shown",)


def test_a_law_that_is_selected_alone_asks_its_journey(conformance: Command, served: Serve, tmp_path: Path) -> None:
    log = asked(served(), conformance, tmp_path, "conversation.short.memory")
    assert verdicts(log) == {"loop": "supported", "memory": "supported"}


def test_where_a_journey_breaks_off_its_own_row_says_so_and_no_law_does(
    conformance: Command, served: Serve, tmp_path: Path
) -> None:
    log = asked(served("--fault", "X-turns-six"), conformance, tmp_path)
    found = verdicts(log)
    assert found.pop("loop") == "broken"
    assert set(found.values()) == {"not-run"}
    assert {row.reason for row in log.cases if row.verdict == "not-run"} == {
        f"{LOOP} broke off, and its own row says where"
    }


def test_a_broken_law_is_named_with_the_turn_that_shows_it(conformance: Command, served: Serve, tmp_path: Path) -> None:
    log = asked(served("--fault", "X-old-turns-emptied"), conformance, tmp_path)
    red = [row for row in log.cases if row.verdict == "ignored"]
    assert [row.case for row in red] == ["conversation.short.memory"]
    assert [finding.at for finding in red[0].findings] == ["/steps.recall.text"]
    assert log.causes[0].id == "conversation.short.memory[stream]"


@pytest.mark.parametrize(
    ("scripted", "control", "verdict"),
    [(True, "shown", "ignored"), (False, "shown", "inconclusive"), (True, "failed", "inconclusive")],
)
def test_what_a_model_loses_on_the_way_counts_only_where_it_is_known_to_lose_nothing(
    scripted: bool, control: ControlResult, verdict: str
) -> None:
    facts = Facts(kind="journey", level="must", attempts=("absent",), control=control, scripted=scripted)
    assert decide(facts).verdict == verdict

"""The detection figures: what they say of a fault and of the SDKs, what must not get worse, what the README says."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from conformance.catalog.load import load_catalog
from conformance.detection.client_figures import EXPECTED, misjudged, outcomes, table, true_first
from conformance.detection.client_servers import sessions
from conformance.detection.figures import figure_of, got_worse, joined, summary, with_figures
from conformance.detection.measure import own_of_faults
from conformance.detection.sweep import BASE, Worse
from conformance.detection.witnesses import SdkAnswer, kept_table, not_here, table_of, unread
from conformance.engine.scripted_process import NamedFault, named_faults, named_models, named_variants
from conformance.errors import UserError
from conformance.judge.rules import RULES
from conformance.runs.detection import (
    AlarmFigure,
    Detection,
    SdkReading,
    Witnessed,
    read_figures,
    read_readings,
    readings_of,
    written,
)

ROOT = Path(__file__).parents[2]
FAULT = NamedFault(id="ST12", says="a block is not stopped")
NOTE = NamedFault(id="ID01", says="a foreign name", strength="note")
RED = [Worse("stream.stop-each", "", "supported", "broken"), Worse("messages.text", "stream", "supported", "ignored")]


# What the committed figures still show as open: each list may only become shorter.
OPEN_FAULTS: set[str] = set()
OPEN_CLIENTS: set[str] = set()
OPEN_VARIANTS: set[str] = set()
OPEN_MODELS: set[str] = set()


def test_a_fault_is_killed_for_its_own_reason_or_another() -> None:
    assert figure_of(FAULT, RED, ["stream.stop-each"]).outcome == "killed"
    assert figure_of(FAULT, RED, ["messages.text"]).outcome == "killed"
    assert figure_of(FAULT, RED, ["stream.index"]).outcome == "foreign"
    assert figure_of(FAULT, [], ["stream.stop-each"]).outcome == "silent"


def test_a_note_stays_a_note() -> None:
    assert figure_of(NOTE, [], []).outcome == "note"
    assert figure_of(NOTE, RED, []).outcome == "false alarm"


def figures(*, worse: list[Worse], alarms: list[str], killed: int, held: list[str] | None = None) -> Detection:
    each = [figure_of(FAULT, worse, ["stream.stop-each"])]
    return Detection(
        faults=summary(each),
        variants={"false_alarms": len(alarms), "of": 1},
        mutants={"killed": killed, "of": 100, "equivalent": 0},
        each_fault=each,
        each_variant=[AlarmFigure(id="crlf", says="CR LF", alarms=alarms)],
        each_model=[AlarmFigure(id="silent", says="says nothing", alarms=held or [])],
    )


def test_the_ratchet_only_goes_up() -> None:
    before = figures(worse=RED, alarms=[], killed=99)
    assert got_worse(before, before) == []
    assert got_worse(figures(worse=RED, alarms=[], killed=100), before) == []
    assert "ST12 was killed and is silent now" in got_worse(figures(worse=[], alarms=[], killed=99), before)[0]
    assert "crlf" in got_worse(figures(worse=RED, alarms=["messages.text"], killed=99), before)[0]
    odd = figures(worse=RED, alarms=[], killed=99, held=["messages.text"])
    assert "silent (says nothing) is held against the server by messages.text" in got_worse(odd, before)[0]
    assert "mutants" in got_worse(figures(worse=RED, alarms=[], killed=98), before)[0]
    assert got_worse(figures(worse=RED, alarms=[], killed=90), None) != []


def test_some_faults_measured_anew_leave_the_figures_of_all_others() -> None:
    whole = read_figures(ROOT / "reports" / "detection.json")
    assert whole is not None
    assert joined(whole, replace(whole, each_fault=[], each_client=whole.each_client[:3])) == whole
    now = figures(worse=[], alarms=["messages.text"], killed=0)
    both = joined(whole, now)
    changed = [figure.id for figure, one in zip(both.each_fault, whole.each_fault, strict=True) if figure != one]
    assert changed == ["ST12"]
    assert both.faults["silent"] == whole.faults["silent"] + 1
    assert both.variants["false_alarms"] == 1
    assert both.mutants == whole.mutants


def test_the_readme_says_what_was_measured() -> None:
    measured = read_figures(ROOT / "reports" / "detection.json")
    assert measured is not None
    page = (ROOT / "README.md").read_text()
    assert with_figures(page, measured) == page
    assert f"{measured.faults['killed']} of {measured.faults['of']}" in page
    assert with_figures(page, replace(measured, faults=measured.faults | {"killed": 1})) != page


def test_readiness_is_what_the_real_client_did() -> None:
    measured = read_figures(ROOT / "reports" / "detection.json")
    assert measured is not None
    assert {figure.id for figure in measured.each_client} == {
        fault for fault, outcome in outcomes().items() if outcome in EXPECTED
    }
    assert {line.partition(":")[0] for line in misjudged(measured.each_client)} == OPEN_CLIENTS
    assert measured.readiness == table(measured.each_client)
    assert measured.first_reasons == true_first(measured.each_client)
    assert measured.first_reasons["true"] >= 0.95 * measured.first_reasons["of"]
    assert measured.each_server == sessions()


def test_what_was_measured_keeps_its_promises() -> None:
    measured = read_figures(ROOT / "reports" / "detection.json")
    assert measured is not None
    assert {figure.id for figure in measured.each_fault if figure.outcome not in ("killed", "note")} == OPEN_FAULTS
    assert {figure.id for figure in measured.each_fault} == {fault.id for fault in named_faults()}
    assert {figure.id for figure in measured.each_variant} == {variant.id for variant in named_variants()}
    assert {figure.id for figure in measured.each_model} == {model.id for model in named_models()}
    assert {figure.id for figure in measured.each_variant if figure.alarms} == OPEN_VARIANTS
    assert {figure.id for figure in measured.each_model if figure.alarms} == OPEN_MODELS
    assert measured.variants["of"] >= 79
    assert measured.mutants["generated"] >= 1200
    assert measured.mutants["killed"] >= 0.95 * measured.mutants["of"]
    assert measured.mutants["equivalent"] <= 0.1 * measured.mutants["generated"]


def test_the_base_of_every_sweep_exists() -> None:
    cases = load_catalog().cases
    assert [name for name in BASE if name not in cases] == []


def test_every_reason_is_a_rule_or_a_case() -> None:
    import msgspec

    from conformance.detection.measure import REASONS

    known = {*RULES, *load_catalog().cases}
    reasons = msgspec.yaml.decode(REASONS.read_bytes(), type=dict[str, list[str]])
    assert {name for names in reasons.values() for name in names} - known == set()
    assert set(reasons) - {fault.id for fault in named_faults()} == set()


def test_a_rule_page_says_which_faults_the_rule_caught() -> None:
    command = [sys.executable, "-m", "conformance", "explain", "stream.stop-each"]
    page = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    sentence = next(fault.says for fault in named_faults() if fault.id == "ST12")
    assert f"ST12: {sentence}" in page


def test_a_rule_page_says_what_the_sdks_make_of_such_answers() -> None:
    command = [sys.executable, "-m", "conformance", "explain", "stream.start-once"]
    page = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    said = str(read_readings()["ST02"])
    assert "typescript" in said
    assert f"    ST02, {said}\n" in page


def test_what_an_odd_model_lacks_is_a_capability_that_nobody_would_declare() -> None:
    lacks = {model.id: set(model.lacks) for model in named_models()}
    assert all("verbatim" in names for names in lacks.values())  # each changes what it says in one way
    assert {id_: names - {"verbatim"} for id_, names in lacks.items() if len(names) > 1} == {
        "never-thinks": {"thinking"}
    }
    assert set().union(*lacks.values()) <= load_catalog().capabilities.keys()


TEXT: dict[str, Any] = {"texts": ["alpha"], "calls": [], "stop": "end_turn"}
CORRECT = [SdkAnswer("reference", "text json", TEXT), SdkAnswer("reference", "text stream", TEXT)]


@pytest.mark.parametrize(
    ("json", "stream", "said"),
    [
        (SdkAnswer("X", "text json", TEXT), SdkAnswer("X", "text stream", TEXT), "accepts"),
        (SdkAnswer("X", "text json", TEXT), SdkAnswer("X", "text stream", None, "TypeError"), "rejects: TypeError"),
        (
            SdkAnswer("X", "text json", None, "E"),
            SdkAnswer("X", "text stream", {**TEXT, "texts": [""]}),
            "misreads: texts",
        ),
        (SdkAnswer("X", "text json", {**TEXT, "stop": None}), SdkAnswer("X", "text stream", TEXT), "misreads: stop"),
    ],
)
def test_the_worst_of_the_answers_counts(json: SdkAnswer, stream: SdkAnswer, said: str) -> None:
    for order in ([json, stream], [stream, json]):
        assert str(table_of({"python 1": [*CORRECT, *order]})["X"]["python 1"]) == said


TWO = [
    SdkReading(
        fault="ST02",
        says="message_start comes twice",
        of=("stream.start-once",),
        by={"python 1": Witnessed("accepts"), "go 1": Witnessed("rejects", "*errors.errorString")},
    ),
    SdkReading(fault="TO07", says="a brace is missing", by={"python 1": Witnessed("misreads", "calls, stop")}),
]


def test_the_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "sdk-readings.tsv"
    file.write_text(written(TWO, ["python 1", "go 1"]))
    assert read_readings(file) == {one.fault: one for one in TWO}


def test_a_part_that_is_measured_anew_leaves_the_lines_of_the_others_of_the_same_sdks() -> None:
    before = {one.fault: one for one in TWO}
    assert kept_table(before, ["ST02", "TO07", "NEW"], ["go 1", "python 1"]) == {"ST02": TWO[0].by}
    assert kept_table(before, ["ST02"], ["python 2", "go 1"]) == {}


def test_the_table_is_not_written_without_an_sdk_that_has_a_column() -> None:
    assert not_here(TWO, ["python 2"]) == ["go"]
    assert not_here(TWO, ["go 2", "python 1", "typescript 1"]) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("ST02\ttwice\t\tlikes it", r"sdk-readings\.tsv: ST02: 'likes it' is none of accepts, rejects, misreads"),
        ("ST02\ttwice", r"sdk-readings\.tsv: ST02: 2 columns, where the head has 4"),
    ],
)
def test_a_line_that_cannot_be_read_is_one_line(tmp_path: Path, line: str, problem: str) -> None:
    file = tmp_path / "sdk-readings.tsv"
    file.write_text(f"fault\tsays\tof\tpython 1\n{line}\n")
    with pytest.raises(UserError, match=problem):
        read_readings(file)


def test_a_new_fault_is_one_that_the_sdks_were_not_shown() -> None:
    assert unread(["ST02", "NEW", "TO07"], {one.fault: one for one in TWO}) == ["NEW"]


def test_the_committed_table_has_a_line_for_each_fault_that_an_endpoint_of_its_own_can_show() -> None:
    table, own = read_readings(), own_of_faults()
    shown = {fault.id: fault for fault in named_faults() if "upstream" not in fault.needs}
    assert unread(shown, table) == [], "`nox -s witnesses -- --new` shows these to the SDKs"
    assert {fault: (line.says, list(line.of)) for fault, line in table.items()} == {
        id_: (fault.says, own.get(id_, [])) for id_, fault in shown.items()
    }, "`nox -s witnesses -- --new` writes anew what these lines are about"


def test_the_committed_table_speaks_of_streams_that_clients_read_differently() -> None:
    table = read_readings()
    said = {sdk.partition(" ")[0]: witnessed.says for sdk, witnessed in table["ST02"].by.items()}
    assert (said["python"], said["typescript"]) == ("accepts", "rejects")
    assert [one.fault for one in readings_of("stream.start-once", table)] == ["ST02"]
    assert readings_of("batches.life.created", table) == []
    assert {len(one.by) for one in table.values()} == {len(said)}

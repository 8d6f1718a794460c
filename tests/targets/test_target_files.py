"""Target files: what ships, what a user writes, and what each mistake is answered with."""

import datetime as dt
from pathlib import Path

import msgspec
import pytest

from conformance.catalog.load import Catalog, load_catalog
from conformance.judge.finding import finding_key
from conformance.judge.rules import RULES
from conformance.judge.stream import follow
from conformance.probe.sse import Decoder
from conformance.targets.load import TargetFileError, load_target_file, target_names, target_problems
from conformance.targets.resolve import gaps_of
from conformance.targets.versions import read_version, within

DOCUMENTS_ONLY = {"claude-bridge", "lm-studio", "sglang"}


def written(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def defect(folder: Path, text: str) -> str:
    with pytest.raises(TargetFileError) as error:
        load_target_file(written(folder, text))
    return str(error.value)


def test_what_ships() -> None:
    assert set(target_names()) == {
        *("reference", "anthropic", "ollama", "ollama-cloud", "ollama-cloud-proxy", "llama.cpp", "litellm"),
        *("claude-code-router", "openrouter", "aimock", "ant2oai", "agent-wire-proxy", "claude-proxy", "vllm"),
        *DOCUMENTS_ONLY,
    }
    assert {name for name in target_names() if not load_target_file(name).asked} == DOCUMENTS_ONLY


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.mark.parametrize("name", target_names())
def test_every_entry_names_a_row_that_exists_and_is_not_past_its_date(name: str, catalog: Catalog) -> None:
    found = target_problems(
        name, surfaces=catalog.rows, rules=RULES, cases=catalog.cases, today=dt.datetime.now(dt.UTC).date()
    )
    assert [str(problem) for problem in found] == []


@pytest.mark.parametrize("name", target_names())
def test_every_gap_that_ships_has_an_address_or_a_reason(name: str) -> None:
    for gap in load_target_file(name).documented:
        assert gap.source is not None
        assert gap.source.url.startswith("https://")
    for gap in load_target_file(name).known:
        assert gap.why


def test_only_the_clouds_targets_name_a_vendors_key() -> None:
    named = {name: load_target_file(name).auth.env for name in target_names()}
    assert [name for name, env in named.items() if env and env.startswith("ANTHROPIC")] == ["anthropic"]
    assert named["ollama"] is None


@pytest.mark.parametrize(
    ("text", "line", "parts"),
    [
        ("name: a\nconcurency: 3\n", 2, ["concurency", "`concurrency`"]),
        ("name: a\nconcurrency: many\n", 2, ["concurrency", "int"]),
        ("title: a\n", 1, ["name"]),
        ("name: a\nauth: {header: cookie}\n", 2, ["header", "bearer"]),
        ("name: a\nknown:\n  - {surface: s, verdict: [broke], why: x}\n", 3, ["broken"]),
        ("name: a\nknown:\n  - {surface: s, verdict: [broken]}\n", 3, ["why"]),
        ("name: a\nknown:\n  - {verdict: [broken], why: x}\n", 3, ["surface, rule, case"]),
        ("name: a\nknown:\n  - {surface: s, rule: r, verdict: [broken], why: x}\n", 3, ["surface and rule"]),
        ("name: a\nknown:\n  - {surface: s, verdict: [], why: x}\n", 3, ["verdict"]),
        (
            "name: a\nknown:\n  - surface: s\n    verdict: [broken]\n    why: x\n    versions: v1\n",
            6,
            ["v1", ">=0.14.0,<0.33"],
        ),
        ("name: a\ndocumented:\n  - {surface: s, verdict: [broken]}\n", 3, ["source", "known"]),
        ("name: a\nknown:\n  - {surface: s, verdict: [broken], why: x, until: soon}\n", 3, ["until"]),
        ("name: a\nextends: olama\n", 2, ["`ollama`"]),
        ("name: a\ndrop: [{surface: s}]\n", 2, ["extends"]),
        ("name: a\nextends: ollama\ndrop:\n  - {surface: nowhere}\n", 4, ["nothing to drop"]),
        ("name: a\nextends: mine.yaml\n", 2, ["circle"]),
        ("name: [a\n", 2, ["YAML"]),
        ("", 1, ["mine.yaml"]),
        ("- a\n", 1, ["mine.yaml"]),
    ],
)
def test_a_mistake_names_file_line_and_mend(tmp_path: Path, text: str, line: int, parts: list[str]) -> None:
    says = defect(tmp_path, text)
    assert f"mine.yaml:{line}:" in says
    for part in parts:
        assert part in says


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetFileError, match=r"gone\.yaml.*No such file"):
        load_target_file(tmp_path / "gone.yaml")


def test_a_file_may_extend_another_of_ones_own(tmp_path: Path) -> None:
    written(
        tmp_path,
        "name: base\nconcurrency: 7\ndefaults: {temperature: 0, a: 1}\ncapabilities: {tools: true}\n",
        "base.yaml",
    )
    file = load_target_file(
        written(tmp_path, "name: mine\nextends: ./base.yaml\ndefaults: {a: 2}\ncapabilities: {vision: false}\n")
    )
    assert (file.name, file.concurrency) == ("mine", 7)
    assert file.defaults == {"temperature": 0, "a": 2}
    assert file.capabilities == {"tools": True, "vision": False}


def test_an_entry_takes_the_place_of_the_one_about_the_same_row(tmp_path: Path) -> None:
    base = load_target_file("ollama")
    old = next(gap for gap in base.documented if gap.surface == "auth.wrong_key")
    entry = f"{{surface: auth.wrong_key, verdict: [supported], why: mine, versions: '{old.versions}'}}"
    text = f"name: mine\nextends: ollama\nknown:\n  - {entry}\n"
    file = load_target_file(written(tmp_path, text))
    assert [gap.verdict for gap in (*file.documented, *file.known) if gap.surface == "auth.wrong_key"] == [
        ["supported"]
    ]
    assert len(file.documented) == len(base.documented) - 1


def test_a_drop_takes_away_what_it_describes_and_no_more(tmp_path: Path) -> None:
    text = "name: mine\nextends: ollama\ndrop:\n  - {surface: caching.read, versions: '>=0.33.3'}\n"
    kept = [
        gap.versions for gap in load_target_file(written(tmp_path, text)).documented if gap.surface == "caching.read"
    ]
    assert kept == [">=0.14.0,<0.33.3"]


def test_what_matches_nothing_or_is_past_its_date_is_named_by_line(tmp_path: Path) -> None:
    text = (
        "name: mine\nknown:\n"
        "  - {surface: request.tool_choice.anny, verdict: [broken], why: x}\n"
        "  - {case: no.such-case, verdict: [broken], why: x}\n"
        "  - {surface: auth.both, verdict: [broken], why: x, until: 2026-01-31}\n"
    )
    rows = ["request.tool_choice.any", "auth.both"]
    found = target_problems(written(tmp_path, text), surfaces=rows, rules=[], cases=[], today=dt.date(2026, 2, 1))
    assert [problem.line for problem in found] == [3, 4, 5]
    assert "did you mean `request.tool_choice.any`?" in found[0].says
    assert "2026-01-31" in found[2].says


def test_a_target_survives_the_way_to_json_and_back() -> None:
    file = load_target_file("ollama")
    assert msgspec.json.decode(msgspec.json.encode(file), type=type(file)) == file


STREAMS_OF_OLLAMA = {
    "call-after-thinking": ("start 0 thinking, delta 0, start 0 tool_use, delta 0, stop 0, stop 1", "<0.18.0"),
    "text-after-that-call": (
        "start 0 thinking, delta 0, start 0 tool_use, delta 0, stop 0, stop 1, start 2 text, delta 2, stop 2",
        "<0.18.0",
    ),
    "text-before-thinking": (
        "start 0 text, delta 0, start 0 thinking, delta 0, stop 0, delta 1, stop 1",
        "<0.32.2",
    ),
}
"""What an upstream says, to what Ollama's `StreamConverter.Process` (anthropic/anthropic.go) makes of it, and when."""


@pytest.mark.parametrize("version", ["0.14.0", "0.18.0", "0.24.0", "0.30.0", "0.33.0"])
@pytest.mark.parametrize("shape", STREAMS_OF_OLLAMA)
def test_what_breaks_the_streams_of_an_ollama_is_known_of_it(shape: str, version: str) -> None:
    order, versions = STREAMS_OF_OLLAMA[shape]
    keys = {key for gap in gaps_of("ollama", version)[1] for key in gap.keys}
    broken = follow(Decoder().feed(b"".join(map(event, order.split(", "))), 0.0)).breaches
    found = {
        finding_key(rule, "POST /v1/messages", "stream", violation.at, violation.kind)
        for rule in ("stream.index", "stream.delta-open", "stream.stop-open")
        for violation in broken.get(rule, [])
    }
    assert found
    assert (found <= keys) == within(versions, read_version(version))


@pytest.mark.parametrize(
    ("model", "held"),
    [
        ("conformance-probe", ["stop.sequence-long", "validation.context_window"]),
        ("conformance-probe:latest", ["stop.sequence-long", "validation.context_window"]),
        ("conformance-probe:native", ["usage.output-counts-call"]),
        ("qwen3", ["request.thinking.omitted", "validation.context_window"]),
    ],
)
def test_an_entry_can_hold_for_some_models_alone(model: str, held: list[str]) -> None:
    """The probe model's tokens are bytes and it thinks only when it is told to: some gaps show with it alone."""
    some = ("request.thinking.omitted", "stop.sequence-long", "usage.output-counts-call", "validation.context_window")
    names = {str(entry.surface or entry.case) for entry in gaps_of("ollama", "0.33.0", model)[1]}
    assert sorted(names.intersection(some)) == held


def event(words: str) -> bytes:
    """`start 0 text` as an event of a stream."""
    what, index, kind = (*words.split(), "")[:3]
    body: dict[str, object] = {"type": f"content_block_{what}", "index": int(index)}
    if kind:
        empty: dict[str, object] = {"id": "call_1", "name": "echo", "input": {}} if kind == "tool_use" else {kind: ""}
        body["content_block"] = {"type": kind, **empty}
    if what == "delta":
        body["delta"] = {"type": "text_delta", "text": "a"}
    return b"event: %s\ndata: %s\n\n" % (str(body["type"]).encode(), msgspec.json.encode(body))

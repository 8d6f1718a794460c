"""`conformance fuzz`: the command, and what a search finds and shrinks."""

import builtins
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import Command, Serve
from fuzzing import Asking, found_by, unexplained
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.catalog.load import load_catalog
from conformance.cli.main import main
from conformance.errors import UserError
from conformance.fuzz.folder import FILE, FuzzFolder, HeadLine
from conformance.fuzz.laws import Bad, CountedPair, Known, Sent, Valid
from conformance.fuzz.mutations import mutations
from conformance.fuzz.requests import requests
from conformance.fuzz.search import Search


def fuzz(*words: str) -> int:
    return main(["fuzz", "--target", "none", "--model", "scripted", *words])


@pytest.mark.parametrize("fault", ["RQ11", "RQ14"])
def test_a_finding_is_a_case_that_a_run_takes(conformance: Command, served: Serve, tmp_path: Path, fault: str) -> None:
    url = served("--fault", fault)
    words = ("fuzz", "--base-url", url, "--target", "none", "--model", "scripted", "--seed", "1", "--out", "out")
    done = conformance(*words, "--examples", "50")
    assert done.returncode == 1, done.stderr
    assert "fuzz.found-1" in done.stdout
    assert "asks them again" in done.stdout
    assert set(load_catalog(tmp_path / "out" / "cases").cases) >= {"fuzz.found-1"}
    asked = ("run", "--cases", "out/cases", "--no-witness")
    bent = conformance(*asked, "--base-url", url, "--target", "none", "--model", "scripted", "--out", "a")
    assert bent.returncode == 1, bent.stderr
    correct = conformance(*asked, "--out", "b")
    assert correct.returncode == 0, correct.stderr
    again = conformance(*words, "--examples", "60")
    assert "were found before, and are not reported again" in again.stdout
    assert "50" not in (tmp_path / "out" / FILE).read_text().splitlines()[-1], "it went on from there"


def test_nothing_found_is_said(served: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert fuzz("--base-url", served(), "--examples", "10", "--out", str(out)) == 0
    assert "10 of 10 examples" in capsys.readouterr().out
    assert not (out / "cases").exists()
    assert msgspec.json.decode((out / FILE).read_bytes().splitlines()[0])["seed"] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--seed", "abc"), "'abc' is not a whole number"),
        (("--examples", "-5"), "'-5' is not a whole number"),
        (("--time", "soon"), "'soon' is not a time"),
        (("--base-url", "http://127.0.0.1:9"), "nothing answers at http://127.0.0.1:9"),
    ],
)
def test_a_mistake_is_one_line(words: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz(*words) in (2, 4)
    told = capsys.readouterr().err
    assert says in told
    assert "Traceback" not in told


def test_a_folder_of_something_else_is_left_alone(
    served: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert fuzz("--base-url", served(), "--out", str(tmp_path)) == 4
    assert "holds no search of ours" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_search_of_another_seed_is_left_alone(
    served: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, out = served(), str(tmp_path / "out")
    assert fuzz("--base-url", url, "--examples", "1", "--seed", "1", "--out", out) == 0
    assert fuzz("--base-url", url, "--examples", "1", "--seed", "2", "--out", out) == 4
    assert "another seed, target or model" in capsys.readouterr().err


def test_a_server_that_dies_while_it_is_asked_is_said(
    served: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from conformance.fuzz import search

    def gone(*_: Any) -> bool:
        monkeypatch.setattr("conformance.probe.client.Client._connected", refuse)
        return False

    async def refuse(*_: Any, **__: Any) -> Any:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(search, "has_counts", gone)
    assert fuzz("--base-url", served(), "--examples", "5", "--out", str(tmp_path / "out")) == 2
    assert "answers no more after" in capsys.readouterr().err


def test_a_server_that_dies_in_the_middle_of_an_example_is_said(asking: Asking) -> None:
    with asking("") as correct:
        left = iter(range(25))

        def dying(document: dict[str, Any], mode: Any) -> Any:
            if next(left, None) is None:
                raise UserError("it answers no more")
            return correct.ask(document, mode)

        search = Search(ask=dying, able=("tools",), counts=True, seed=1, known=Known([]))
        with pytest.raises(UserError, match="it answers no more"):
            search.run(0, 50, enough=lambda: False, progress=lambda _: None, tell=lambda _: None)


def test_without_the_extra_it_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **named: Any) -> Any:
        if name == "conformance.fuzz":
            raise ModuleNotFoundError("No module named 'hypothesis'", name="hypothesis")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    assert fuzz() == 4
    assert "pip install 'messages-conformance[fuzz]'" in capsys.readouterr().err


ABLE = ("tools", "vision")
UNAIDED = {
    "RQ01": "refused",
    "RQ11": "refused",
    "RQ11-first": "content lost",
    "RQ14": "content lost",
    "RQ16": "content lost",
    "RQ17": "content lost",
    "ER09": "bad request, 500 answer",
}
"""Faults, and the law by which a search finds each in its first examples."""
SOME_VARIANTS = (
    "joins-blocks",
    "two-text-blocks",
    "lenient",
    "accepts-anything",
    "keys-of-every-shape",
    "counts-nothing",
)


@pytest.mark.parametrize("fault", UNAIDED)
def test_a_fault_is_found_and_shrunk_to_a_case(asking: Asking, fault: str) -> None:
    with asking(f"/fault/{fault}") as bent, asking("") as correct:
        found = found_by(bent, 150, most=1)
        assert [one.law for one in found] == [UNAIDED[fault]]
        question = found[0].documents[0]
        assert bent.ask(dict(question), found[0].mode).observed.observation != "shown", "it reproduces"
        assert all(correct.ask(dict(one), found[0].mode).observed.observation == "shown" for one in found[0].documents)
    assert not set(question["ask"]["body"]) & {"metadata", "temperature", "service_tier"}, "nothing beside it is left"
    assert not question["ask"].get("headers"), "nothing beside it is left"


def test_what_is_deleted_and_still_there_is_found_by_a_sequence(asking: Asking, tmp_path: Path) -> None:
    with asking("/fault/X-file-undeleted") as bent, asking("") as correct:
        found = found_by(bent, 150, most=1)
        assert [one.law.partition(",")[0] for one in found] == ["kept"]
        question = dict(found[0].documents[0])
        assert bent.ask(question, "json").observed.observation == "contradicted"
        assert correct.ask(question, "json").observed.observation == "shown"
    with closing(FuzzFolder(tmp_path / "out", HeadLine(target="none", model="m", seed=1))) as folder:
        folder.keep(found[0])
    catalog = load_catalog(tmp_path / "out" / "cases")
    assert catalog.cases["fuzz.found-1"].steps
    assert any((catalog.fixtures / "documents").glob("*.pdf")) or any((catalog.fixtures / "images").glob("*.png"))


def test_a_count_that_shrinks_is_found(asking: Asking) -> None:
    def counted(document: dict[str, Any], mode: Any) -> Any:
        with asking("") as correct:
            short, long = document["steps"]
            return correct.ask(document | {"steps": [long | {"name": "short"}, short | {"name": "long"}]}, mode)

    sent = Sent(body={"messages": [{"role": "user", "content": "Hello."}]})
    assert [one.law for one in CountedPair(sent).broken(counted)] == ["count shrinks"]
    with asking("") as correct:
        assert list(CountedPair(sent).broken(correct.ask)) == []


def test_a_search_is_the_same_again(asking: Asking) -> None:
    def seen() -> list[tuple[str, Any]]:
        with asking("/fault/RQ11-first") as bent:
            return [(one.law, one.documents[0]["ask"]) for one in found_by(bent, 50, seed=3)]

    assert seen() == seen()


def test_nothing_is_found_on_the_correct_endpoint(asking: Asking) -> None:
    with asking("") as correct:
        assert found_by(correct, 100) == []


@pytest.mark.parametrize("variant", SOME_VARIANTS)
def test_nothing_is_found_on_a_legal_variant(asking: Asking, variant: str) -> None:
    with asking(f"/variant/{variant}") as legal:
        assert unexplained(variant, found_by(legal, 50)) == []


@settings(max_examples=40)
@given(data=st.data())
def test_every_mutation_of_a_valid_request_is_refused_as_the_api_does(asking: Asking, data: st.DataObject) -> None:
    sent = data.draw(requests(ABLE))
    mutation = data.draw(st.sampled_from(mutations(sent.body)))
    with asking("") as correct:
        assert list(Valid(sent).broken(correct.ask)) == []
        assert correct.ask(Valid(sent).control(), "json").observed.observation == "shown", "else nothing is ever lost"
        bad = Bad(sent, mutation)
        assert list(bad.broken(correct.ask)) == []
        assert correct.ask(bad.refused(), "json").observed.observation == "shown"


@given(requests(ABLE))
def test_a_mutation_changes_one_thing(sent: Any) -> None:
    made = mutations(sent.body)
    assert len({(one.at, one.kind) for one in made}) == len(made)
    assert all(one.raw or one.body != sent.body for one in made)

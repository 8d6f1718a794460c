"""`conformance fuzz` at its door: what it prints and leaves, how it goes on, and what it says of mistakes."""

import builtins
from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import Command, Serve

from conformance.catalog.load import load_catalog
from conformance.cli.main import main
from conformance.fuzz.folder import FILE


def fuzz(*words: str) -> int:
    return main(["fuzz", "--target", "none", "--model", "scripted", *words])


def test_a_finding_is_a_case_that_a_run_takes(conformance: Command, served: Serve, tmp_path: Path) -> None:
    url = served("--fault", "RQ11")
    words = ("fuzz", "--base-url", url, "--target", "none", "--model", "scripted", "--seed", "1", "--out", "out")
    done = conformance(*words, "--examples", "50")
    assert done.returncode == 1, done.stderr
    assert "fuzz.found-1" in done.stdout
    assert "asks them again" in done.stdout
    assert set(load_catalog(tmp_path / "out" / "cases").cases) >= {"fuzz.found-1"}
    bent = conformance(
        "run", "--cases", "out/cases", "--base-url", url, "--target", "none", "--model", "scripted", "--out", "a"
    )
    assert bent.returncode == 1, bent.stderr
    correct = conformance("run", "--cases", "out/cases", "--out", "b")
    assert correct.returncode == 0, correct.stderr
    again = conformance(*words, "--examples", "60")
    assert "were found before, and are not told again" in again.stdout
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


def test_without_the_extra_it_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def missing(name: str, *rest: Any, **named: Any) -> Any:
        if name == "conformance.fuzz":
            raise ModuleNotFoundError("No module named 'hypothesis'", name="hypothesis")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    assert fuzz() == 4
    assert "pip install 'messages-conformance[fuzz]'" in capsys.readouterr().err

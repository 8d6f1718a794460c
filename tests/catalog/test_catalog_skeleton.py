"""`conformance new` on a copy of the cases that ship: it writes what loads, and lint names the fields to fill in."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

import conformance
from conformance.catalog.lint import lint
from conformance.catalog.load import Catalog, cases_folder, load_catalog
from conformance.catalog.problem import CatalogError
from conformance.catalog.skeleton import write_skeleton
from conformance.cli.main import main
from conformance.judge.rules import RULES
from conformance.scripted.listing import list_faults

ROW = "request.stop_sequences"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the cases that ship."""
    return shutil.copytree(cases_folder(), tmp_path / "cases")


@pytest.fixture
def copied(catalog: Catalog, shipped: Path) -> Catalog:
    """The catalog of that copy, without loading it anew."""
    return replace(catalog, folder=shipped)


def linted(folder: Path) -> list[tuple[str, str]]:
    problems = lint(
        load_catalog(folder), {rule.id: rule.surface for rule in RULES.values()}, [one.id for one in list_faults()]
    )
    return [(problem.at, problem.says.partition(":")[0]) for problem in problems]


FILES = {
    "stop.house": "stop/stop.yaml",
    "tools.choice.house": "tools/choice.yaml",
    "widgets.shape.round.one": "widgets/shape-round.yaml",
}
LEFT = ("fill in `spec.says`", "fill in `spec.url`", "fill in `title`", "no fault turns this case red")


def test_lint_names_just_the_fields_of_a_skeleton_that_are_left_to_fill_in(copied: Catalog, shipped: Path) -> None:
    """In a file that is there already, and in new ones, whose `about` is to be filled in, too."""
    there = {name for name, file in FILES.items() if (shipped / file).exists()}
    assert there == {"tools.choice.house"}
    for id_, file in FILES.items():
        assert write_skeleton(copied, id_, ROW) == shipped / file
    left = [(id_, says) for id_ in FILES for says in LEFT]
    assert sorted(linted(shipped)) == sorted([*[("about", "fill in `about`")] * 2, *left])


def test_a_skeleton_that_is_filled_in_is_clean(copied: Catalog, shipped: Path) -> None:
    file = write_skeleton(copied, "stop.house", ROW)
    filled = file.read_text().replace("faults: []", 'faults: ["refuse:messages"]').replace("FILL IN", "Filled in")
    file.write_text(filled)
    assert linted(shipped) == []


@pytest.mark.parametrize(
    ("id_", "told"),
    [
        ("tools", "is no id"),
        ("Tools.Choice", "is no id"),
        ("../x.y", "is no id"),
        ("surface.house", "holds no cases"),
        ("messages.text", "stands here already"),
    ],
)
def test_a_skeleton_is_not_written_under_a_bad_id(copied: Catalog, shipped: Path, id_: str, told: str) -> None:
    before = {file: file.read_bytes() for file in shipped.rglob("*") if file.is_file()}
    with pytest.raises(CatalogError, match=told):
        write_skeleton(copied, id_, ROW)
    assert {file: file.read_bytes() for file in shipped.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("surface", "told"),
    [
        (None, r"say which row the case is about: --surface ROW; near it: .*request\.tool_choice\.tool, "),
        ("request.stop_sequence", r"there is no row `request\.stop_sequence`; near it: request\.stop_sequences, "),
    ],
)
def test_a_row_that_is_missing_is_answered_with_the_nearest(copied: Catalog, surface: str | None, told: str) -> None:
    with pytest.raises(CatalogError, match=told):
        write_skeleton(copied, "tools.choice.tool-house", surface)


def test_nothing_is_written_into_an_installed_package(
    tmp_path: Path, copied: Catalog, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conformance, "__file__", str(tmp_path / "__init__.py"))
    before = sorted(shipped.rglob("*"))
    with pytest.raises(CatalogError, match=r"part of the installed package.*clone of the repository, or in a copy"):
        write_skeleton(copied, "stop.house", ROW)
    assert sorted(shipped.rglob("*")) == before


def test_new_and_lint_from_the_command_line(shipped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "stop.house", "--surface", ROW, "--cases", str(shipped)]) == 0
    assert capsys.readouterr().out.strip().endswith("stop/stop.yaml")
    assert main(["lint", "--cases", str(shipped)]) == 4
    assert capsys.readouterr().out.endswith("5 problems\n")

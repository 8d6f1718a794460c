"""The house of ARCHITECTURE.md: imports point the way the data flows, and the suite leans on nobody's insides."""

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "conformance"
ROOMS = ["catalog", "targets", "probe", "judge", "runs", "report"]
ALLOWED = {room: {"words", *ROOMS[: number + 1]} for number, room in enumerate(ROOMS)}
ALLOWED["report"] = {"words", "runs", "report"}
ALLOWED["scripted"] = {"scripted"}
ALLOWED["runner"] = {"words", "runner", *ROOMS}
HTTP_LIBRARIES = {"httpx", "httpx2", "requests", "aiohttp"}


def modules() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Every dotted name that a module imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its direction"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def room_of(path: Path) -> str:
    parts = path.relative_to(HOUSE).parts
    return parts[0] if len(parts) > 1 else ""


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_imports_point_the_way_the_data_flows(path: Path) -> None:
    room = room_of(path)
    if not room:
        return  # words, the package's own __init__ and __main__ belong to no room
    used = {name.split(".")[1] for name in imported(path) if name.startswith("conformance.")} - {"__version__"}
    assert used <= ALLOWED[room], f"{room} may not know {sorted(used - ALLOWED[room])}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_nobody_leans_on_the_insides_of_pytest(path: Path) -> None:
    assert not [name for name in imported(path) if name.split(".")[0] == "_pytest"]


def test_the_judge_reports_and_catalogues_without_a_client() -> None:
    """The witness replays recorded bytes through the SDK's own transport; nothing else there knows HTTP."""
    knows = {
        str(path.relative_to(HOUSE))
        for room in ("catalog", "judge", "runs", "report")
        for path in (HOUSE / room).rglob("*.py")
        if {name.split(".")[0] for name in imported(path)} & HTTP_LIBRARIES
    }
    assert knows <= {"judge/witness.py"}


def test_every_module_has_one_job() -> None:
    """Four hundred lines is where a module begins to have two."""
    long = {str(path.relative_to(HOUSE)): len(path.read_text().splitlines()) for path in modules()}
    assert not {name: lines for name, lines in long.items() if lines > 400}


def test_there_is_no_drawer_for_odds_and_ends() -> None:
    assert not [path for path in modules() if {"utils", "util", "helpers", "common", "misc"} & {*path.parts, path.stem}]

"""The house of ARCHITECTURE.md: imports point the way the data flows, in one line without a circle.

Each test is one law, and its failure lists every offender.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import repeat
from pathlib import Path
from subprocess import run

HOUSE = Path(__file__).parent.parent / "conformance"
BESIDE = {
    "bounded",
    "cache",
    "words",
    "errors",
    "expression",
    "files",
    "keys",
    "spellings",
    "escapes",
    "harmless",
    "doors",
    "once",
}
"""Modules of no room, which every room may know."""
ROOMS = ["catalog", "targets", "probe", "judge", "runs"]
ALLOWED: Mapping[str, set[str]] = {
    **{room: {*ROOMS[: number + 1]} for number, room in enumerate(ROOMS)},
    "report": {"runs", "report"},
    "engine": {*ROOMS, "engine"},
    "pytest_plugin": {"engine", "judge", "runs", "pytest_plugin"},
    "detection": {*ROOMS, "engine", "detection"},
    "fuzz": {*ROOMS, "engine", "fuzz"},
    "cli": {*ROOMS, "report", "engine", "pytest_plugin", "detection", "fuzz", "cli"},
    "scripted": {"scripted"},
}
ENGINE: Mapping[str, set[str]] = {
    "asking": {"question", "plan", "scheduler", "inquiry", "target_selection", "purse"}
    | {"fixture_server", "scripted_process", "same_question", "unmarked"},
    "judging": {"assessment", "explanation", "lights", "readiness", "reasons", "testimony", "sdk_process"},
    "ending": {"events", "finish", "log_header", "ledger", "outputs"},
    "again": {"records", "resume", "rejudge", "merge", "share"},
}
"""The inner rooms of the engine: each knows itself and those before it."""
HTTP_LIBRARIES = {"httpx", "httpx2", "requests", "aiohttp"}
MOST = 800
"""Files of a clone, all told: below it, a person still sees where a thing is."""
LONGEST = 400
"""Lines at which a module begins to have two jobs."""


def modules() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def name_of(path: Path) -> str:
    """`conformance/judge/rules/http.py` as it is shown: `judge/rules/http.py`."""
    return str(path.relative_to(HOUSE))


@cache
def imported(path: Path) -> frozenset[str]:
    """Every dotted name that a module imports, wherever in it the import stands."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its direction"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def libraries(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)} - {"conformance"}


def room_of(path: Path) -> str:
    """The room of a module; empty for `words`, `errors` and the package's own `__init__` and `__main__`."""
    parts = path.relative_to(HOUSE).parts
    return parts[0] if len(parts) > 1 else ""


def in_rooms(*rooms: str) -> Iterator[Path]:
    return (path for path in modules() if room_of(path) in rooms)


def test_imports_point_the_way_the_data_flows() -> None:
    offenders = {}
    for path in modules():
        used = {name.split(".")[1] for name in imported(path) if name.startswith("conformance.")}
        if (room := room_of(path)) and (wrong := used - ALLOWED[room] - BESIDE - {"__version__", "__file__"}):
            offenders[name_of(path)] = sorted(wrong)
    assert not offenders


def test_every_room_has_its_law() -> None:
    assert {room_of(path) for path in modules()} - {"", "skills"} == set(ALLOWED)


def test_nobody_leans_on_the_insides_of_pytest() -> None:
    assert not [name_of(path) for path in modules() if "_pytest" in libraries(path)]


def test_the_judge_reports_and_catalogues_without_a_client() -> None:
    """The witness replays recorded bytes through the SDK's own transport; nothing else there knows HTTP."""
    knows = {
        name_of(path) for path in in_rooms("catalog", "judge", "runs", "report") if libraries(path) & HTTP_LIBRARIES
    }
    assert knows <= {"judge/witness.py"}


def test_every_module_has_one_job() -> None:
    lines = {name_of(path): len(path.read_text().splitlines()) for path in modules()}
    assert not {name: count for name, count in lines.items() if count > LONGEST}


def test_a_clone_has_few_files() -> None:
    listed = run(["git", "ls-files"], cwd=HOUSE.parent, capture_output=True, text=True, check=False)
    assert listed.returncode != 0 or len(listed.stdout.splitlines()) < MOST  # an unpacked archive has no list


def test_there_is_no_drawer_for_odds_and_ends() -> None:
    assert not [
        name_of(path) for path in modules() if {"utils", "util", "helpers", "common", "misc"} & {*path.parts, path.stem}
    ]


def test_the_engine_knows_neither_pytest_nor_the_terminal() -> None:
    """So that the command line, `rejudge`, the detection and other programs can use it alike."""
    assert not [
        name_of(path) for path in in_rooms("engine") if libraries(path) & {"pytest", "rich", "syrupy", "argparse"}
    ]


def test_only_the_command_line_prints() -> None:
    prints = [
        name_of(path)
        for path in in_rooms("catalog", "targets", "probe", "judge", "runs", "engine", "pytest_plugin")
        if any(isinstance(node, ast.Name) and node.id == "print" for node in ast.walk(ast.parse(path.read_text())))
    ]
    assert not prints


def test_the_engine_asks_judges_and_ends_in_this_order() -> None:
    floors = list(ENGINE.values())
    floor = {name: number for number, names in enumerate(floors) for name in names}
    there = {path.stem for path in in_rooms("engine")} - {"__init__"}
    assert there == set(floor)
    offenders = {}
    for path in in_rooms("engine"):
        used = {name.split(".")[2] for name in imported(path) if name.startswith("conformance.engine.")}
        if path.stem in floor and (wrong := {name for name in used & set(floor) if floor[name] > floor[path.stem]}):
            offenders[path.stem] = sorted(wrong)
    assert not offenders


def test_no_module_knows_one_that_knows_it() -> None:
    """No circle between modules, wherever in them the imports stand: also not one that a function hides."""
    there = {module_of(path): path for path in modules()}
    knows = {
        name: {used for used in map(_module, imported(path), repeat(there)) if used} - {name}
        for name, path in there.items()
    }
    circles = []
    while True:
        try:
            TopologicalSorter(knows).prepare()
        except CycleError as circle:
            circles.append(circle.args[1])
            first, second = circle.args[1][:2]
            knows[second] = knows[second] - {first}
        else:
            break
    assert not circles


def module_of(path: Path) -> str:
    """`conformance.judge.rules` of `conformance/judge/rules/__init__.py`."""
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _module(name: str, there: Mapping[str, Path]) -> str:
    """The module that an imported name is, or is in; empty for one of a library."""
    return next((known for known in (name, name.rpartition(".")[0]) if known in there), "")


def test_the_reference_endpoint_does_not_know_what_bends_it() -> None:
    """Only `anthropic/__init__` joins them, by name."""
    door = HOUSE / "scripted" / "anthropic" / "__init__.py"
    bending = {"faults", "variants", "odd_models", "likeness", "listing"}
    knows = {
        name_of(path): sorted(wrong)
        for path in (HOUSE / "scripted" / "anthropic").rglob("*.py")
        if path != door and (wrong := bending & {name.split(".")[2] for name in imported(path) if _scripted(name)})
    }
    assert not knows


def _scripted(name: str) -> bool:
    return name.startswith("conformance.scripted.")


def test_private_parts_of_libraries_are_used_in_one_module_each() -> None:
    used = {
        part: sorted(name_of(path) for path in modules() if part in path.read_text())
        for part in ("import _parser", "RequestResponseCycle", "_value2member_map_")
    }
    assert used == {
        "import _parser": ["scripted/strings.py"],
        "RequestResponseCycle": ["scripted/wire.py"],
        "_value2member_map_": [],
    }

"""The inner house of the scripted program: no import circle, and a private part of a library in one module alone."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

HOUSE = Path(__file__).parent.parent.parent / "conformance"
SCRIPTED = HOUSE / "scripted"
BENDING = ("faults", "variants", "odd_models", "likeness", "listing")
"""What knows the reference endpoint and is not known by it; `anthropic/__init__` joins them by name."""


def name_of(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in SCRIPTED.rglob("*.py")}


def imports(path: Path) -> set[str]:
    """The modules of the scripted program that a module names in its imports, wherever they stand."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= whole or ({node.module} & MODULES.keys())
    return found - {name_of(path)}


def test_no_import_circle() -> None:
    TopologicalSorter({name: imports(path) for name, path in MODULES.items()}).prepare()  # raises CycleError


def test_the_reference_endpoint_does_not_know_what_bends_it() -> None:
    door = SCRIPTED / "anthropic" / "__init__.py"
    for path in (SCRIPTED / "anthropic").rglob("*.py"):
        if path != door:
            assert not [name for name in imports(path) if name.split(".")[2] in BENDING], path


def test_private_parts_of_libraries_are_used_in_one_module_each() -> None:
    used = {
        part: sorted(str(path.relative_to(SCRIPTED)) for path in MODULES.values() if part in path.read_text())
        for part in ("import _parser", "RequestResponseCycle", "_value2member_map_")
    }
    assert used == {"import _parser": ["strings.py"], "RequestResponseCycle": ["wire.py"], "_value2member_map_": []}

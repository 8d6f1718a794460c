"""Turns the basis of cases to `recorded` in their files, where a recording of the real API did what they claim."""

import re
from collections.abc import Collection
from pathlib import Path

_ID = re.compile(r"^  - id: (\S+)\s*$")
_BASIS = re.compile(r"^(\s+basis: )(sdk|documented|client|inferred)(\s*)$")


def adopt(folder: Path, cases: Collection[str]) -> list[str]:
    """Rewrites the `basis:` line of each of these cases below a folder; the ids of those that were changed."""
    changed = []
    for file in sorted(folder.rglob("*.yaml")):
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        case = ""
        for number, line in enumerate(lines):
            if found := _ID.match(line):
                case = found[1]
            if case in cases and (basis := _BASIS.match(line)):
                lines[number] = f"{basis[1]}recorded{basis[3]}"
                changed.append(case)
        text = "".join(lines)
        if text != file.read_text(encoding="utf-8"):
            file.write_text(text, encoding="utf-8", newline="\n")
    return changed

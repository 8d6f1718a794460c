"""Joins JavaScript modules into one script, since a page that is opened from disk cannot load modules."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

IMPORT = re.compile(r"^import \{[^}]*\} from \"\./([\w-]+\.js)\";\n", re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|let|class) )", re.MULTILINE)


def joined(folder: Path, entry: str) -> str:
    """One strict script: each module once, after those that it imports.

    The modules share that scope, so their top-level names must differ (`nox -s page` runs the result through a parser).
    Modules may import each other in a circle where only functions cross it: those are hoisted.
    """
    sources = (EXPORT.sub("", IMPORT.sub("", source)).strip() for source in _modules(folder, entry, set()))
    return "\n".join(("", '"use strict";', *sources, ""))


def _modules(folder: Path, name: str, seen: set[str]) -> Iterator[str]:
    if name in seen:
        return
    seen.add(name)
    source = (folder / name).read_text(encoding="utf-8")
    for imported in IMPORT.findall(source):
        yield from _modules(folder, imported, seen)
    yield source


if __name__ == "__main__":
    folder, entry, result = sys.argv[1:]
    Path(result).write_text(joined(Path(folder), entry), encoding="utf-8")

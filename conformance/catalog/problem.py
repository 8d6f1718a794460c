"""Problems of catalog files: file, line, key and what to do."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from conformance.errors import UserError
from conformance.files import resolved

_PART = re.compile(r"[a-z0-9]+")


class Problem(Struct, frozen=True, order=True):
    """One defect of one file: where it stands, and what to do about it."""

    file: str
    line: int
    """0 where there is no such file, or where what is wrong stands in none."""
    at: str
    """The key within the file, such as `cases[2].effect[0].at`; empty for the file as a whole."""
    says: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.at}: {self.says}" if self.at else f"{place}: {self.says}"


class CatalogError(UserError):
    """Files that cannot be read as what they should be; the message is one line for each problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


def nearest(word: str, legal: Iterable[str]) -> str:
    """`; did you mean ...?` for the legal word that looks most like this one, or the list where none does."""
    words = sorted(set(legal))
    if close := difflib.get_close_matches(word, words, n=1, cutoff=0.6):
        return f"; did you mean `{close[0]}`?"
    return f"; it may be: {', '.join(words)}" if 0 < len(words) <= 30 else ""


def alike(word: str, legal: Iterable[str], most: int = 5) -> list[str]:
    """The legal words that look most like this one, by the parts that they share, then by their letters."""
    parts = set(_PART.findall(word))

    def likeness(other: str) -> tuple[float, float]:
        others = set(_PART.findall(other))
        return len(parts & others) / len(parts | others), difflib.SequenceMatcher(None, word, other).ratio()

    return sorted(legal, key=likeness, reverse=True)[:most]


def shown(file: Path) -> str:
    """A path as a person would type it: relative to the current folder where it lies below it."""
    try:
        return str(resolved(file).relative_to(Path.cwd()))
    except ValueError:
        return str(file)

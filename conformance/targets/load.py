"""Reads target files: the packaged ones by name, a user's own by path, with what they take from another and drop."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import replace

from conformance.catalog.document import Document
from conformance.catalog.problem import CatalogError, Problem, nearest
from conformance.catalog.reading import Steps, typed
from conformance.doors import is_version
from conformance.files import resolved
from conformance.targets.target import Dispute, Gap, TargetFile
from conformance.targets.versions import range_problem
from conformance.words import VERDICTS, ReadinessVerdict

FOLDER = Path(__file__).parent
KINDS = ("surface", "rule", "case", "profile")
READINESS: tuple[ReadinessVerdict, ...] = get_args(ReadinessVerdict)
LISTS = ("documented", "known")
MOST_HEIRS = 20
"""Files that may extend each other."""
DICTIONARIES = ("capabilities", "defaults")


class TargetFileError(CatalogError):
    """A target file that cannot be read as one; the message names file, line and key of each defect."""


def target_names() -> tuple[str, ...]:
    """The names of the packaged targets."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load_target_file(name_or_path: str | Path) -> TargetFile:
    """A target as declared, `extends` and `drop` carried out; TargetFileError for a name or a file that is none."""
    return _loaded(_located(name_or_path))


def files_behind(path: str | Path) -> Iterator[Path]:
    """A user's own file and those that it extends, each before it is read; TargetFileError where one is none."""
    file = _located(path)
    for _ in range(MOST_HEIRS):
        if file.parent == FOLDER:
            return
        yield file
        own = _own(file)
        if own.file.extends is None:
            return
        file = _base(own)


def target_problems(
    name_or_path: str | Path,
    *,
    surfaces: Collection[str],
    rules: Collection[str],
    cases: Collection[str],
    profiles: Collection[str] = (),
    today: dt.date,
) -> list[Problem]:
    """The entries of a target file that match nothing there is, or are past their `until`, each with its line."""
    own = _own(_located(name_or_path))
    there: Mapping[str, Collection[str]] = {
        "surface": surfaces,
        "rule": rules,
        "case": cases,
        "profile": profiles,
    }
    problems = []
    entries: list[tuple[Steps, Gap | Dispute]] = [*own.entries(), *own.disputes()]
    for at, gap in entries:
        kind, named = subject(gap)
        if named not in there[kind]:
            near = get_close_matches(named, there[kind], n=1)
            guess = f"; did you mean `{near[0]}`?" if near else ""
            says = f"no {kind} is called `{named}`, so this entry matches nothing{guess}"
            problems.append(own.document.problem((*at, kind), says))
        for position, case in enumerate(gap.when if isinstance(gap, Gap) else ()):
            if case not in cases:
                says = f"no case is called `{case}`{nearest(case, cases)}"
                problems.append(own.document.problem((*at, "when", position), says))
        if gap.until is not None and gap.until < today:
            says = f"this entry was to hold until {gap.until}: look at it again, then move the date or delete it"
            problems.append(own.document.problem((*at, "until"), says))
    return problems


def subject(gap: Gap | Dispute) -> tuple[str, str]:
    """The subject of an entry: `surface`, `rule`, `case` or `profile`, and its id."""
    return next((kind, named) for kind in KINDS if (named := getattr(gap, kind, None)) is not None)


class Declared(Struct, frozen=True):
    """A target file as it stands, and what its places are."""

    file: TargetFile
    document: Document

    def entries(self) -> Iterator[tuple[Steps, Gap]]:
        for key in LISTS:
            for position, gap in enumerate(getattr(self.file, key)):
                yield (key, position), gap

    def disputes(self) -> Iterator[tuple[Steps, Dispute]]:
        for position, dispute in enumerate(self.file.disputed):
            yield ("disputed", position), dispute


@cache
def _loaded(path: Path, heirs: tuple[Path, ...] = ()) -> TargetFile:
    own = _own(path)
    if own.file.extends is None:
        if own.file.drop:
            raise TargetFileError([own.document.problem(("drop",), "there is nothing to drop without `extends`")])
        return own.file
    if path in heirs or len(heirs) == MOST_HEIRS:
        says = "these files extend each other in a circle" if path in heirs else f"more than {MOST_HEIRS} files do"
        raise TargetFileError([own.document.problem(("extends",), says)])
    return _merged(_loaded(_base(own), (*heirs, path)), own)


def _own(path: Path) -> Declared:
    """A file without what it extends; TargetFileError lists all its defects."""
    try:
        document = Document(path)
        own = Declared(typed(document, document.value, TargetFile), document)
    except CatalogError as error:
        raise TargetFileError(error.problems) from error
    problems = [
        document.problem((*at, *path), says) for at, gap in own.entries() for path, says in _gap_defects(gap, at[0])
    ]
    problems += [
        document.problem((*at, *path), says) for at, one in own.disputes() for path, says in _entry_defects(one)
    ]
    if own.file.suite and not is_version(own.file.suite):
        problems.append(document.problem(("suite",), "a version of the suite, such as 0.2.0"))
    if problems:
        raise TargetFileError(problems)
    return own


def _base(own: Declared) -> Path:
    """The file that one extends: a packaged target by its name, or a path from where the file lies."""
    name = own.file.extends or ""
    if "/" in name or name.endswith((".yaml", ".yml")):
        return _resolved(own.document.file.parent / name)
    if name not in target_names():
        says = f"there is no target `{name}`{nearest(name, target_names())}"
        raise TargetFileError([own.document.problem(("extends",), says)])
    return FOLDER / f"{name}.yaml"


def _merged(base: TargetFile, own: Declared) -> TargetFile:
    """What a file says goes before what it extends; its entries take the place of those about the same thing."""
    said = {key: getattr(own.file, key) for key in own.document.value or () if key not in (*LISTS, "extends", "drop")}
    for key in DICTIONARIES:
        if key in said:
            said[key] = {**getattr(base, key), **said[key]}
    unused = [position for position, drop in enumerate(own.file.drop) if not any(_is(gap, drop) for gap in _gaps(base))]
    if unused:
        says = f"{base.name} has no such entry (any more), so there is nothing to drop"
        raise TargetFileError([own.document.problem(("drop", position), says) for position in unused])
    renewed = {_about(gap) for gap in _gaps(own.file)}
    for key in LISTS:
        kept = [gap for gap in getattr(base, key) if not _dropped(gap, own.file.drop) and _about(gap) not in renewed]
        said[key] = [*kept, *getattr(own.file, key)]
    return replace(base, **said)


def _gaps(file: TargetFile) -> list[Gap]:
    return [*file.documented, *file.known]


def _about(gap: Gap) -> tuple[object, ...]:
    return (*subject(gap), tuple(gap.modes), gap.versions, tuple(gap.models))


def _dropped(gap: Gap, drops: list[dict[str, Any]]) -> bool:
    return any(_is(gap, drop) for drop in drops)


def _is(gap: Gap, drop: dict[str, Any]) -> bool:
    """Whether an entry is meant by a `drop`: all that it names is so."""
    return all(getattr(gap, key, None) == value for key, value in drop.items())


def _gap_defects(gap: Gap, where: str | int) -> Iterator[tuple[Steps, str]]:
    """What the types cannot say about one gap: the key of the defect, and the mend."""
    yield from _entry_defects(gap)
    if "supported" in gap.verdict and len(gap.verdict) > 1:
        says = "a gap and `supported` cannot both be expected: what shows only sometimes says `when: [case, ...]`, or"
        yield ("verdict",), f"{says} `tries: N` where chance decides"
    if gap.tries < 1 or (gap.tries > 1 and gap.case is None):
        yield ("tries",), "a number from 1 on, in an entry about a `case`, which is asked so often"
    if where == "documented" and gap.source is None:
        yield (), "a documented gap has its `source: {url, says}`; what no document says belongs under `known`"
    if where == "known" and gap.why is None:
        yield (), "a known gap says `why`"


def _entry_defects(gap: Gap | Dispute) -> Iterator[tuple[Steps, str]]:
    """The same of what every entry says: which one thing it is about, in which versions."""
    named = [kind for kind in KINDS if getattr(gap, kind, None) is not None]
    if len(named) != 1:
        yield (), f"an entry names one of {', '.join(KINDS)}; this one names {' and '.join(named) or 'none'}"
    if not gap.verdict:
        yield ("verdict",), "say which verdicts are expected, such as [refused]"
    words = set(READINESS) if named == ["profile"] else set(VERDICTS)
    if wrong := [verdict for verdict in gap.verdict if verdict not in words]:
        yield ("verdict",), f"`{wrong[0]}` is no verdict of such an entry; it may be {', '.join(sorted(words))}"
    if (problem := range_problem(gap.versions)) is not None:
        yield ("versions",), problem


def _resolved(path: Path) -> Path:
    try:
        return resolved(path)
    except ValueError as problem:  # a character that no path has
        raise TargetFileError([Problem("--target", 0, str(path), f"this is no path: {problem}")]) from problem


def _located(name_or_path: str | Path) -> Path:
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or text.endswith((".yaml", ".yml")):
        return _resolved(Path(text))
    if text not in target_names():
        known = nearest(text, [*target_names(), "none"])
        says = f"there is no such target{known}{'' if known.endswith('?') else ';'} a file goes by its path"
        raise TargetFileError([Problem("--target", 0, text or "''", says)])
    return FOLDER / f"{text}.yaml"

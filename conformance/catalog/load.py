"""Loads the questions: cases, rows, capabilities, profiles and fixtures of a folder, checked and frozen."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET, Struct
from msgspec.structs import replace

import conformance
from conformance.catalog.case import Ask, Case, CaseFile, Check, Journey, completed, modes_of
from conformance.catalog.compiled import compiled
from conformance.catalog.document import Document
from conformance.catalog.fixtures import Fixtures
from conformance.catalog.matchers import mistakes
from conformance.catalog.parts import circle, leans, parts_of
from conformance.catalog.problem import CatalogError, Problem, nearest, shown
from conformance.catalog.profile import Profile
from conformance.catalog.reading import each, head, typed
from conformance.catalog.surface import AreaFile, AreasFile, Capability, CapabilityFile, Row, RowEntry, placed
from conformance.doors import is_version
from conformance.errors import UserError
from conformance.files import resolved

SURFACE = "surface"
AREAS = "areas.yaml"
CAPABILITIES = "capabilities.yaml"
PROFILES = "profiles"
FIXTURES = "fixtures"
ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)+")
STEP = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
PATH_FORM = "it begins with `/`, without blanks, controls and backslashes, or is `{steps.NAME.PATH}` alone"
PATH = re.compile(r"/[^\x00-\x20\x7f-\x9f\ud800-\udfff\\]*|\{steps\.[A-Za-z0-9_-]+\.[^{}]+\}")
PROSE = ("id", "title", "spec", "basis", "note", "faults", "touches", "size", "added", "renamed_from")
"""What a case says about its question; the question itself is the rest, and the rest is what is hashed."""


class Origin(Struct, frozen=True):
    """The file and line of a case."""

    file: Path
    line: int


class Catalog(Struct, frozen=True, kw_only=True, dict=True):
    """All questions of a folder, in the order of its files."""

    folder: Path
    cases: dict[str, Case]
    origins: dict[str, Origin]
    """Case id to its place."""
    families: dict[str, str]
    """Case id to the family of its file."""
    abouts: dict[str, str]
    """Case id to what its file says its cases are about."""
    rows: dict[str, Row]
    row_origins: dict[str, Origin]
    """Row id to its place."""
    areas: dict[str, str]
    """Area id to its title, in the order of the matrix."""
    capabilities: dict[str, Capability]
    profiles: dict[str, Profile]
    hashes: dict[str, str]
    """Case id to the hash of its question."""

    @property
    def fixtures(self) -> Path:
        return self.folder / FIXTURES

    @cached_property
    def _parts(self) -> dict[str, frozenset[str]]:
        return {}

    def parts(self, case: str) -> frozenset[str]:
        """The parts of the requests of a case, by its id; found once, when they are first asked for."""
        if case not in self._parts:
            self._parts[case] = parts_of(self.cases[case])
        return self._parts[case]

    @cached_property
    def _within(self) -> dict[str, list[Case]]:
        found: dict[str, list[Case]] = {}
        for case in self.cases.values():
            if case.within is not None:
                found.setdefault(case.within, []).append(case)
        return found

    def within(self, case: str) -> Sequence[Case]:
        """The cases that are judged within the journey of a case, by its id."""
        return self._within.get(case, ())

    def sha256(self, case: Case) -> str:
        """The hash of a question: equal as long as the same is asked and judged, whatever its title says."""
        return self.hashes.get(case.id) or _sha256(case)

    @cached_property
    def cases_sha256(self) -> str:
        """The hash of all questions together, whatever the order of the files."""
        return hashlib.sha256(
            "\n".join(sorted(f"{id_} {hash_}" for id_, hash_ in self.hashes.items())).encode()
        ).hexdigest()


def cases_folder() -> Path:
    """The folder of the shipped cases: inside an installed package, or beside it in a checkout."""
    package = Path(conformance.__file__).parent
    installed = package / "cases"
    return installed if installed.is_dir() else package.parent / "cases"


def load_catalog(folder: Path | None = None) -> Catalog:
    """The catalog of a folder, by default of the one that travels with the suite; CatalogError lists every problem.

    UserError where there is no such folder.
    """
    place = folder or cases_folder()
    if not place.is_dir():
        raise UserError(f"{shown(place)}: there is no such folder of cases")
    read = _Loading(place).catalog
    return read() if folder else compiled(Catalog, place, read)


class _Loading:
    """One pass over the files of a folder; problems gather, so that a person sees all of them at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: list[Problem] = []
        self.fixtures = Fixtures(folder / FIXTURES)
        self.cases: dict[str, Case] = {}
        self.origins: dict[str, Origin] = {}
        self.families: dict[str, str] = {}
        self.abouts: dict[str, str] = {}
        self.rows: dict[str, Row] = {}
        self.row_origins: dict[str, Origin] = {}
        self._places: dict[str, tuple[Document, tuple[str | int, ...]]] = {}

    def catalog(self) -> Catalog:
        self._links()
        areas = self._surface()
        for file in case_files(self.folder):
            self._case_file(file)
        capabilities = self._capabilities()
        profiles = {file.stem: profile for file, profile in self._profiles()}
        if not self.problems:
            self._leaning()
        if not self.problems:
            self._travelling()
        if self.problems:
            raise CatalogError(self.problems)
        return Catalog(
            folder=self.folder,
            cases=self.cases,
            origins=self.origins,
            families=self.families,
            abouts=self.abouts,
            rows=self.rows,
            row_origins=self.row_origins,
            areas=areas,
            capabilities=capabilities,
            profiles=profiles,
            hashes={case.id: _sha256(case) for case in self.cases.values()},
        )

    def _links(self) -> None:
        """A linked folder is not entered: it may lead to the whole disk."""
        for entry in sorted(self.folder.glob("*/")):
            if entry.is_symlink():
                self.problems.append(Problem(shown(entry), 0, "", "a folder of cases holds no link to another folder"))

    def _read(self, file: Path) -> Document | None:
        if not resolved(file).is_relative_to(resolved(self.folder)):
            self.problems.append(Problem(shown(file), 0, "", "this is a link that leads out of the folder of cases"))
            return None
        try:
            return self.fixtures.read(file)
        except CatalogError as error:
            self.problems.extend(error.problems)
            return None

    def _surface(self) -> dict[str, str]:
        """The areas in their order; the rows of each are read from the file of its name. A folder may be without."""
        folder = self.folder / SURFACE
        document = self._read(folder / AREAS) if folder.is_dir() else None
        if document is None:
            return {}
        try:
            areas = typed(document, document.value, AreasFile).areas
        except CatalogError as error:
            self.problems.extend(error.problems)
            return {}
        for area in areas:
            self._area(area, folder / f"{area}.yaml")
        for file in sorted(folder.glob("*.yaml")):
            if file.name != AREAS and file.stem not in areas:
                says = f"the area `{file.stem}` is not among `areas` in {AREAS}{nearest(file.stem, areas)}"
                self.problems.append(Problem(shown(file), 1, "", says))
        return areas

    def _area(self, area: str, file: Path) -> None:
        document = self._read(file)
        if document is None:
            return
        head(document, AreaFile, "rows", self.problems)
        for position, entry in each(document, "rows", RowEntry, self.problems):
            at = ("rows", position)
            if entry.id in self.rows:
                first = self.row_origins[entry.id]
                says = f"the row {entry.id} stands already in {shown(first.file)}:{first.line}"
                self.problems.append(document.problem((*at, "id"), says))
            if entry.observable == bool(entry.reason):
                says = "a row has a `reason` where `observable` is false, and only there"
                self.problems.append(document.problem((*at, "observable"), says))
            self.rows[entry.id] = placed(entry, area)
            self.row_origins[entry.id] = Origin(file, document.line(at))

    def _case_file(self, file: Path) -> None:
        document = self._read(file)
        if document is None:
            return
        family = head(document, CaseFile, "cases", self.problems)
        for position, entry in each(document, "cases", Case, self.problems):
            at = ("cases", position)
            case = completed(entry, family.defaults if family else None)
            for path, says in _defects(case):
                self.problems.append(document.problem((*at, *path), says))
            if case.id in self.cases:
                first = self.origins[case.id]
                says = f"the case {case.id} stands already in {shown(first.file)}:{first.line}"
                self.problems.append(document.problem((*at, "id"), says))
            self.cases[case.id] = case
            self._places[case.id] = document, at
            self.origins[case.id] = Origin(file, document.line(at))
            self.families[case.id] = family.family if family else ""
            self.abouts[case.id] = family.about if family else ""

    def _leaning(self) -> None:
        """Every case that another leans on is there, and none leans on itself: it would wait for itself."""
        for case in self.cases.values():
            for key, name in leans(case):
                if name not in self.cases:
                    self._about(case.id, key, f"there is no case `{name}`{nearest(name, self.cases)}")
        if ring := circle(self.cases):
            key = next(key for key, name in leans(self.cases[ring[0]]) if name == ring[1])
            self._about(ring[0], key, f"it leans on itself: {' -> '.join(ring)}")

    def _travelling(self) -> None:
        """What is judged within the journey of another case is asked with it."""
        for case in self.cases.values():
            if case.within is None:
                continue
            home = self.cases[case.within]
            if home.journey is UNSET or home.within is not None:
                self._about(case.id, "within", f"{home.id} has no `journey` of its own")
                continue
            modes, needs = list(modes_of(home)), list(dict.fromkeys([*home.needs, *case.needs]))
            self.cases[case.id] = replace(case, journey=home.journey, modes=modes, needs=needs, size=home.size)

    def _about(self, id_: str, key: str, says: str) -> None:
        document, at = self._places[id_]
        self.problems.append(document.problem((*at, key), says))

    def _capabilities(self) -> dict[str, Capability]:
        file = self.folder / CAPABILITIES
        document = self._read(file) if file.is_file() else None
        if document is None:
            return {}
        try:
            return typed(document, document.value, CapabilityFile).capabilities
        except CatalogError as error:
            self.problems.extend(error.problems)
            return {}

    def _profiles(self) -> Iterator[tuple[Path, Profile]]:
        for file in sorted((self.folder / PROFILES).glob("*.yaml")):
            document = self._read(file)
            if document is not None:
                try:
                    yield file, typed(document, document.value, Profile)
                except CatalogError as error:
                    self.problems.extend(error.problems)


def case_files(folder: Path) -> list[Path]:
    """The files of cases below a folder, in order: every YAML file in a folder of an area, which is no link."""
    areas = [area for area in folder.glob("*/") if area.name not in (PROFILES, FIXTURES, SURFACE)]
    return sorted(file for area in areas if not area.is_symlink() for file in area.rglob("*.yaml"))


def _defects(case: Case) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """What the types cannot say about one case: the path of the defect, and the mend."""
    if not ID.fullmatch(case.id):
        yield (
            ("id",),
            f"`{case.id}` is no id: words of a-z, 0-9 and hyphens, joined by dots, such as `tools.choice.tool`",
        )
    if case.added and not is_version(case.added):
        yield ("added",), "a version of the suite, such as 0.2.0"
    if [case.ask is UNSET, case.steps is UNSET, case.journey is UNSET, case.within is None].count(False) != 1:
        yield (), "a case has one of `ask`, `steps`, `journey` and `within`"
    if (case.journey is not UNSET or case.within is not None) and case.concurrent > 1:
        yield ("concurrent",), "the turns of a journey follow each other: no copies of them are in flight"
    if case.steps is not UNSET:
        yield from _defects_of_steps("steps", [step.name for step in case.steps])
    if case.journey is not UNSET:
        yield from _defects_of_steps("turns", [turn.name for turn in case.journey.turns])
        yield from _defects_of_turns(case.journey)
    if case.effect and case.refuse:
        yield ("refuse",), "a case asks for an effect or for a refusal, not both"
    if case.accepted and (case.effect or case.refuse):
        yield ("accepted",), "an acceptance case asks for a readable 200 and nothing else: no `effect`, no `refuse`"
    if not case.effect and not case.refuse and not case.rules and not case.accepted:
        yield (), "nothing shows that the feature works: give `effect`, `accepted`, `refuse` or `rules`"
    if case.modes is not UNSET and not case.modes:
        yield ("modes",), "give at least one mode, or leave the key out for both"
    yield from _defects_of_parts(case)


def _defects_of_steps(key: str, names: Sequence[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Names of steps become names of exchanges, and what a later step refers to."""
    place = ("journey", "turns") if key == "turns" else (key,)
    if not names:
        yield place, "a conversation has at least one step"
    for position, name in enumerate(names):
        if not STEP.fullmatch(name):
            yield (*place, position, "name"), f"`{name[:100]}` is no name of a step: a-z, 0-9 and hyphens"
        elif name in names[:position]:
            yield (*place, position, "name"), f"the step {name} stands twice"


def _defects_of_turns(journey: Journey) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The turns make the messages, so nothing else does."""
    if journey.ask.body is UNSET or "messages" in journey.ask.body:
        yield ("journey", "ask"), "the `body` of a journey holds all but `messages`, which its turns add"
    for position, turn in enumerate(journey.turns):
        if not turn.content:
            yield ("journey", "turns", position, "content"), "a turn says something"


def _defects_of_parts(case: Case) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The same of its requests and checks."""
    for path, ask in _asks(case):
        bodies = [name for name in ("body", "raw", "multipart") if getattr(ask, name) is not UNSET]
        if len(bodies) > 1:
            yield (*path, bodies[1]), f"a request has one body; these are several: {', '.join(bodies)}"
        if ask.foreign and not ask.path.startswith("{"):
            yield (*path, "foreign"), f"`{ask.path}` is a path of the target; a foreign address stands in a placeholder"
        if not PATH.fullmatch(ask.path.removeprefix("{fixtures}") if ask.foreign else ask.path):
            yield (*path, "path"), f"`{ask.path[:100]}` is no path: {PATH_FORM}"
    for path, check in _checks(case):
        for key, says in mistakes(check):
            yield (*path, key) if key else path, says


def _asks(case: Case) -> Iterator[tuple[tuple[str | int, ...], Ask]]:
    if case.ask is not UNSET:
        yield ("ask",), case.ask
    if case.journey is not UNSET:
        yield ("journey", "ask"), case.journey.ask
    if case.steps is not UNSET:
        for position, step in enumerate(case.steps):
            yield ("steps", position, "ask"), step.ask


def _checks(case: Case) -> Iterator[tuple[tuple[str | int, ...], Check]]:
    for key in ("premise", "effect"):
        for position, check in enumerate(getattr(case, key)):
            yield (key, position), check
    if case.steps is not UNSET:
        for number, step in enumerate(case.steps):
            for position, check in enumerate(step.premise):
                yield ("steps", number, "premise", position), check
    if case.journey is not UNSET:
        for number, turn in enumerate(case.journey.turns):
            for position, check in enumerate(turn.premise):
                yield ("journey", "turns", number, "premise", position), check


def _sha256(case: Case) -> str:
    question: dict[str, Any] = msgspec.to_builtins(case)
    question = {key: value for key, value in question.items() if key not in PROSE}
    return hashlib.sha256(msgspec.json.encode(question, order="sorted")).hexdigest()

"""The folder of a search: `fuzz.jsonl`, from which it can be resumed, and the cases that show what was found."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import Struct

from conformance.catalog.load import FIXTURES, cases_folder
from conformance.doors import UNDECODABLE
from conformance.errors import UserError
from conformance.files import LineFile, folder_below, read_within, replace_file
from conformance.fuzz.laws import BrokenLaw
from conformance.harmless import harmless
from conformance.keys import KNOWN
from conformance.words import Mode

FILE = "fuzz.jsonl"
LARGEST = 64 * 2**20
"""Bytes of a search that can be taken up again."""
CASES = Path("cases", "fuzz", "found.yaml")
AREAS = {"areas": {"fuzz": "Found by fuzzing"}}
SURFACE = Path("cases", "surface")


class HeadLine(Struct, frozen=True, tag="fuzz", kw_only=True):
    """The first line: the endpoint, the model and the seed."""

    target: str
    model: str
    seed: int


class FoundLine(Struct, frozen=True, tag="found", kw_only=True):
    """One law that did not hold."""

    id: str
    law: str
    at: str
    says: str
    mode: Mode
    features: list[str] = []
    documents: list[dict[str, Any]] = []


class ProgressLine(Struct, frozen=True, tag="asked"):
    """The number of examples asked so far."""

    examples: int


Line = HeadLine | FoundLine | ProgressLine


class FuzzFolder:
    """The folder of a search, begun or taken up again."""

    def __init__(self, folder: Path, head: HeadLine) -> None:
        """UserError where it holds something else than this search."""
        self.folder = folder
        self.found: list[FoundLine] = []
        self.asked = 0
        if folder.exists() and any(folder.iterdir()):
            self._take_up(head)
        folder.mkdir(parents=True, exist_ok=True)
        self._file = LineFile(folder / FILE)
        if not self.found and not self.asked:
            self._write(head) if (folder / FILE).stat().st_size == 0 else None

    def _take_up(self, head: HeadLine) -> None:
        path = self.folder / FILE
        if not path.is_file():
            raise UserError(f"{self.folder} is not empty, and holds no search of ours: name another folder with --out")
        lines = read_within(path, LARGEST).split(b"\n")
        try:
            rows = [msgspec.json.decode(line, type=Line) for line in lines[:-1] if line]
        except UNDECODABLE as problem:
            raise UserError(f"{path} cannot be read ({problem}): name another folder with --out") from problem
        for row in rows:
            if isinstance(row, FoundLine) and not all(map(_is_of_ours, row.documents)):
                what = harmless(row.id[:80])
                raise UserError(f"{path}: no search writes the cases of {what}; name another folder with --out")
        if rows and rows[0] != head:
            raise UserError(
                f"{self.folder} holds a search of another seed, target or model: name another folder with --out"
            )
        self.found = [row for row in rows if isinstance(row, FoundLine)]
        self.asked = max([row.examples for row in rows if isinstance(row, ProgressLine)], default=0)

    def known(self) -> list[BrokenLaw]:
        """What was found before."""
        return [
            BrokenLaw(
                law=one.law, at=one.at, says=one.says, mode=one.mode, documents=(), features=frozenset(one.features)
            )
            for one in self.found
        ]

    def keep(self, broken: BrokenLaw) -> FoundLine:
        """Keeps what was found, and writes its cases."""
        name = f"fuzz.found-{len(self.found) + 1}"
        found = FoundLine(
            id=name,
            law=broken.law,
            at=broken.at,
            says=broken.says,
            mode=broken.mode,
            features=sorted(broken.features),
            documents=[_named(document, name) for document in broken.documents],
        )
        self._write(found)
        self.found.append(found)
        self._cases()
        return found

    def progress(self, examples: int) -> None:
        """Keeps how far the search came."""
        self.asked = examples
        self._write(ProgressLine(examples))

    def _write(self, line: Line) -> None:
        self._file.write(msgspec.json.encode(line))

    def _cases(self) -> None:
        """A folder of cases that `conformance run --cases` takes: each question with its twin or control."""
        cases = [document for one in self.found for document in one.documents]
        about = "What fuzzing found: each case is the smallest request that shows it."
        rows = [_row(document) for one in self.found for document in one.documents]
        self._dump(CASES, {"family": "fuzz", "about": about, "cases": cases})
        self._dump(SURFACE / "areas.yaml", AREAS)
        for upload in sorted({upload for case in cases for upload in _uploads(case)}):
            self._put(Path("cases", FIXTURES, upload), (cases_folder() / FIXTURES / upload).read_bytes())
        self._dump(SURFACE / "fuzz.yaml", {"rows": rows})

    def _dump(self, place: Path, value: Any) -> None:
        plain = msgspec.to_builtins(value)
        text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=120)
        self._put(place, KNOWN.removed(text.encode()))

    def _put(self, place: Path, content: bytes) -> None:
        replace_file(folder_below(self.folder, *place.parent.parts) / place.name, content)

    def close(self) -> None:
        self._file.close()


def _named(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A case with the ids of this finding in place of those that all share."""
    named = {**document, "id": str(document["id"]).replace("fuzz.found", name)}
    for key in ("twin", "control"):
        if key in named:
            named[key] = str(named[key]).replace("fuzz.found", name)
    return named | {"surface": named["id"]}


def _is_of_ours(document: Mapping[str, Any]) -> bool:
    """Whether a case is as a search writes it, and uploads fixtures of the suite alone: a stranger may have made it."""
    try:
        uploads = {str(upload) for upload in _uploads(document)}
        _named(document, str(_row(document)["id"]))
    except (LookupError, TypeError, AttributeError):
        return False
    return not uploads or uploads <= _fixtures()


def _fixtures() -> set[str]:
    folder = cases_folder() / FIXTURES
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def _uploads(document: Mapping[str, Any]) -> Iterator[str]:
    """The fixtures that the steps of a case upload."""
    for step in document.get("steps", ()):
        for part in step["ask"].get("multipart", {}).values():
            yield part.removeprefix("@")


def _row(document: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": document["id"],
        "title": document["title"],
        "tier": "core",
        "weight": "must",
        "why": "Generated.",
        "consequence": "See the case.",
        "source": ["https://platform.claude.com/docs/en/api/messages"],
    }


def line_of(found: FoundLine) -> str:
    """One finding in one line, for a terminal."""
    return harmless(f"{found.id} [{found.mode}] {found.says}")

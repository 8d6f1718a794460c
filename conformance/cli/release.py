"""Compares today's judgement of the last release's recorded runs with that of the release.

    python -m conformance.cli.release [--since TAG] [--reports DIR] [--changelog FILE]

The release's own runs are judged again with the release's own expectations. Every cell that moved has a line in the
changelog that names its row, and a patch release makes none worse (docs/versions.md). Without a release nothing has
moved.
"""

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from conformance import __version__
from conformance.catalog.load import Catalog, load_catalog
from conformance.cli.published import published
from conformance.engine.rejudge import rejudge
from conformance.errors import ExitCode, UserError
from conformance.report.matrix import UNEXPECTED, Cell, matrix_of
from conformance.runs.evidence_store import copy_evidence
from conformance.runs.expectations import Expectations
from conformance.runs.log import RunLog, read_log
from conformance.targets.resolve import disputes_of, gaps_of, pin_of
from conformance.words import OBSERVED, Verdict

TAGS = "v[0-9]*"
"""How the tags of releases are called: `v` and the version."""


class Moved(Struct, frozen=True):
    """A cell that is judged otherwise than at the release."""

    run: str
    row: str
    before: Verdict | None
    now: Verdict | None
    unexpected: bool
    """Whether the release's expectations turn it red now, and did not before."""

    @property
    def worse(self) -> bool:
        """Whether both verdicts were observed, and today's is the worse one; or it is red only now."""
        seen = self.before in OBSERVED and self.now in OBSERVED
        return self.unexpected or (seen and OBSERVED.index(self.now) < OBSERVED.index(self.before))

    def __str__(self) -> str:
        red = ", unexpected now" if self.unexpected else ""
        return f"{self.run}: {self.row} {self.before or 'no verdict'} -> {self.now or 'no verdict'}{red}"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m conformance.cli.release", description=__doc__)
    parser.add_argument("--since", metavar="TAG", help="the release to compare with; default: the last one")
    parser.add_argument("--changelog", type=Path, default=Path("CHANGELOG.md"))
    parser.add_argument(
        "--version", default=__version__, help="the version that is in the making (default: %(default)s)"
    )
    arguments = parser.parse_args(words)
    try:
        return _check(arguments.since or last_release(), arguments.changelog, arguments.version)
    except UserError as error:
        print(error.message, file=sys.stderr)
        return int(error.exit_code)


def _check(tag: str | None, changelog: Path, version: str) -> int:
    if tag is None:
        print("there is no release yet, so nothing has moved")
        return ExitCode.AS_EXPECTED
    found = list(moved_since(tag, load_catalog()))
    said = since_release(changelog.read_text(encoding="utf-8"), tag)
    faults = [f"no line in {changelog.name} names it: {one}" for one in found if not _names(said, one.row)]
    if is_patch(tag, version):
        faults += [f"a patch release makes no verdict worse: {one}" for one in found if one.worse]
    for line in faults:
        print(line)
    print(f"{len(found)} cells of the recorded runs moved since {tag}; {len(faults)} problems")
    return ExitCode.UNEXPECTED if faults else ExitCode.AS_EXPECTED


def last_release() -> str | None:
    """The tag of the newest release that this commit follows; None before the first."""
    done = _git("describe", "--tags", "--abbrev=0", f"--match={TAGS}", check=False)
    return done.stdout.decode().strip() or None


def moved_since(tag: str, catalog: Catalog) -> Iterator[Moved]:
    """The cells of a release's recorded runs that are judged otherwise today; rows that came later are none."""
    with tempfile.TemporaryDirectory() as name:
        then = Path(name)
        archive = _git("archive", "--format=tar", tag, "reports/runs", "conformance/targets").stdout
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            if hasattr(tarfile, "data_filter"):
                files.extractall(then, filter="data")
            else:  # before Python 3.11.4; the archive is git's own of this repository
                files.extractall(then)  # noqa: S202
        for folder in published(then / "reports"):
            before = read_log(folder)
            expectations = _expectations(before, then / "conformance" / "targets")
            yield from _moved(folder.name, before, _judged(before, catalog, expectations), _renamed(catalog))


def _judged(log: RunLog, catalog: Catalog, expectations: Expectations) -> RunLog:
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        copy_evidence(log.folder, copy)
        rejudge(replace(log, folder=copy), catalog, copy, expectations=expectations)
        return read_log(copy)


def _expectations(log: RunLog, targets: Path) -> Expectations:
    """What the release's own target file expects; of a server without one, the bare API."""
    file, version = targets / f"{log.run.target.name}.yaml", log.run.target.version
    if not file.exists():
        return Expectations()
    documented, known = gaps_of(str(file), version, log.run.target.model)
    disputed, suite = disputes_of(str(file), version), pin_of(str(file))
    return Expectations(documented=documented, known=known, disputed=disputed, suite=suite)


def _moved(run: str, before: RunLog, now: RunLog, names: Mapping[str, str]) -> Iterator[Moved]:
    old = {names.get(row, row): cell for row, cell in _cells(before).items()}
    new = _cells(now)
    for row, cell in new.items():
        if row not in old:
            continue
        red = cell.status in UNEXPECTED and old[row].status not in UNEXPECTED
        if cell.verdict != old[row].verdict or red:
            yield Moved(run, row, old[row].verdict, cell.verdict, red)


def _cells(log: RunLog) -> Mapping[str, Cell]:
    return matrix_of([log]).columns[0].cells


def _renamed(catalog: Catalog) -> dict[str, str]:
    """Every old name of a row to the one that it has today."""
    return {old: row.id for row in catalog.rows.values() for old in row.renamed_from}


def since_release(changelog: str, tag: str) -> str:
    """The part of the changelog that is newer than a release: all above its heading."""
    version = re.escape(tag.removeprefix("v"))
    heading = re.search(rf"^## \[?v?{version}\b.*$", changelog, re.MULTILINE)
    if heading is None:
        raise UserError(
            f"the changelog has no heading for {tag}: write `## {tag.removeprefix('v')} - DATE` above its part"
        )
    return changelog[: heading.start()]


def _names(text: str, row: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(row)}(?![\w-]|\.\w)", text) is not None


def is_patch(tag: str, version: str) -> bool:
    """Whether a version is a patch of a release: only its third number, or what follows, differs."""
    try:
        before, now = Version(tag.removeprefix("v")), Version(version)
    except InvalidVersion:
        return False
    return before.release[:2] == now.release[:2] and now > before


def _git(*words: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
    done = subprocess.run(["git", *words], capture_output=True, check=False)  # noqa: S603, S607 (git of the path, our words)
    if check and done.returncode:
        raise UserError(f"git {words[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done


if __name__ == "__main__":
    sys.exit(main())

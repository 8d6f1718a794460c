"""The published runs below `reports/`: adds one, judges all of them again, renders the page from them.

    python -m conformance.cli.published add RUN [--server NAME] [--version V] [--behind "scripted model"] [--extend]
    python -m conformance.cli.published rejudge [--check]
    python -m conformance.cli.published page
    python -m conformance.cli.published snapshots

A published run is a folder with `run.jsonl.zst` and `evidence.jsonl.zst`. Nothing in it is written by hand: `add` and
`rejudge` judge the evidence with today's rules and cases.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec.structs import replace

from conformance.bounded import end_by_signals
from conformance.catalog.load import Catalog, load_catalog
from conformance.engine.merge import extend
from conformance.engine.rejudge import Rejudged, rejudge
from conformance.errors import ExitCode, UserError
from conformance.files import replacing
from conformance.report.matrix import matrix_of
from conformance.report.write import render, write_summaries
from conformance.runs.diff import Difference, diff
from conformance.runs.evidence_store import PACKED as PACKED_EVIDENCE
from conformance.runs.evidence_store import PLAIN, EvidenceStore, copy_evidence, pack_evidence, remove_evidence
from conformance.runs.frames import BEST
from conformance.runs.log import FILE as PLAIN_LOG
from conformance.runs.log import PACKED, RunLog, pack_log, read_log
from conformance.runs.options import options_in
from conformance.runs.rows import BEHIND, RunRow, TargetInfo
from conformance.runs.snapshots import snapshot_file, write_snapshot

REPORTS = Path("reports")
CUT = "…".encode()
"""Where a quotation ends that was too long."""
SHORTEST = 3
"""Bytes of a folder's name that could be any other's."""
NEUTRAL = b"/srv/suite"
HASHES = "question-hashes.tsv"
"""Hashes of cases as recorded runs have them, each with that of today's case that sends the same."""


def main(words: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(words)
    end_by_signals()
    try:
        return int(arguments.call(arguments))
    except UserError as error:
        print(error.message, file=sys.stderr)
        return int(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted: what was not said to be done is as it was", file=sys.stderr)
        return ExitCode.INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m conformance.cli.published", description=__doc__)
    parser.add_argument("--reports", type=Path, default=REPORTS)
    commands = parser.add_subparsers(required=True)
    adding = commands.add_parser("add", help="judge a run again and put it, packed, among the published ones")
    adding.add_argument("run", type=Path)
    adding.add_argument("--server", help="the name of the server, where the run itself does not know it")
    adding.add_argument("--version", help="the version of its package")
    adding.add_argument("--behind", choices=BEHIND, help="what stood behind the server")
    adding.add_argument(
        "--extend", action="store_true", help="keep what is published of this server; add the questions that it lacks"
    )
    adding.set_defaults(call=_add)
    again = commands.add_parser("rejudge", help="judge all published runs again and list the rows that changed")
    again.add_argument("--check", action="store_true", help="change nothing; exit 1 where a row changed")
    again.add_argument("--into", metavar="FOLDER", type=Path, help="keep today's log of each run in a folder, too")
    again.set_defaults(call=_rejudge)
    commands.add_parser("page", help="render the page").set_defaults(call=_page)
    commands.add_parser("snapshots", help="write the shapes of each server's newest run").set_defaults(call=_snapshots)
    return parser


def _add(arguments: argparse.Namespace) -> int:
    log = read_log(arguments.run)
    target = log.run.target
    version = arguments.version or target.version
    target = replace(
        target,
        name=arguments.server or target.name,
        version=version,
        calls_itself=target.calls_itself or (target.version if target.version != version else None),
        behind=arguments.behind or target.behind,
    )
    log = replace(log, run=_as_published(log.run, target))
    folder = arguments.reports / "runs" / "-".join(filter(None, (target.name, target.version)))
    catalog = load_catalog()
    with tempfile.TemporaryDirectory() as name:
        whole, joined = Path(name, "whole"), Path(name, "joined")
        whole.mkdir()
        if arguments.extend:
            joined.mkdir()
            extend(_published_log(folder), log, catalog, joined)
            log = read_log(joined)
        copy_evidence(log.folder, whole)
        _rename_this_folder(whole)
        pack_evidence(whole, BEST)
        new = _judged(replace(log, folder=whole), catalog, whole, arguments.reports / HASHES)
        pack_log(whole)
        folder.mkdir(parents=True, exist_ok=True)
        for file in (PACKED_EVIDENCE, PACKED):
            if (whole / file).exists():
                _put(whole / file, folder / file)
        (folder / PLAIN).unlink(missing_ok=True)
    print(f"{folder}: {new.judged} questions judged; {new.left_out() or 'nothing left out'}")
    return ExitCode.AS_EXPECTED


def _put(file: Path, place: Path) -> None:
    """Puts a file in its place as a whole, whenever somebody ends us."""
    with file.open("rb") as content, replacing(place) as copy:
        shutil.copyfileobj(content, copy)


def _published_log(folder: Path) -> RunLog:
    if not (folder / PACKED).exists():
        raise UserError(f"{folder} is not there, so nothing can be added to it: leave --extend out")
    return read_log(folder)


def _as_published(row: RunRow, target: TargetInfo) -> RunRow:
    """The head of a run as everybody may read it: it was kept in a folder of this machine."""
    out = str(options_in(row.options).out or "")
    return replace(
        row,
        target=target,
        options={**row.options, "out": Path(out).name},
        command=row.command.replace(out, Path(out).name) if out else row.command,
    )


def _rename_this_folder(folder: Path) -> None:
    """Gives the folder of this machine another name wherever a server quotes it, of the same length.

    A server that is installed below it may put its path into an error; Content-Length holds for the new name too.
    """
    here = str(Path.cwd()).encode()
    if len(here) < len(NEUTRAL):
        return
    neutral = NEUTRAL.ljust(len(here), b"x")
    store = EvidenceStore(folder)
    lines = [renamed(store.line(name), here, neutral) for name in sorted(store)]
    remove_evidence(folder)
    (folder / PLAIN).write_bytes(b"".join(line + b"\n" for line in lines))


def renamed(line: bytes, here: bytes, neutral: bytes) -> bytes:
    """The line with another folder, also where a quotation is cut in the middle of its name."""
    line = line.replace(here, neutral)
    for kept in range(len(here) - 1, SHORTEST, -1):
        line = line.replace(here[:kept] + CUT, neutral[:kept] + CUT)
    return line


def _rejudge(arguments: argparse.Namespace) -> int:
    catalog = load_catalog()
    changed = 0
    for folder in published(arguments.reports):
        old = read_log(folder)
        with tempfile.TemporaryDirectory() as name:
            copy = Path(name)
            copy_evidence(folder, copy)
            new = _judged(
                replace(old, folder=copy), catalog, copy, None if arguments.check else arguments.reports / HASHES
            )
            differences = changes(old, read_log(copy))
            if arguments.into:
                (arguments.into / folder.name).mkdir(parents=True)
                shutil.copy(copy / PLAIN_LOG, arguments.into / folder.name)
            if not arguments.check:  # packed as well as it goes, which takes a third of the time of judging
                pack_log(copy)
                _put(copy / PACKED, folder / PACKED)
        changed += len(differences)
        print(f"{folder.name}: {len(differences)} rows changed; {new.left_out() or 'nothing left out'}")
        for line in _lines(differences):
            print(f"  {line}")
    return ExitCode.UNEXPECTED if changed and arguments.check else ExitCode.AS_EXPECTED


def _page(arguments: argparse.Namespace) -> int:
    runs = [read_log(folder) for folder in published(arguments.reports)]
    render(runs, arguments.reports, detection=arguments.reports / "detection.json")
    write_summaries(runs, arguments.reports)
    return ExitCode.AS_EXPECTED


def _snapshots(arguments: argparse.Namespace) -> int:
    """One file for each server, of the newest version that is published."""
    folder = arguments.reports / "snapshots"
    matrix = matrix_of([read_log(run) for run in published(arguments.reports)])
    newest = {column.log.run.target.name: column.log for column in matrix.columns}
    for server, log in newest.items():
        write_snapshot(snapshot_file(server, folder), log.cases)
    return ExitCode.AS_EXPECTED


def published(reports: Path = REPORTS) -> list[Path]:
    """The folders of the published runs, in the order of their names."""
    return sorted(path.parent for path in (reports / "runs").glob(f"*/{PACKED}"))


def changes(old: RunLog, new: RunLog) -> list[Difference]:
    """The rows of which a rejudged log says something else, and those that it has or lacks."""
    compared = {(row.case, row.mode): row.case_sha256 for row in new.cases}
    cases = tuple(replace(row, case_sha256=compared.get((row.case, row.mode), row.case_sha256)) for row in old.cases)
    return diff(replace(old, cases=cases), new)


def _judged(log: RunLog, catalog: Catalog, folder: Path, hashes: Path | None) -> Rejudged:
    """Writes today's log of a run beside its evidence."""
    (folder / PACKED).unlink(missing_ok=True)
    rejudged = rejudge(log, catalog, folder)
    if hashes is not None:
        _remember(hashes, log, read_log(folder))
    return rejudged


def _remember(file: Path, old: RunLog, new: RunLog) -> None:
    """Adds to the table which hash of a case became which, where the question is the same."""
    known = dict(line.split("\t", 1) for line in file.read_text().splitlines()) if file.exists() else {}
    today = {(row.case, row.mode): row.case_sha256 for row in new.cases}
    for row in old.cases:
        now = today.get((row.case, row.mode), row.case_sha256)
        if now != row.case_sha256:
            known[row.case_sha256] = f"{now}\t{row.case}"
    if known:
        file.write_text("".join(f"{key}\t{value}\n" for key, value in sorted(known.items(), key=lambda one: one[1])))


def _lines(differences: Iterable[Difference]) -> list[str]:
    return [
        f"{one.change}: {one.id if one.mode is None else f'{one.id}[{one.mode}]'} {one.old or '-'} -> {one.new or '-'}"
        for one in differences
    ]


if __name__ == "__main__":
    raise SystemExit(main())

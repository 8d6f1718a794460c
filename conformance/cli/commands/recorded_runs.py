"""Recorded runs: `report` and `diff` show them, `evidence` prints exchanges, `rejudge` and `merge` judge again."""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from conformance.catalog.load import load_catalog
from conformance.errors import ExitCode, UserError
from conformance.harmless import harmless
from conformance.report.answers import annotations
from conformance.report.matrix import matrix_of
from conformance.report.query import parse
from conformance.report.terminal import print_table
from conformance.report.write import refuse_others, render, write_summaries
from conformance.runs.diff import (
    ORDER,
    Change,
    Difference,
    SecondTurnChange,
    SpeedChange,
    cause_changes,
    diff,
    readiness_changes,
    second_turn_change,
    speed_changes,
)
from conformance.runs.evidence_store import EvidenceStore, copy_evidence, remove_evidence
from conformance.runs.log import FILE, PACKED, CauseRow, RunLog, read_log
from conformance.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from conformance.engine.rejudge import Rejudged


def declare_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, metavar="OLD", help="folder or run.jsonl of the earlier run")
    parser.add_argument("new", type=Path, metavar="NEW", help="folder or run.jsonl of the later run")
    parser.add_argument("--format", choices=["text", "json", "markdown"], default="text")


def run_diff(arguments: argparse.Namespace) -> int:
    old, new = read_log(arguments.old), read_log(arguments.new)
    differences = diff(old, new)
    print(harmless(FORMATS[arguments.format](differences, old, new)))
    return ExitCode.UNEXPECTED if any(difference.worse for difference in differences) else ExitCode.AS_EXPECTED


def name_of(log: RunLog) -> str:
    """Target, version and date of a run, and whether it is whole."""
    target = log.run.target
    simulated = " (simulated)" if target.simulated else ""
    part = f" ({log.lacks})" if log.lacks else ""
    return f"{target.name} {target.version or ''}".strip() + f"{simulated}, {log.run.started[:10]}{part}"


def _verdicts(difference: Difference) -> str:
    if difference.old == difference.new:
        return str(difference.new)
    return f"{difference.old or 'not asked'} -> {difference.new or 'not asked'}"


def _row(difference: Difference) -> str:
    return f"{difference.id} ({difference.mode})" if difference.mode else difference.id


def _causes(old: RunLog, new: RunLog) -> list[tuple[str, CauseRow]]:
    """The causes that only one of the two runs names: they come before the rows."""
    changes = cause_changes(old, new)
    return [
        *(("cause appeared", cause) for cause in changes.appeared),
        *(("cause vanished", cause) for cause in changes.vanished),
    ]


def _clients(old: RunLog, new: RunLog) -> list[str]:
    """The clients that run where they did not, or the other way round, each in one line."""
    changes = readiness_changes(old, new)
    return [f"{one.client}: {one.old} -> {one.new}{f'; missing: {one.because}' * bool(one.because)}" for one in changes]


def _counted(differences: Sequence[Difference]) -> str:
    """How many rows differ, and in which way: `3 rows differ: 1 regression, 2 improvements`."""
    counts = Counter(difference.change for difference in differences)
    each = ", ".join(f"{counts[change]} {_plural(change, counts[change])}" for change in ORDER if counts[change])
    rows = "1 row differs" if len(differences) == 1 else f"{len(differences)} rows differ"
    return f"{rows}: {each}" if each else rows


def _plural(change: Change, count: int) -> str:
    if change == "findings changed":
        return "with other findings"
    return f"{change}s" if count > 1 and change in ("regression", "improvement") else change


def as_text(differences: Sequence[Difference], old: RunLog, new: RunLog) -> str:
    lines = [f"{name_of(old)} -> {name_of(new)}: {_counted(differences)}", *_clients(old, new)]
    lines += [f"{what:<17} {cause.id}: {cause.says}  {cause.quote}".rstrip() for what, cause in _causes(old, new)]
    for difference in differences:
        lines.append(f"{difference.change:<17} {_row(difference)}: {_verdicts(difference)}  [{difference.surface}]")
        lines += [f"  + {key}" for key in difference.appeared]
        lines += [f"  - {key}" for key in difference.vanished]
    return "\n".join([*lines, *_speeds(old, new)])


def _speeds(old: RunLog, new: RunLog) -> list[str]:
    """What has become slower or faster, a line each."""
    turns = second_turn_change(old, new)
    return [*map(_speed, speed_changes(old, new)), *([_second_turns(turns)] if turns else [])]


def _second_turns(change: SecondTurnChange) -> str:
    waits = f"{change.old:.0%} -> {change.new:.0%} of the first turn's, median of {change.over} equal questions"
    return f"speed, no verdict: the wait for a second turn that begins like the first: {waits}"


def _speed(change: SpeedChange) -> str:
    """The server's speed in one line, which turns no exit code."""
    how = f"{change.times:.1f} times as slow" if change.times > 1 else f"{1 / change.times:.1f} times as fast"
    seconds = f"{change.old:.2f} s -> {change.new:.2f} s {change.what}"
    return f"speed, no verdict: {how}: {seconds}, median of {change.over} equal questions; the machines count too"


def as_markdown(differences: Sequence[Difference], old: RunLog, new: RunLog) -> str:
    head = [f"### {name_of(old)} → {name_of(new)}", ""]
    head += [f"- **{line}**" for line in _clients(old, new)]
    head += [f"- **{what}** `{cause.id}`: {cause.says}" for what, cause in _causes(old, new)]
    head += [f"- {line}" for line in _speeds(old, new)]
    if not differences:
        return "\n".join([*head, "No row differs."])
    head.append(f"- {_counted(differences)}")
    rows = [
        f"| {difference.change} | `{_row(difference)}` | {_verdicts(difference)} | `{difference.surface}` |"
        for difference in differences
    ]
    return "\n".join([*head, "", "| change | question | verdict | row |", "|---|---|---|---|", *rows])


def as_json(differences: Sequence[Difference], old: RunLog, new: RunLog) -> str:
    document = {
        "old": old.run.target,
        "new": new.run.target,
        "readiness": readiness_changes(old, new),
        "causes": cause_changes(old, new),
        "speed": speed_changes(old, new),
        "second_turns": second_turn_change(old, new),
        "differences": differences,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


FORMATS = {"text": as_text, "markdown": as_markdown, "json": as_json}


def declare_merge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="the folders of all shards, in any order")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="where the whole run goes")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run_merge(arguments: argparse.Namespace) -> int:
    from conformance.engine.merge import merge

    logs = [read_log(path) for path in arguments.runs]
    say_besides(logs[0])
    out = arguments.out
    with _new_folder(out):
        return _published(merge(logs, load_catalog(arguments.cases), out), out)


@contextmanager
def _new_folder(folder: Path) -> Iterator[None]:
    """A folder for a new log, which is left as it was where none comes of it.

    UserError where it holds a run already, or anything of somebody else.
    """
    if any(os.path.lexists(folder / name) for name in (FILE, PACKED)):
        raise UserError(f"{folder} holds a run already; name another folder with --out")
    with RunFolder(folder, resumed=False):
        try:
            yield
        except BaseException:
            (folder / FILE).unlink(missing_ok=True)
            remove_evidence(folder)
            raise


def beside(run: Path, ending: str, named: Path | None) -> Path:
    """The folder for a copy of a run: what the caller named, else `RUN-ending`, which is no link of somebody else."""
    out = named or run.with_name(f"{run.name}-{ending}")
    if named is None and out.is_symlink():
        raise UserError(f"{out} is a link, and may lead to anybody's folder; name another folder with --out")
    return out


def say_besides(log: RunLog, *, baseline: bool = True) -> None:
    """Says which files are read besides a run since its head names them; UserError where one is out of reach."""
    from conformance.engine.records import read_besides

    for line in read_besides(log, baseline=baseline):
        print(harmless(line), file=sys.stderr)


def declare_rejudge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("-o", "--out", type=Path, help="where the new log goes (default: RUN-rejudged)")
    parser.add_argument("--baseline", metavar="RUN", type=Path, help="where the run lies now that it was compared with")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run_rejudge(arguments: argparse.Namespace) -> int:
    from conformance.engine.rejudge import rejudge

    log = read_log(arguments.run)
    if not any(row.exchanges for row in log.cases):
        raise UserError(f"{log.folder} holds no evidence, so there is nothing to judge again")
    say_besides(log, baseline=arguments.baseline is None)
    out = beside(log.folder, "rejudged", arguments.out)
    with _new_folder(out):
        catalog = load_catalog(arguments.cases)
        copy_evidence(log.folder, out)
        return _published(rejudge(log, catalog, out, baseline=arguments.baseline), out)


def _published(judged: "Rejudged", out: Path) -> int:
    """Writes what there is to read beside a log that was judged again, and says what was left out; the exit code."""
    from conformance.cli.display import publish

    print(harmless(str(out)))
    publish(out)
    if left_out := judged.left_out():
        print(left_out, file=sys.stderr)
    return judged.ended.logged.exit


def declare_evidence(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("id", nargs="?", metavar="ID", help="one exchange, as `case.mode.attempt`; all ids without it")


def run_evidence(arguments: argparse.Namespace) -> int:
    folder = arguments.run if arguments.run.is_dir() else read_log(arguments.run).folder
    store = EvidenceStore(folder, lambda line: print(harmless(line), file=sys.stderr))
    if arguments.id is not None:
        exchange = store.read(arguments.id)
        print(harmless(msgspec.json.format(msgspec.json.encode(exchange), indent=2).decode()))
        return 0
    names = sorted(store)
    if not names:
        raise UserError(f"{folder} holds no evidence: it is no run, or was asked with --no-evidence")
    print("\n".join(map(harmless, names)))
    return 0


DETECTION = "detection.json"


def declare_report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders or run.jsonl files")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("reports"), help="folder of the page (default: %(default)s)"
    )
    parser.add_argument(
        "--format",
        choices=["html", "text", "annotations"],
        default="html",
        help="the page (default), a table, or one line for each red cause that GitHub Actions shows on top of a job",
    )
    parser.add_argument("--query", default="", help="as in the page's search box: 'verdict:ignored area:tools'")
    parser.add_argument(
        "--detection", type=Path, help="what the suite catches (default: detection.json in the out folder)"
    )


def run_report(arguments: argparse.Namespace) -> int:
    if arguments.query and arguments.format != "text":
        raise UserError("--query chooses rows of a table: --format text goes with it; the page has a search box")
    runs = [read_log(path) for path in arguments.runs]
    if arguments.format == "annotations":
        print(*(line for column in matrix_of(runs).columns for line in annotations(column)), sep="\n")
        return 0
    if arguments.format == "text":
        return _table(runs, arguments.query)
    refuse_others(arguments.out)
    page = render(runs, arguments.out, detection=arguments.detection or arguments.out / DETECTION)
    write_summaries(runs, page.parent)
    print(harmless(str(page)))
    return 0


def _table(runs: Sequence[RunLog], words: str) -> int:
    from rich.console import Console

    query = parse(words)
    print_table(runs, query, Console())
    return 0

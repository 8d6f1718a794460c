"""`conformance diff OLD NEW`: what changed between two runs, of one target or of two."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from conformance.errors import ExitCode
from conformance.harmless import harmless
from conformance.runs.diff import Difference, cause_changes, diff
from conformance.runs.log import CauseRow, RunLog, read_log


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, metavar="OLD", help="folder or run.jsonl of the earlier run")
    parser.add_argument("new", type=Path, metavar="NEW", help="folder or run.jsonl of the later run")
    parser.add_argument("--format", choices=["text", "json", "markdown"], default="text")


def run(arguments: argparse.Namespace) -> int:
    old, new = read_run(arguments.old), read_run(arguments.new)
    differences = diff(old, new)
    print(harmless(FORMATS[arguments.format](differences, old, new)))
    return ExitCode.UNEXPECTED if any(difference.worse for difference in differences) else ExitCode.AS_EXPECTED


def read_run(path: Path) -> RunLog:
    """A run as a command's argument names it; UserError where there is none."""
    return read_log(path)


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


def as_text(differences: Sequence[Difference], old: RunLog, new: RunLog) -> str:
    lines = [f"{name_of(old)} -> {name_of(new)}: {len(differences)} rows differ"]
    lines += [f"{what:<17} {cause.id}: {cause.says}  {cause.quote}".rstrip() for what, cause in _causes(old, new)]
    for difference in differences:
        lines.append(f"{difference.change:<17} {_row(difference)}: {_verdicts(difference)}  [{difference.surface}]")
        lines += [f"  + {key}" for key in difference.appeared]
        lines += [f"  - {key}" for key in difference.vanished]
    return "\n".join(lines)


def as_markdown(differences: Sequence[Difference], old: RunLog, new: RunLog) -> str:
    head = [f"### {name_of(old)} → {name_of(new)}", ""]
    head += [f"- **{what}** `{cause.id}`: {cause.says}" for what, cause in _causes(old, new)]
    if not differences:
        return "\n".join([*head, "No row differs."])
    rows = [
        f"| {difference.change} | `{_row(difference)}` | {_verdicts(difference)} | `{difference.surface}` |"
        for difference in differences
    ]
    return "\n".join([*head, "", "| change | question | verdict | row |", "|---|---|---|---|", *rows])


def as_json(differences: Sequence[Difference], old: RunLog, new: RunLog) -> str:
    document = {
        "old": old.run.target,
        "new": new.run.target,
        "causes": cause_changes(old, new),
        "differences": differences,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


FORMATS = {"text": as_text, "markdown": as_markdown, "json": as_json}

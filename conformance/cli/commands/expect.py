"""`conformance expect RUN`: writes what a run found unexpectedly into a target file, each with a reason to fill in."""

import argparse
import os
from pathlib import Path
from typing import Any

import msgspec

from conformance.doors import UNDECODABLE
from conformance.errors import UserError
from conformance.files import LARGEST_TEXT, as_name, read_within, replace_file, resolved
from conformance.runs.log import CaseRow, RuleRow, RunLog, read_log
from conformance.targets.load import KINDS, files_behind, target_names
from conformance.targets.resolve import is_file
from conformance.words import OBSERVED

FILL_IN = "FILL IN: what the server does otherwise, and where that is discussed"

Entry = dict[str, Any]


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder or run.jsonl of the run")
    parser.add_argument(
        "--to", type=Path, metavar="FILE", help="the target file to write or update (default: NAME.yaml)"
    )


def run(arguments: argparse.Namespace) -> int:
    log = read_log(arguments.run)
    if not log.complete:
        raise UserError(
            f"{arguments.run} is incomplete, so it says too little to expect anything: `conformance run --resume`"
        )
    file = arguments.to or Path(f"{as_name(log.run.target.name)}.yaml")
    before = _read(file)
    after = updated(before or _fresh(log, file), log)
    replace_file(file, msgspec.yaml.encode(after))
    changed = len([entry for entry in after.get("known", []) if entry not in (before or {}).get("known", [])])
    entries = "1 entry" if changed == 1 else f"{changed} entries"
    print(f"{file}: {entries} written; fill in each `why`, then ask with --target {file}")
    return 0


def _fresh(log: RunLog, file: Path) -> dict[str, Any]:
    """The head of a new target file: it extends that of the run, where the run had one."""
    from conformance.engine.records import target_named

    target, named = log.run.target, target_named(log) or ""
    if is_file(named):
        return {"name": file.stem, "extends": os.path.relpath(resolved(Path(named)), resolved(file).parent)}
    if target.name in target_names():
        return {"name": f"{target.name}-mine", "extends": target.name}
    return {"name": file.stem, "base_url": target.base_url}


def _read(file: Path) -> dict[str, Any] | None:
    if not file.exists():
        return None
    for _ in files_behind(resolved(file)):  # which says what is wrong in them
        pass
    try:
        document = msgspec.yaml.decode(read_within(file, LARGEST_TEXT))
    except UNDECODABLE as problem:
        raise UserError(f"{file} is not YAML: {problem}") from problem
    if not isinstance(document, dict) or "name" not in document:
        raise UserError(f"{file} is no target file: it has no `name`")
    return document


def updated(document: dict[str, Any], log: RunLog) -> dict[str, Any]:
    """The target file with the unexpected rows of a run as known gaps; entries that no longer hold are dropped."""
    rows: list[CaseRow | RuleRow] = [*log.cases, *log.rules]
    known: dict[tuple[str, str], Entry] = {_key(entry): entry for entry in document.get("known", [])}
    drop: list[Entry] = list(document.get("drop", []))
    for row in rows:
        if row.status == "improvement":
            gone = _named(row)
            known.pop(_key(gone), None)
            drop += [gone] if "extends" in document and gone not in drop else []
        elif row.status in ("new", "regression") and row.verdict in OBSERVED:
            entry = known.get(_key(_named(row))) or {**_named(row), "verdict": [], "keys": [], "why": FILL_IN}
            known[_key(entry)] = _widened(entry, row)
    return {**document, **({"drop": drop} if drop else {}), "known": list(known.values())}


def _named(row: CaseRow | RuleRow) -> Entry:
    return {"case": row.case} if isinstance(row, CaseRow) else {"rule": row.rule}


def _key(entry: Entry) -> tuple[str, str]:
    return next((name, str(entry[name])) for name in KINDS if entry.get(name) is not None)


def _widened(entry: Entry, row: CaseRow | RuleRow) -> Entry:
    """An entry that lets this row's verdict and findings pass too: both modes of a case share one."""
    verdicts = [*entry["verdict"], *([row.verdict] if row.verdict not in entry["verdict"] else [])]
    keys = sorted({*entry.get("keys", []), *(finding.key for finding in row.findings)})
    return {**entry, "verdict": verdicts, "keys": keys}

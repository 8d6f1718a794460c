"""Recorded runs: `conformance evidence` prints exchanges, `rejudge` judges again, `merge` joins the shards of a run."""

import argparse
import sys
from pathlib import Path

import msgspec

from conformance.catalog.load import load_catalog
from conformance.cli.commands.diff import read_run
from conformance.errors import UserError
from conformance.report.wording import printable
from conformance.runs.evidence_store import EvidenceStore, copy_evidence
from conformance.runs.log import FILE, PACKED
from conformance.runs.run_folder import RunFolder


def declare_merge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN", help="the folders of all shards, in any order")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="DIR", help="where the whole run goes")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run_merge(arguments: argparse.Namespace) -> int:
    from conformance.cli.display import publish
    from conformance.engine.merge import merge

    logs = [read_run(path) for path in arguments.runs]
    out = arguments.out
    if any((out / name).exists() for name in (FILE, PACKED)):
        raise UserError(f"{out} holds a run already; name another folder with --out")
    with RunFolder(out, resumed=False):
        merged = merge(logs, load_catalog(arguments.cases), out)
        print(out)
        publish(out)
    if left_out := merged.left_out():
        print(left_out, file=sys.stderr)
    return merged.ended.logged.exit


def declare_rejudge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("-o", "--out", type=Path, help="where the new log goes (default: RUN-rejudged)")
    parser.add_argument("--baseline", metavar="RUN", type=Path, help="where the run lies now that it was compared with")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run_rejudge(arguments: argparse.Namespace) -> int:
    from conformance.cli.display import publish
    from conformance.engine.rejudge import rejudge

    log = read_run(arguments.run)
    if not any(row.exchanges for row in log.cases):
        raise UserError(f"{log.folder} holds no evidence, so there is nothing to judge again")
    out = arguments.out or log.folder.with_name(log.folder.name + "-rejudged")
    if out.resolve() == log.folder.resolve() or any((out / name).exists() for name in (FILE, PACKED)):
        raise UserError(f"{out} holds a run already; name another folder with --out")
    catalog = load_catalog(arguments.cases)
    out.mkdir(parents=True, exist_ok=True)
    copy_evidence(log.folder, out)
    rejudged = rejudge(log, catalog, out, baseline=arguments.baseline)
    print(out)
    publish(out)
    if left_out := rejudged.left_out():
        print(left_out, file=sys.stderr)
    return rejudged.ended.logged.exit


def declare_evidence(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    parser.add_argument("id", nargs="?", metavar="ID", help="one exchange, as `case.mode.attempt`; all ids without it")


def run_evidence(arguments: argparse.Namespace) -> int:
    folder = arguments.run if arguments.run.is_dir() else read_run(arguments.run).folder
    store = EvidenceStore(folder, lambda line: print(line, file=sys.stderr))
    if arguments.id is not None:
        exchange = store.read(arguments.id)
        print(printable(msgspec.json.format(msgspec.json.encode(exchange), indent=2).decode()))
        return 0
    names = sorted(store)
    if not names:
        raise UserError(f"{folder} holds no evidence: it is no run, or was asked with --no-evidence")
    print("\n".join(map(printable, names)))
    return 0

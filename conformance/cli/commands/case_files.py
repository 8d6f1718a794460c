"""The files of cases and targets: `conformance lint` checks them, `conformance new` writes the skeleton of a case."""

import argparse
import datetime
from pathlib import Path

from conformance.catalog.lint import lint
from conformance.catalog.load import Catalog, load_catalog
from conformance.catalog.problem import CatalogError
from conformance.catalog.skeleton import write_skeleton
from conformance.engine.scripted_process import named_faults
from conformance.engine.unmarked import unmarked
from conformance.errors import ExitCode
from conformance.harmless import harmless
from conformance.judge.rules import RULES
from conformance.targets.load import TargetFileError, target_names, target_problems


def declare_lint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run_lint(arguments: argparse.Namespace) -> int:
    try:
        catalog = load_catalog(arguments.cases)
    except CatalogError as error:
        return _tell(str(error).splitlines())
    laws = {rule.id: rule.surface for rule in RULES.values()}
    problems = [str(problem) for problem in lint(catalog, laws, [fault.id for fault in named_faults()])]
    problems += map(str, unmarked(catalog))
    if arguments.cases is None:
        problems += _targets(catalog)
    return _tell(problems)


def _tell(problems: list[str]) -> int:
    for problem in problems:
        print(harmless(problem))
    print(f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}" if problems else "no problems")
    return ExitCode.BAD_USAGE if problems else ExitCode.AS_EXPECTED


def _targets(catalog: Catalog) -> list[str]:
    """What is wrong with the target files that ship, entries that match nothing or are past their end among it."""
    today = datetime.datetime.now(datetime.UTC).date()
    problems: list[str] = []
    for name in target_names():
        try:
            found = target_problems(
                name, surfaces=catalog.rows, rules=RULES, cases=catalog.cases, profiles=catalog.profiles, today=today
            )
        except TargetFileError as error:
            problems.append(str(error))
        else:
            problems += [str(problem) for problem in found]
    return problems


def declare_new(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="such as tools.choice.any: area, thing, variant")
    parser.add_argument("--surface", metavar="ROW", help="the row that it is about, such as request.stop_sequences")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run_new(arguments: argparse.Namespace) -> int:
    print(write_skeleton(load_catalog(arguments.cases), arguments.id, arguments.surface))
    return 0

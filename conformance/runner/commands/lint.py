"""`conformance lint`: what the cases, the surface, the profiles and the targets still have to mend."""

import argparse
import datetime
from collections.abc import Iterator
from pathlib import Path

from conformance.catalog.lint import lint
from conformance.catalog.load import Catalog, load_catalog
from conformance.catalog.problem import CatalogError
from conformance.judge.rules import RULES
from conformance.runner.fault_list import named_faults
from conformance.runner.mistakes import AS_EXPECTED, BAD_USAGE
from conformance.runs.expectations import unmatched
from conformance.targets.load import TargetFileError, load_target_file, target_names
from conformance.targets.target import TargetFile


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run(arguments: argparse.Namespace) -> int:
    try:
        catalog = load_catalog(arguments.cases)
    except CatalogError as error:
        return _tell(str(error).splitlines())
    laws = {rule.id: rule.surface for rule in RULES.values()}
    problems = [str(problem) for problem in lint(catalog, laws, [fault.id for fault in named_faults()])]
    if arguments.cases is None:
        problems += _targets(catalog)
    return _tell(problems)


def _tell(problems: list[str]) -> int:
    for problem in problems:
        print(problem)
    print(f"{len(problems)} to mend" if problems else "nothing to mend")
    return BAD_USAGE if problems else AS_EXPECTED


def _targets(catalog: Catalog) -> list[str]:
    problems: list[str] = []
    for name in target_names():
        try:
            file = load_target_file(name)
        except TargetFileError as error:
            problems.append(str(error))
        else:
            problems += unmatched(file, catalog.rows, RULES, catalog.cases)
            problems += _expired(file)
    return problems


def _expired(file: TargetFile) -> Iterator[str]:
    today = datetime.datetime.now(datetime.UTC).date()
    for gap in (*file.documented, *file.known):
        if gap.until is not None and gap.until < today:
            named = gap.surface or gap.rule or gap.case
            yield f"{file.name}: the entry for {named} ended on {gap.until}: ask again, and renew or remove it"

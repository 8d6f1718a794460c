"""`python -m conformance.runner.detection`: measures, writes `reports/detection.json`, fails where it got worse."""

import argparse
import asyncio
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from conformance.catalog.load import Catalog, load_catalog
from conformance.probe.asking import Fixtures
from conformance.runner.detection.figures import (
    Detection,
    VariantFigure,
    figure_of,
    got_worse,
    read_figures,
    summary,
    with_figures,
    write_figures,
)
from conformance.runner.detection.mutation import mutant_figures
from conformance.runner.detection.stand import Swept, ask, stands
from conformance.runner.detection.sweep import questions_for, worse_rows
from conformance.runner.fault_list import named_faults, named_variants
from conformance.runner.fixture_server import FixtureServer

FILE = Path("reports", "detection.json")
README = Path("README.md")
REASONS = Path(__file__).with_name("reasons.yaml")


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures what the suite catches.")
    parser.add_argument(
        "--full", action="store_true", help="ask every case of every fault, not only those that can show it"
    )
    parser.add_argument("--only", metavar="ID", action="append", default=[], help="only these faults or variants")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")
    parser.add_argument("--out", type=Path, default=FILE, help="default: %(default)s")
    arguments = parser.parse_args()
    began = time.monotonic()
    with ExitStack() as stack:
        figures = _measure(arguments, stack)
    _tell(figures, time.monotonic() - began)
    if arguments.only:
        return 0
    complaints = got_worse(figures, read_figures(arguments.out))
    write_figures(arguments.out, figures)
    if README.is_file() and arguments.out == FILE:
        README.write_text(with_figures(README.read_text(), figures))
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


def _measure(arguments: argparse.Namespace, stack: ExitStack) -> Detection:
    catalog = load_catalog(arguments.cases)
    fixtures = Fixtures(catalog.fixtures, stack.enter_context(FixtureServer(catalog.fixtures)).url)
    chosen = set(arguments.only)
    faults = [fault for fault in named_faults() if not chosen or fault.id in chosen]
    variants = [variant for variant in named_variants() if not chosen or variant.id in chosen]

    def tagged(fault: str) -> list[str]:
        return _tagged(catalog, fault)

    asked = stands(catalog, faults, variants, tagged, stack, full=arguments.full)

    async def measured() -> list[Swept]:
        return await asyncio.gather(*(ask(catalog, stand, fixtures) for stand in asked))

    swept = asyncio.run(measured())
    reasons = msgspec.yaml.decode(REASONS.read_bytes(), type=dict[str, list[str]])
    each_fault = [
        figure_of(
            fault,
            [row for seen in swept for row in worse_rows(seen.faults.get(fault.id, ()), seen.correct)],
            [*reasons.get(fault.id, []), *tagged(fault.id)],
        )
        for fault in faults
    ]
    each_variant = [
        VariantFigure(
            id=variant.id,
            says=variant.says,
            alarms=sorted({row.id for seen in swept for row in worse_rows(seen.variants[variant.id], seen.correct)}),
        )
        for variant in variants
    ]
    answers = {question: swept[0].records[question] for question in questions_for(catalog, ())}
    mutants = mutant_figures(answers)
    return Detection(
        faults=summary(each_fault),
        variants={"false_alarms": sum(bool(figure.alarms) for figure in each_variant), "of": len(each_variant)},
        mutants=mutants.counts,
        each_fault=each_fault,
        each_variant=each_variant,
        silent_mutants=mutants.silent,
        equivalent_mutants=mutants.equivalent,
        mutant_alarms=mutants.false_alarms,
    )


def _tagged(catalog: Catalog, fault: str) -> list[str]:
    """The cases that say of themselves that this fault turns them red."""
    parent = fault.partition("-")[0]  # `ER19-text` is a second deed of `ER19`
    return [case.id for case in catalog.cases.values() if {fault, parent} & set(case.faults)]


def _tell(figures: Detection, seconds: float) -> None:
    print(f"faults {figures.faults}  variants {figures.variants}  mutants {figures.mutants}  in {seconds:.0f} s")
    for figure in figures.each_fault:
        if figure.outcome not in ("killed", "note"):
            print(f"{figure.outcome}: {figure.id} {figure.says}: {', '.join(figure.rules + figure.cases) or 'nothing'}")
    for variant in figures.each_variant:
        if variant.alarms:
            print(f"false alarm: {variant.id} {variant.says}: {', '.join(variant.alarms)}")


if __name__ == "__main__":
    raise SystemExit(main())

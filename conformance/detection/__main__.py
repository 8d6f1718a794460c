"""`python -m conformance.detection`: measures, writes `reports/detection.json`, fails where it got worse."""

import argparse
import sys
import time
from pathlib import Path

from msgspec.structs import replace

from conformance.catalog.load import load_catalog
from conformance.detection.figures import got_worse, joined, with_figures
from conformance.detection.gateway_mutants import Part, gateway_mutants, gone_silent, merged, part_of_words, summary_of
from conformance.detection.measure import measure
from conformance.errors import UserError
from conformance.runs.detection import Detection, read_figures, write_figures

FILE = Path("reports", "detection.json")
README = Path("README.md")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures what the suite catches.")
    parser.add_argument(
        "--full", action="store_true", help="ask every case of every fault, not only those that can show it"
    )
    parser.add_argument(
        "--only", metavar="ID", action="append", default=[], help="only these faults, variants or odd models"
    )
    parser.add_argument("--join", action="store_true", help="write what --only measured, and leave all other figures")
    parser.add_argument(
        "--mutants",
        metavar="K/N",
        type=part_of_words,
        default=Part(1, 10),
        help="of the gateway's mutants every N-th from the K-th on; `all` takes many minutes (default: 1/10)",
    )
    parser.add_argument(
        "--only-mutants", action="store_true", help="measure these, and leave all other figures as they are"
    )
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")
    parser.add_argument("--out", type=Path, default=FILE, help="default: %(default)s")
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    began = time.monotonic()
    try:
        figures, complaints = _measured(arguments)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    _tell(figures, time.monotonic() - began)
    if arguments.only and not arguments.join:
        return 0
    write_figures(arguments.out, figures)
    if README.is_file() and arguments.out == FILE:
        README.write_text(with_figures(README.read_text(), figures))
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


def _measured(arguments: argparse.Namespace) -> tuple[Detection, list[str]]:
    """The figures of what was asked for, and what got worse beside those that are written."""
    complaints: list[str] = []
    catalog, before = load_catalog(arguments.cases), read_figures(arguments.out)
    if arguments.only_mutants and before is not None:
        figures = before
    else:
        figures = measure(catalog, only=arguments.only, full=arguments.full)
        if arguments.only and arguments.join and before is not None:
            figures = joined(before, figures)
        complaints += got_worse(figures, before)
    if not arguments.only:
        known = before.each_gateway_mutant if before else {}
        noticed = {name: one.by for name, one in known.items() if one.outcome == "noticed"}
        fates = gateway_mutants(catalog, arguments.mutants, noticed)
        now = merged(known, arguments.mutants, fates)
        figures = replace(figures, gateway=summary_of(now), each_gateway_mutant=now)
        complaints += gone_silent(known, fates)
    return figures, complaints


def _tell(figures: Detection, seconds: float) -> None:
    groups = ("faults", "named", "red_rows", "variants", "models", "mutants", "gateway", "readiness", "first_reasons")
    print("  ".join(f"{name} {getattr(figures, name)}" for name in groups), f" in {seconds:.0f} s")
    for fault in figures.each_fault:
        if fault.outcome not in ("killed", "note"):
            print(f"{fault.outcome}: {fault.id} {fault.says}: {', '.join(fault.rules + fault.cases) or 'nothing'}")
    for fault in figures.each_fault:
        if fault.outcome == "killed" and not fault.named:
            print(f"not named first: {fault.id} {fault.says}: {fault.first or 'no cause'}")
    for correct in (*figures.each_variant, *figures.each_model):
        if correct.alarms:
            print(f"false alarm: {correct.id} {correct.says}: {', '.join(correct.alarms)}")


if __name__ == "__main__":
    raise SystemExit(main())

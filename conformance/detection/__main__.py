"""`python -m conformance.detection`: measures, writes `reports/detection.json`, fails where it got worse."""

import argparse
import sys
import time
from pathlib import Path

from conformance.catalog.load import load_catalog
from conformance.detection.figures import got_worse, with_figures
from conformance.detection.measure import measure
from conformance.errors import UserError
from conformance.runs.detection import Detection, read_figures, write_figures

FILE = Path("reports", "detection.json")
README = Path("README.md")


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures what the suite catches.")
    parser.add_argument(
        "--full", action="store_true", help="ask every case of every fault, not only those that can show it"
    )
    parser.add_argument(
        "--only", metavar="ID", action="append", default=[], help="only these faults, variants or odd models"
    )
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")
    parser.add_argument("--out", type=Path, default=FILE, help="default: %(default)s")
    arguments = parser.parse_args()
    began = time.monotonic()
    try:
        figures = measure(load_catalog(arguments.cases), only=arguments.only, full=arguments.full)
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_code
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


def _tell(figures: Detection, seconds: float) -> None:
    groups = ("faults", "named", "red_rows", "variants", "models", "mutants")
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

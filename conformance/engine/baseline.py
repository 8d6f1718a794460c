"""The baseline: the verdicts of an earlier run, as the expectation of every row."""

from pathlib import Path

from conformance.runs.expectations import RowResult, seen_in
from conformance.runs.log import read_log
from conformance.words import Mode

Baseline = dict[tuple[str, Mode | None], RowResult]
"""The verdicts of an earlier run by case and mode, or by rule."""


def read_baseline(run: Path) -> Baseline:
    """The verdicts of a run; LogError where there is none."""
    return seen_in(read_log(run))

"""Writes the files that people and CI servers read, from the log, and prints the summary."""

from pathlib import Path

from conformance.runs.log import read_log


def publish(folder: Path, *, quiet: bool = False) -> None:
    """Page, summaries, badge and JUnit beside the log; then the terminal's summary, in one line with `quiet`."""
    from rich.console import Console

    from conformance.report.terminal import print_terminal_summary
    from conformance.report.write import render, write_summaries

    runs = [read_log(folder)]
    page = render(runs, folder)
    write_summaries(runs, folder)
    print_terminal_summary(runs[0], page, Console(stderr=True), quiet=quiet)

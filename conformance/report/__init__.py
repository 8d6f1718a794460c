"""Outputs of a run, each made from the run log alone."""

from conformance.report.terminal import print_table, print_terminal_summary
from conformance.report.write import render, write_summaries

__all__ = ["print_table", "print_terminal_summary", "render", "write_summaries"]

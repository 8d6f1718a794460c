"""The output of a run for people: each exchange with `--debug`, the files beside the log, the summary."""

import os
import sys
from pathlib import Path

from msgspec import Struct

from conformance.engine.question import Question
from conformance.harmless import harmless
from conformance.probe.exchange import Exchange
from conformance.runs.log import read_log


class Display(Struct, frozen=True, kw_only=True):
    """The options of a run's output."""

    json: bool = False
    """The rows of the log on standard output, as they are written."""
    quiet: bool = False
    """One line at the end in place of progress and causes."""
    open: bool = False
    """Opens the page when the run is over."""


def echo_line(line: bytes) -> None:
    """A row of the log on standard output; where the program behind the pipe has ended, the run goes on without it."""
    try:
        sys.stdout.buffer.write(line + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:  # what is buffered cannot be written any more, and Python would complain of it at exit
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


SHOWN = 4000


def show_exchange(question: Question, exchange: Exchange) -> None:
    """Prints request and answer, cut where they are long."""
    sent = exchange.request
    lines = [
        f"--- {question.id}",
        f"> {sent.method} {sent.url}",
        *(f"> {name}: {value}" for name, value in sent.headers),
        _body(sent.body),
        f"< {exchange.http_version} {exchange.status}",
        f"* {exchange.outcome} after {exchange.finished:.3f} s {exchange.detail}",
        *(f"< {name}: {value}" for name, value in exchange.headers),
        *(f"* {note}" for note in exchange.notes),
        _body(exchange.body),
    ]
    print(harmless("\n".join(lines)), file=sys.stderr, flush=True)


def _body(data: bytes) -> str:
    text = data[:SHOWN].decode(errors="replace")
    return text + (f"\n... {len(data) - SHOWN} bytes more" if len(data) > SHOWN else "")


def publish(folder: Path, *, quiet: bool = False) -> None:
    """Page, summaries, badge and JUnit beside the log; then the terminal's summary, in one line with `quiet`."""
    from conformance.report.terminal import print_terminal_summary

    page = write_beside(folder)
    print_terminal_summary(read_log(folder), page, sys.stderr, quiet=quiet)


def write_beside(folder: Path) -> Path:
    """Page, summaries, badge and JUnit beside the log; where the page is."""
    from conformance.report.write import render, write_summaries

    runs = [read_log(folder)]
    page = render(runs, folder)
    write_summaries(runs, folder)
    return page

"""The output of a run for people: each exchange with `--debug`, the files beside the log, the summary."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from conformance.bounded import within
from conformance.engine.question import Question
from conformance.engine.scheduler import Deadline
from conformance.errors import ExitCode, UserError
from conformance.harmless import harmless
from conformance.keys import KNOWN
from conformance.probe.exchange import Exchange
from conformance.runs.log import RunLog, read_log


class Display(Struct, frozen=True, kw_only=True):
    """The options of a run's output."""

    json: bool = False
    """The rows of the log on standard output, as they are written."""
    quiet: bool = False
    """One line at the end in place of progress and causes."""
    open: bool = False
    """Opens the page when the run is over."""


def echo_line(line: bytes) -> None:
    """A row of the log on standard output, without keys, and with what moves a terminal's cursor as JSON escapes it.

    Where the program behind the pipe has ended, the run goes on without it.
    """
    text = KNOWN.removed(line).decode()
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in text)
    try:
        sys.stdout.buffer.write(text.encode() + b"\n")
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

    log = read_log(folder)
    print_terminal_summary(log, write_beside(log), sys.stderr, quiet=quiet)


def write_beside(log: RunLog) -> Path:
    """Page, summaries, badge and JUnit beside a log; where the page is."""
    from conformance.report.write import render, write_summaries

    write_summaries([log], log.folder)  # first: programs wait for them, and they take less time
    return render([log], log.folder)


LEAST_FOR_A_REPORT = 1.0
"""Seconds that the report of a run gets, though its budget is spent."""
END_OF_A_RUN = 2.0
"""Seconds after the end of its budget in which a run has ended."""


def publish_in_time(folder: Path, deadline: Deadline, say: Callable[[str], None], *, quiet: bool = False) -> None:
    """The same before the budget is over; UserError where it is, or Ctrl-C, with what writes the report again."""
    left = deadline.until(END_OF_A_RUN)
    unfinished = f"the report of {folder} is not whole, its log is: `conformance report {folder}` writes it again"
    try:
        within(None if left is None else max(left, LEAST_FOR_A_REPORT), lambda: publish(folder, quiet=quiet))
    except KeyboardInterrupt:
        say(unfinished)
        raise
    except TimeoutError:
        raise UserError(f"the budget is over: {unfinished}", ExitCode.OUR_FAULT) from None

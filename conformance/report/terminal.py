"""The terminal summary of a run, and the matrix as a table."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from conformance.harmless import harmless
from conformance.report.closing import closing_of
from conformance.report.matrix import UNEXPECTED, Cell, matrix_of
from conformance.report.query import KEYS, Query, hints, select
from conformance.runs.log import RunLog
from conformance.words import STATUSES, Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Style = Literal["", "bold", "dim", "bold red"]

_CODES: dict[Style, str] = {"": "", "bold": "\x1b[1m", "dim": "\x1b[2m", "bold red": "\x1b[1;31m"}
_RESET = "\x1b[0m"
"""Not rich's: to import it for a few lines in bold, dim and red took a fifth of a short run."""

IN_WORDS = 4
"""With more columns than this, a table in a terminal has signs in place of words."""

SIGNS: dict[Verdict, str] = {
    "supported": "+",
    "partial": "~",
    "refused": "-",
    "ignored": "o",
    "broken": "x",
    "blocked": "#",
    "inconclusive": "?",
    "not-run": ".",
    "error": "!",
    "not-applicable": " ",
}
"""A sign per verdict, in ASCII: a terminal of any encoding shows it."""

_STYLES: dict[Verdict, str] = {
    "supported": "green",
    "partial": "yellow",
    "refused": "blue",
    "ignored": "yellow bold",
    "broken": "red bold",
    "blocked": "cyan",
    "inconclusive": "magenta",
    "not-run": "dim",
    "error": "white on red",
    "not-applicable": "dim",
}


def print_terminal_summary(run: RunLog, page: Path | None, stream: TextIO, *, quiet: bool = False) -> None:
    """The end of a run: a sentence for each question, eight causes, the names of the others, and where the page is."""
    closing = closing_of(matrix_of([run]).columns[0])

    def line(text: str, style: Style = "") -> None:
        print_line(harmless(text), stream, style)

    if quiet:
        line(f"{closing.title}: {closing.change}")
        return
    line("")
    line(" · ".join(part for part in (closing.title, closing.level) if part), "bold")
    for text in closing.asked:
        line(f"  {text}")
    line(closing.change, "bold" if closing.causes and not closing.heading else "")
    for text in closing.clients:
        line(text)
    for text in closing.warnings:
        line(text, "bold red")
    if closing.heading:
        line(closing.heading, "bold")
    for number, cause in enumerate(closing.causes, start=1):
        line(f"{number}. {cause.id}  {cause.says}  ({cause.counted})")
        line(f"   {cause.quote}", "dim")
    if closing.more:
        line(f"   and {closing.more} more, in the page and in summary.md: {closing.others}")
    for text in filter(None, (closing.less, closing.extra, closing.again, closing.counts)):
        line(text, "dim")
    if page is not None:
        line(f"The matrix, with the evidence of every cell: {page.resolve().as_uri()}")
    if not run.complete:
        line(f"Go on where it stopped: {go_on(run)}")


def go_on(run: RunLog) -> str:
    """The command that goes on with an incomplete run; the variable of a key has to be named again."""
    key = run.options.api_key_env
    words = ["conformance", "run", "--resume", str(run.folder), *(["--api-key-env", key] if key else [])]
    return shlex.join(words)


def print_table(runs: Sequence[RunLog], query: Query, console: "Console") -> int:
    """The rows of the matrix that a query selects, as a table; gives how many there are."""
    from rich.table import Table
    from rich.text import Text

    matrix = matrix_of(runs)
    rows, columns = select(query, matrix)
    in_words = len(columns) <= IN_WORDS
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("row", overflow="fold", min_width=24)
    for number, column in enumerate(columns, start=1):
        title = harmless(column.title)
        table.add_column(Text(title) if in_words else Text(str(number)), overflow="fold")
        if not in_words:
            console.print(Text(f"{number:>3} {title}"))
    for row in rows:
        cells = [_cell(column.cells.get(row.id), in_words=in_words) for column in columns]
        table.add_row(Text(harmless(row.id)), *cells)
    console.print(table)
    console.print(Text(f"{len(rows)} of {len(matrix.rows)} rows", style="dim"))
    if not rows:
        meant = f"did you mean {' or '.join(found)}? " if (found := hints(query, matrix)) else ""
        line = f"No row fits: {meant}Filters are {' '.join(f'{key}:' for key in KEYS)}"
        console.print(Text(harmless(line)), soft_wrap=True)
    return len(rows)


def _cell(cell: Cell | None, *, in_words: bool) -> "Text":
    """The verdict of a cell, and how it relates to what was expected: in words, or as a sign with a mark."""
    verdict = cell.verdict if cell else None
    text = _sign(verdict) if in_words or verdict is None else _sign(verdict)[:1]
    if cell and cell.status in (UNEXPECTED if not in_words else STATUSES) and cell.status != "as-expected":
        text.append(f" {cell.status}" if in_words else "!", style="dim" if in_words else "bold red")
    return text


def _sign(verdict: Verdict | None) -> "Text":
    from rich.text import Text

    return Text("") if verdict is None else Text(f"{SIGNS[verdict]} {verdict}", style=_STYLES[verdict])


def has_styles(stream: TextIO) -> bool:
    """Whether a stream shows styles: a terminal, unless NO_COLOR (https://no-color.org) or FORCE_COLOR says so."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb" and sys.platform != "win32"


def print_line(text: str, stream: TextIO, style: Style = "") -> None:
    """Prints a line; control characters are the caller's to remove."""
    code = _CODES[style] if has_styles(stream) else ""
    print(f"{code}{text}{_RESET}" if code and text else text, file=stream)

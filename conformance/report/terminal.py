"""What a terminal shows: the end of a run in a dozen lines, and the matrix as a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.report.matrix import UNEXPECTED, Cell, matrix_of, most_important
from conformance.report.query import Query, select
from conformance.report.summary import headline, reason
from conformance.report.wording import printable
from conformance.runs.log import RunLog
from conformance.words import STATUSES, Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

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


def print_terminal_summary(run: RunLog, page: Path | None, console: "Console") -> None:
    """Counts, the ten most important rows, and where the page is."""
    from rich.text import Text

    matrix = matrix_of([run])
    column, rows = matrix.columns[0], {row.id: row for row in matrix.rows}
    console.print()
    console.print(Text(f"{printable(column.title)}: {column.conformance}", style="bold"))
    console.print(Text(headline(column)))
    if not run.complete:
        console.print(Text("This run is incomplete: it ended before all questions were asked.", style="bold red"))
    counts = [Text(f"{n} {verdict}", style=_STYLES[verdict]) for verdict, n in column.counts.items()]
    console.print(Text(" · ").join(counts))
    if obeyed := column.obeyed:
        console.print(Text(f"probes obeyed {obeyed[0]} of {obeyed[1]}", style="dim"))
    for row, cell in most_important(column, rows):
        line = (
            _sign(cell.verdict).append(" " * (14 - len(cell.verdict or ""))).append(printable(row.id), style="default")
        )
        if cell.status != "as-expected":
            line.append(f"  {cell.status}", style="default")
        console.print(line, no_wrap=True, overflow="ellipsis")
        if why := reason(cell):
            console.print(Text(f"{'':17}{printable(why)}", style="dim"), no_wrap=True, overflow="ellipsis")
    if page is not None:
        console.print(Text(f"The matrix, with the evidence of every cell: {page}"), soft_wrap=True)


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
        title = printable(column.title)
        table.add_column(Text(title) if in_words else Text(str(number)), overflow="fold")
        if not in_words:
            console.print(Text(f"{number:>3} {title}"))
    for row in rows:
        cells = [_cell(column.cells.get(row.id), in_words=in_words) for column in columns]
        table.add_row(Text(printable(row.id)), *cells)
    console.print(table)
    console.print(Text(f"{len(rows)} of {len(matrix.rows)} rows", style="dim"))
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

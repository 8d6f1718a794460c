"""What a terminal shows: the end of a run in a dozen lines, and the matrix as a table."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from conformance.report.matrix import matrix_of, most_important
from conformance.report.query import Query, select
from conformance.report.summary import headline, reason
from conformance.report.wording import printable
from conformance.runs.log import RunLog
from conformance.words import Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

SIGNS: dict[Verdict, str] = {
    "supported": "+",
    "partial": "~",
    "refused": "-",
    "ignored": "o",
    "broken": "x",
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
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="bold")
    table.add_column("row", overflow="fold")
    for column in columns:
        table.add_column(Text(printable(column.title)), overflow="fold")
    for row in rows:
        cells = []
        for column in columns:
            cell = column.cells.get(row.id)
            text = _sign(cell.verdict if cell else None)
            if cell and cell.status != "as-expected":
                text.append(f" {cell.status}", style="dim")
            cells.append(text)
        table.add_row(Text(printable(row.id)), *cells)
    console.print(table)
    console.print(Text(f"{len(rows)} of {len(matrix.rows)} rows", style="dim"))
    return len(rows)


def _sign(verdict: Verdict | None) -> "Text":
    from rich.text import Text

    return Text("") if verdict is None else Text(f"{SIGNS[verdict]} {verdict}", style=_STYLES[verdict])

"""What each hostile endpoint comes to: the table `tests/hostile/outcomes.psv`, and rows as it tells them."""

from collections.abc import Iterator
from pathlib import Path

from conformance.runs.log import CaseRow, RuleRow

ATTACKED, INNOCENT = "messages.text", "messages.two-words"
"""The question that an endpoint attacks, and one that it answers well."""
TABLE = Path(__file__).parent.parent / "hostile" / "outcomes.psv"
Rows = list[CaseRow | RuleRow]


def told(row: CaseRow) -> str:
    """`broken (readable oversized)`, `not-run (too slow)`, `supported`."""
    if row.findings:
        first = row.findings[0]
        return f"{row.verdict} ({first.id} {first.key.split(' ')[-1]})"
    return f"{row.verdict} ({row.reason})" if row.verdict == "not-run" else row.verdict


def outcome(rows: Rows) -> str:
    """A line of the table, without the endpoint's name."""
    cases = {row.mode: told(row) for row in rows if isinstance(row, CaseRow) and row.case == ATTACKED}
    red = [
        f"{row.rule} {'+'.join(sorted({one.key.split(' ')[-1] for one in row.findings}))}"
        for row in rows
        if isinstance(row, RuleRow) and row.verdict in ("broken", "partial")
    ]
    return " | ".join((cases["stream"], cases["json"], ", ".join(sorted(red)))).rstrip()


def _table() -> Iterator[tuple[str, str]]:
    for line in TABLE.read_text(encoding="utf-8").splitlines()[1:]:
        name, _, rest = line.partition(" | ")
        yield name, rest.strip()


OUTCOMES = dict(_table())

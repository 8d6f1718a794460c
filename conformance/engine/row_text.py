"""A row as text, for a person to read where a verdict is not as expected."""

from typing import Any

import msgspec

from conformance.keys import KNOWN
from conformance.runs.log import CaseRow, RuleRow

SHOWN = 160


def account_of(row: CaseRow | RuleRow) -> str:
    """A few lines: the row, its verdict and status, why, and each finding with what was expected and observed."""
    if isinstance(row, CaseRow):
        head = f"{row.case} ({row.mode}): {row.verdict}"
        reason = row.reason
        where = [f"evidence: {', '.join(row.exchanges)}"] if row.exchanges else []
    else:
        head = f"{row.rule}: {row.verdict}, broken by {row.violations} of {row.seen} answers"
        reason, where = "", []
    status = "" if row.status == "as-expected" else f" [{row.status}]"
    lines = [head + status, *([reason] if reason else []), *([row.expected_by] if row.expected_by else [])]
    for finding in row.findings:
        lines.append(
            f"  {finding.id} at {finding.at}: expected {brief(finding.expected)}, observed {brief(finding.observed)}"
        )
    return KNOWN.removed_from("\n".join([*lines, *where]))


def brief(value: Any) -> str:
    """A value on one line, cut to what a terminal can show."""
    text = KNOWN.removed_from(msgspec.json.encode(value).decode(errors="replace"))  # before anything is cut
    text = "".join(sign if sign.isprintable() else "�" for sign in text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"

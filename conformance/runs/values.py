"""Values of findings for the log: bounded in length, and a missing key kept apart from an object."""

from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from conformance.judge.finding import ABSENT, Finding, Violation
from conformance.judge.finding import bounded_value as cut
from conformance.runs.rows import CaseRow, CauseRow, LogRow, RuleRow

LONGEST = 64 * 1024
"""Bytes of one value in the log; the evidence keeps the rest."""

Row = TypeVar("Row", bound=CaseRow | RuleRow | CauseRow)
_LOOKS_ABSENT = {"absent": True}


def bounded(row: Row) -> Row:
    """A row whose texts and values are no longer than `LONGEST`; only a missing key is written as a missing key."""
    changes: dict[str, Any] = {}
    for name in row.__struct_fields__:
        value = getattr(row, name)
        if isinstance(value, str) and len(value) > LONGEST // 4:
            changes[name] = bounded_value(value)
        elif name in ("findings", "marks"):
            changes[name] = [bounded_finding(finding) for finding in value]
    return replace(row, **changes) if changes else row


def bounded_finding(finding: Finding) -> Finding:
    return replace(
        finding,
        key=bounded_value(finding.key),
        at=bounded_value(finding.at),
        expected=bounded_value(finding.expected),
        observed=bounded_value(finding.observed),
    )


def bounded_violation(violation: Violation) -> Violation:
    """A violation as the evidence can keep it, under the same limits as in the log."""
    return replace(violation, expected=bounded_value(violation.expected), observed=bounded_value(violation.observed))


def bounded_value(value: Any) -> Any:
    """A value as it enters the log: cut to text where it is too long, as text where it looks like the missing key."""
    if isinstance(value, dict) and value == _LOOKS_ABSENT:
        return msgspec.json.encode(value).decode()
    return cut(value, LONGEST)


def with_absent(row: LogRow) -> LogRow:
    """A row as read back, with the sentinel in place of its JSON."""
    if isinstance(row, CaseRow):
        return replace(row, findings=_absent_in(row.findings), marks=_absent_in(row.marks))
    return replace(row, findings=_absent_in(row.findings)) if isinstance(row, RuleRow) else row


def _absent_in(findings: list[Finding]) -> list[Finding]:
    return [
        replace(finding, expected=absent_or(finding.expected), observed=absent_or(finding.observed))
        for finding in findings
    ]


def absent_or(value: Any) -> Any:
    """A value as it was before it was written as JSON."""
    return ABSENT if isinstance(value, dict) and value == _LOOKS_ABSENT else value

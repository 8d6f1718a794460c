"""The run in one small document for a program, `verdict.json`, and its badges for shields.io."""

import re
from typing import Any

from conformance.harmless import harmless
from conformance.report.causes import homes, red_causes
from conformance.report.matrix import Column
from conformance.runs.log import ReadinessRow

LONGEST = 80
"""Characters of a file name that come from a server: it may tell a version without end."""
_READY_COLOURS = {"ready": "brightgreen", "ready with limits": "green", "not ready": "red", "not verified": "yellow"}
_LEVEL_COLOURS = {"conformant": "brightgreen", "not conformant": "red", "not verified": "yellow"}


def verdict_document(column: Column) -> dict[str, Any]:
    """The answer of a run: level, readiness, what got worse and better, the red causes, the exit code."""
    log = column.log
    statuses = column.statuses
    where = homes(log)
    return {
        "format": 1,
        "target": column.title,
        "model": log.run.target.model,
        "conformance": column.conformance,
        "level": column.level.reached or "none",
        "short_of": {"level": column.level.next, "rows": column.level.short},
        "ready": {row.profile: row.verdict for row in log.readiness},
        "regressions": statuses.get("regression", 0) + statuses.get("new", 0),
        "improvements": statuses.get("improvement", 0),
        "causes": [
            {"id": cause.id, "says": cause.says, "quote": cause.quote, "row": where.get(cause.id, "")}
            for cause in red_causes(log)
        ],
        "complete": log.complete,
        "exit": log.end.exit if log.end else None,
    }


def badges(column: Column) -> dict[str, dict[str, Any]]:
    """The badges of one run by file name: the target's level, and one for each client that was asked about.

    Source of the format: https://shields.io/badges/endpoint-badge
    """
    found = {"level": _badge(f"messages api · {column.title}", _level(column), _LEVEL_COLOURS[column.conformance])}
    for row in column.log.readiness:
        found[row.profile] = _badge(_client(row, column), row.verdict, _READY_COLOURS[row.verdict])
    return {f"{slug(column.id)}-{name}.json": badge for name, badge in found.items()}


def slug(text: str) -> str:
    """A name that is safe in a file name and in an address."""
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII)[:LONGEST].strip(".-") or "run"


def annotations(column: Column) -> list[str]:
    """One line for each red cause that a CI runner of GitHub shows at the top of a job.

    Source of the format: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    lines = []
    for cause in red_causes(column.log):
        title = _escaped(f"{column.title}: {cause.id}").replace(":", "%3A").replace(",", "%2C")
        says = " ".join(part for part in (cause.says, cause.quote) if part)
        lines.append(f"::error title={title}::{_escaped(says)}")
    return lines


def _escaped(text: str) -> str:
    return harmless(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _level(column: Column) -> str:
    if column.conformance == "conformant":
        return "conformant"
    return f"level {column.level.reached}" if column.level.reached else column.conformance


def _client(row: ReadinessRow, column: Column) -> str:
    profile = column.log.catalog.profiles.get(row.profile)
    return row.client or (profile.title if profile else row.profile)


def _badge(label: str, message: str, colour: str) -> dict[str, Any]:
    return {"schemaVersion": 1, "label": harmless(label), "message": harmless(message), "color": colour}

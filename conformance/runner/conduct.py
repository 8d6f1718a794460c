"""Conducts a run: finds out who is asked, what, and runs pytest over it."""

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from conformance import __version__
from conformance.catalog.load import Catalog
from conformance.judge.rules import RULES
from conformance.runner.mistakes import BAD_USAGE, OUR_FAULT, Mistake
from conformance.runner.options import RunOptions
from conformance.runner.question import Question
from conformance.runs.log import (
    CaseInfo,
    CatalogRow,
    ProfileInfo,
    RowInfo,
    RuleInfo,
    RunRow,
    SuiteInfo,
    TargetInfo,
)
from conformance.targets.target import Target


def head_row(catalog: Catalog, target: Target, capabilities: Mapping[str, bool], options: RunOptions) -> RunRow:
    """The first line of the log."""
    gaps = msgspec.json.encode([target.documented, target.known])
    shown = {
        name: value if not isinstance(value, Path) else str(value)
        for name, value in msgspec.structs.asdict(options).items()
        if name not in ("command",) and value not in (None, (), False)
    }
    return RunRow(
        suite=SuiteInfo(__version__, catalog.cases_sha256),
        target=TargetInfo(target.name, target.version, target.base_url, target.model, target.simulated),
        capabilities=dict(capabilities),
        options=shown,
        profile=options.profile,
        expectations_sha256=hashlib.sha256(gaps).hexdigest(),
        command=options.command,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def catalog_row(catalog: Catalog) -> CatalogRow:
    """The second line of the log: the questions as they are now, so that the log explains itself later."""
    return CatalogRow(
        rows=[
            RowInfo(
                id=row.id,
                title=row.title,
                area=row.area,
                tier=row.tier,
                consequence=row.consequence,
                source=list(row.source),
                level=row.level,
                seen_in=list(row.seen_in),
                observable=row.observable,
                unasked=row.unasked,
                renamed_from=list(row.renamed_from),
            )
            for row in catalog.rows.values()
        ],
        rules=[RuleInfo(rule.id, rule.law, rule.level, rule.source, rule.surface) for rule in RULES.values()],
        profiles={
            name: ProfileInfo(profile.title, profile.question, dict(profile.must), dict(profile.should))
            for name, profile in catalog.profiles.items()
        },
        areas=dict(catalog.areas),
        cases=[
            CaseInfo(
                id=case.id,
                title=case.title,
                says=case.spec.says if case.spec else "",
                url=case.spec.url if case.spec else "",
                renamed_from=list(case.renamed_from),
            )
            for case in catalog.cases.values()
        ],
    )

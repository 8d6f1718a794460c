"""The first two lines of a run log: the run with its target, and the catalog as it was then."""

from datetime import UTC, datetime

from conformance import __version__
from conformance.catalog.load import Catalog
from conformance.judge.rules import RULES
from conformance.runs.expectations import Expectations
from conformance.runs.log import CaseInfo, CatalogRow, ProfileInfo, RowInfo, RuleInfo, RunRow, SuiteInfo, TargetInfo
from conformance.runs.options import RunOptions, kept
from conformance.targets.target import Target


def run_row(catalog: Catalog, target: Target, options: RunOptions) -> RunRow:
    """The head: suite, target, capabilities, options, time."""
    return RunRow(
        suite=SuiteInfo(__version__, catalog.cases_sha256),
        target=TargetInfo(
            target.name,
            target.version,
            target.base_url,
            target.model,
            target.simulated,
            calls_itself=target.calls_itself,
        ),
        capabilities=dict(target.capabilities),
        options=kept(options),
        profile=options.profile,
        expectations_sha256=Expectations.of(target).sha256,
        command=options.command,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def catalog_row(catalog: Catalog) -> CatalogRow:
    """The questions, so that the log explains itself when they have changed."""
    thorough = _thorough(catalog)
    return CatalogRow(
        rows=[
            RowInfo(
                id=row.id,
                title=row.title,
                area=row.area,
                tier=row.tier,
                consequence=row.consequence,
                source=list(row.source),
                weight=row.weight,
                level=row.level,
                seen_in=list(row.seen_in),
                since=row.since,
                observable=row.observable,
                reason=row.reason,
                unasked=row.unasked,
                thorough=row.id in thorough,
                renamed_from=list(row.renamed_from),
            )
            for row in catalog.rows.values()
        ],
        rules=[
            RuleInfo(rule.id, rule.law, rule.level, rule.source, rule.surface, rule.basis) for rule in RULES.values()
        ],
        profiles={name: ProfileInfo(profile.title, profile.question) for name, profile in catalog.profiles.items()},
        areas=dict(catalog.areas),
        cases=[
            CaseInfo(
                id=case.id,
                title=case.title,
                says=case.spec.says if case.spec else "",
                url=case.spec.url if case.spec else "",
                basis=case.basis,
                renamed_from=list(case.renamed_from),
            )
            for case in catalog.cases.values()
        ],
    )


def _thorough(catalog: Catalog) -> set[str]:
    """The rows that no rule and no question of a usual run shows: their cases are all large."""
    always = {rule.surface for rule in RULES.values()}
    always |= {case.surface for case in catalog.cases.values() if case.size != "large"}
    return {case.surface for case in catalog.cases.values()} - always

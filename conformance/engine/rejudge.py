"""Judges an earlier run again: the same evidence and expectations, today's rules and cases."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from conformance import __version__
from conformance.catalog.load import Catalog
from conformance.engine.assessment import Assessment
from conformance.engine.log_header import catalog_row
from conformance.engine.question import Question, Record
from conformance.engine.records import records_of, target_of
from conformance.runs.expectations import Expectations, exit_code
from conformance.runs.log import CaseRow, EndRow, LawRow, LogWriter, RunLog, SuiteInfo
from conformance.targets.load import TargetFileError
from conformance.targets.resolve import gaps_of


def rejudge(log: RunLog, catalog: Catalog, out: Path) -> int:
    """Writes a new log into `out`; the exit code that the run would have today."""
    target = target_of(log)
    records = records_of(log, catalog, target)
    unknown = Record(question=next(iter(records)), prevented="not asked in the run that is judged again")

    def lookup(question: Question) -> Record:
        return records.get(question, unknown)

    assessment = Assessment(catalog, records, lookup, _expectations(log))
    sdk = {(row.case, row.mode): row.sdk for row in log.cases}
    rows: list[CaseRow] = []
    with LogWriter(out) as writer:
        writer.write(replace(log.run, suite=SuiteInfo(__version__, catalog.cases_sha256)))
        writer.write(catalog_row(catalog))
        for question in records:
            row = assessment.case_row(question, sdk[question.case.id, question.mode], drift=False)
            writer.write(row)
            rows.append(row)
        laws = [assessment.rule_row(rule) for rule in assessment.rules]
        for law in laws:
            writer.write(law)
        judged: list[CaseRow | LawRow] = [*rows, *laws]
        code = exit_code(
            [row.status for row in judged], [row.verdict for row in judged], strict=False, allow_improvements=False
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        counts: dict[str, int] = dict(Counter(str(row.verdict) for row in judged))
        writer.write(EndRow(finished=now, counts=counts, complete=log.complete, exit=code))
    return code


def _expectations(log: RunLog) -> Expectations:
    """The gaps of the target's file for the version that was asked; none where it has no file."""
    try:
        documented, known = gaps_of(log.run.target.name, log.run.target.version)
    except TargetFileError:
        return Expectations()
    return Expectations(documented=documented, known=known)

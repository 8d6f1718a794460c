"""`junit.xml`: one suite per target; one test case per cause, one per question and mode, and one per rule.

The usual CI servers show three states. A cause with something unexpected fails, once; the rows behind it and those
that it hides are skipped with its name. Our own fault is an error, and what was not verified or is a known gap is
skipped with its reason, so that a green build hides nothing.
Source of the format: https://github.com/testmoapp/junitxml
"""

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from conformance.report.causes import counted, red_causes
from conformance.report.matrix import UNEXPECTED, Column, Matrix
from conformance.runs.log import CaseRow, CauseRow, RuleRow, RunLog, sentence

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML forbids (https://www.w3.org/TR/xml/#charsets): to compile what it allows takes a hundred times as long."""


def junit_xml(matrix: Matrix) -> bytes:
    """The document as UTF-8; characters that XML forbids are replaced."""
    root = ET.Element("testsuites", name="conformance")
    for column in matrix.columns:
        root.append(_suite(column))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(column: Column) -> ET.Element:
    run = column.log.run
    suite = ET.Element("testsuite", name=_legal(column.title), timestamp=_legal(run.started.removesuffix("Z")))
    properties = ET.SubElement(suite, "properties")
    details = {
        "suite": run.suite.version,
        "model": run.target.model,
        "base_url": run.target.base_url,
        "command": run.command,
        "simulated": "yes" if run.target.simulated else "no",
    }
    for name, value in details.items():
        ET.SubElement(properties, "property", name=name, value=_legal(value))
    red = red_causes(column.log) if column.log.causes else []  # of a log of before, each row fails alone
    by = {row: cause.id for cause in red for row in cause.rows}
    tests = [_cause(cause, column.log) for cause in red]
    tests += [_case(row, column, by) for row in column.log.cases] + [_law(row, by) for row in column.log.rules]
    if not column.log.complete:
        tests.append(_incomplete())
    suite.extend(tests)
    suite.set("tests", str(len(tests)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(test.find(tag) is not None for test in tests)))
    suite.set("time", f"{sum(row.seconds for row in column.log.cases):.3f}")
    return suite


def _cause(cause: CauseRow, log: RunLog) -> ET.Element:
    test = ET.Element("testcase", classname="cause", name=_legal(cause.id), time="0")
    failure = ET.SubElement(test, "failure", message=_legal(cause.says), type=f"cause: {cause.kind}")
    rows = [f"red: {row}" for row in cause.rows]
    failure.text = _legal(
        "\n".join(filter(None, [cause.quote, counted(cause, log), f"evidence: {cause.exchange}", *rows]))
    )
    return test


def _case(row: CaseRow, column: Column, by: Mapping[str, str]) -> ET.Element:
    test = ET.Element(
        "testcase", classname=_legal(row.surface), name=_legal(f"{row.case} [{row.mode}]"), time=f"{row.seconds:.3f}"
    )
    again = f"conformance run --base-url {column.log.run.target.base_url} --select {row.case}"
    _outcome(test, row, row.reason, f"again: {again}", by.get(f"{row.case}[{row.mode}]", ""))
    return test


def _law(row: RuleRow, by: Mapping[str, str]) -> ET.Element:
    test = ET.Element("testcase", classname=_legal(row.surface), name=_legal(f"rule {row.rule}"), time="0")
    _outcome(test, row, f"seen {row.seen} times, broken {row.violations} times", "", by.get(row.rule, ""))
    return test


def _outcome(test: ET.Element, row: CaseRow | RuleRow, reason: str, after: str, cause: str) -> None:
    message = _legal(f"{row.verdict}: {reason}" if reason else row.verdict)
    found = [f"{finding.id} at {sentence(finding)}" for finding in row.findings]
    details = "\n".join(filter(None, [*found, row.expected_by, after]))
    if row.verdict == "error":
        ET.SubElement(test, "error", message=message, type="error").text = _legal(details)
    elif cause:
        ET.SubElement(test, "skipped", message=f"{row.status}, see the cause {_legal(cause)}: {message}").text = _legal(
            details
        )
    elif row.status in UNEXPECTED:
        failure = ET.SubElement(
            test, "failure", message=f"{row.status}, {message}", type=f"{row.status}: {row.verdict}"
        )
        failure.text = _legal(details)
    elif row.verdict not in ("supported", "partial"):
        gap = f"{row.status}, " if row.status != "as-expected" else ""
        ET.SubElement(test, "skipped", message=f"{gap}{message}").text = _legal(details)


def _incomplete() -> ET.Element:
    test = ET.Element("testcase", classname="run", name="the run is complete", time="0")
    ET.SubElement(test, "error", message="the run ended before all questions were asked", type="incomplete")
    return test


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)

"""The pytest plugin: makes the items, hands them to the session, and keeps pytest's own output out of the way."""

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

from conformance.runs.log import CaseRow, LawRow
from conformance.words import UNVERIFIED

if TYPE_CHECKING:
    from conformance.engine.ledger import Session
    from conformance.engine.question import Question

QUIET = -2
FAILS = ("regression", "new")
EXPECTED_GAPS = ("documented-gap", "known-gap")
VERDICTS = (pytest.fail.Exception, pytest.skip.Exception, pytest.xfail.Exception, KeyboardInterrupt, SystemExit)
"""How an item ends when it was judged, or when a person ended the run; anything else is our own fault."""


class ConformancePlugin:
    """Made for one run; `session` does the work."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "question" in metafunc.fixturenames:
            questions = self._session.questions
            metafunc.parametrize("question", questions, ids=[question.id for question in questions])
        if "rule" in metafunc.fixturenames:
            rules = self._session.rules
            metafunc.parametrize("rule", rules, ids=[rule.id for rule in rules])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        asked: list[Question] = [made["question"] for item in session.items if "question" in (made := _made_for(item))]
        if not session.config.option.collectonly:
            self._session.begin(asked)

    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Judges what an item was made for; the functions of other files run as usual."""
        match _made_for(pyfuncitem):
            case {"question": question}:
                self._session.judge_case(question)
            case {"rule": rule}:
                self._session.judge_rule(rule)
            case _:
                return None
        return True

    def pytest_report_teststatus(self, config: pytest.Config) -> tuple[str, str, str] | None:
        """Nothing per item, unless the caller asked pytest to be talkative."""
        return ("", "", "") if config.get_verbosity() <= QUIET else None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: "pytest.CallInfo[None]"
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Tells a defect of the suite from a verdict, and gives pytest-html the exchange to show beside the result."""
        report = yield
        if call.excinfo is not None and not call.excinfo.errisinstance(VERDICTS):
            self._session.failed(item.name, call.excinfo.value)
        if report.when == "call" and item.config.pluginmanager.hasplugin("pytest_html.plugin"):
            import pytest_html  # only where `--html` was asked for

            shown = self._session.exhibit(_made_for(item).get("question"))
            report.__dict__["extras"] = [pytest_html.extras.text(text, name=name) for name, text in shown]
        return report


def _made_for(item: pytest.Item) -> Mapping[str, Any]:
    """The `question` or the `rule` of an item; neither for an item of another file."""
    callspec = getattr(item, "callspec", None)
    return {} if callspec is None else callspec.params


def settle(row: CaseRow | LawRow, account: str, *, strict: bool, allow_improvements: bool) -> None:
    """Tells pytest how a row came out: passed, failed, expected to fail, or not verified."""
    if row.status in FAILS:
        pytest.fail(account, pytrace=False)
    if row.status == "improvement" and not allow_improvements:
        pytest.fail(f"[XPASS(strict)] {account}", pytrace=False)
    if row.status in EXPECTED_GAPS:
        pytest.xfail(row.expected_by)
    if row.verdict in UNVERIFIED and strict and row.level == "must":
        pytest.fail(account, pytrace=False)
    if row.verdict in (*UNVERIFIED, "not-applicable"):
        pytest.skip(account)

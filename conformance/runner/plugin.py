"""The pytest plugin: makes the items, hands them to the session, and keeps pytest's own output out of the way."""

from collections.abc import Generator
from typing import TYPE_CHECKING, cast

import pytest

from conformance.runner.keeping import Drift
from conformance.runs.log import CaseRow, LawRow

if TYPE_CHECKING:
    from conformance.runner.question import Question
    from conformance.runner.session import Session

QUIET = -2
FAILS = ("regression", "new")
EXPECTED_GAPS = ("documented-gap", "known-gap")
VERDICTS = (pytest.fail.Exception, pytest.skip.Exception, pytest.xfail.Exception, KeyboardInterrupt, SystemExit)
"""How an item ends when it was judged, or when a person ended the run; anything else is our own fault."""
UNVERIFIED = ("inconclusive", "not-run")


class ConformancePlugin:
    """Made for one run; `session` does the work."""

    def __init__(self, session: "Session") -> None:
        self._session = session

    @pytest.fixture(scope="session")
    def conformance_session(self) -> "Session":
        return self._session

    @pytest.fixture
    def drift(self, request: pytest.FixtureRequest) -> Drift | None:
        """Compares shapes with their snapshots, where there are any or they are to be written."""
        folder = self._session.snapshots
        if folder is None:
            return None
        from conformance.runner.snapshots import drift_of, extension_for

        snapshot = request.getfixturevalue("snapshot").use_extension(extension_for(folder))
        return drift_of(snapshot, folder)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "question" in metafunc.fixturenames:
            questions = self._session.questions
            metafunc.parametrize("question", questions, ids=[question.id for question in questions])
        if "rule" in metafunc.fixturenames:
            rules = self._session.rules
            metafunc.parametrize("rule", rules, ids=[rule.id for rule in rules])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        parameters = (item.callspec.params for item in session.items if isinstance(item, pytest.Function))
        asked = [cast("Question", named["question"]) for named in parameters if "question" in named]
        if not session.config.option.collectonly:
            self._session.begin(asked)

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

            shown = self._session.exhibit(getattr(item, "callspec", None))
            report.__dict__["extras"] = [pytest_html.extras.text(text, name=name) for name, text in shown]
        return report


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

"""The pytest plugin: makes the items, calls the ledger to judge them, and suppresses pytest's own output."""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from conformance.engine.events import CaseJudged
from conformance.engine.evidence_keeper import evidence_of
from conformance.engine.ledger import Ledger
from conformance.engine.question import Question
from conformance.engine.row_text import account_of
from conformance.keys import KNOWN
from conformance.runs.log import CaseRow, RuleRow
from conformance.words import UNVERIFIED

QUIET = -2
FAILS = ("regression", "new")
EXPECTED_GAPS = ("documented-gap", "known-gap", "disputed")
VERDICTS = (pytest.fail.Exception, pytest.skip.Exception, pytest.xfail.Exception, KeyboardInterrupt, SystemExit)
"""How an item ends when it was judged, or when a person ended the run; anything else is our own fault."""


class ConformancePlugin:
    """Made for one run; the ledger does the judging."""

    def __init__(
        self,
        ledger: Ledger,
        questions: Sequence[Question],
        begin: Callable[[Sequence[Question]], None],
        *,
        strict: bool,
        allow_improvements: bool,
    ) -> None:
        """`begin` starts to ask what pytest has left after its own selection."""
        self._ledger = ledger
        self._questions = questions
        self._begin = begin
        self._strict = strict
        self._allow_improvements = allow_improvements
        self._last: CaseJudged | None = None
        self.disk: OSError | None = None
        """What kept the run from being written."""

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "question" in metafunc.fixturenames:
            metafunc.parametrize("question", self._questions, ids=[question.id for question in self._questions])
        if "rule" in metafunc.fixturenames:
            rules = self._ledger.rules
            metafunc.parametrize("rule", rules, ids=[rule.id for rule in rules])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        asked: list[Question] = [made["question"] for item in session.items if "question" in (made := _made_for(item))]
        if not session.config.option.collectonly:
            self._begin(asked)

    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Judges what an item was made for; the functions of other files run as usual."""
        if self.disk is not None:
            pytest.skip("the run has ended")
        try:
            return self._judge(pyfuncitem)
        except OSError as problem:  # the disk is full, or the folder gone: to ask on would lose every answer
            self.disk = problem
            pyfuncitem.session.shouldstop = "the folder of the run cannot be written"
            pytest.skip("the run has ended")

    def _judge(self, pyfuncitem: pytest.Function) -> bool | None:
        match _made_for(pyfuncitem):
            case {"question": question}:
                self._last = self._ledger.judge_case(question)
                if self._last.row.kind != "tendency":
                    self._settle(self._last.row)
            case {"rule": rule}:
                self._settle(self._ledger.judge_rule(rule))
            case _:
                return None
        return True

    def _settle(self, row: CaseRow | RuleRow) -> None:
        """Tells pytest how a row came out: passed, failed, expected to fail, or not verified."""
        if row.status in FAILS:
            pytest.fail(account_of(row), pytrace=False)
        if row.status == "improvement" and not self._allow_improvements:
            pytest.fail(f"[XPASS(strict)] {account_of(row)}", pytrace=False)
        if row.status in EXPECTED_GAPS:
            pytest.xfail(row.expected_by)
        if row.verdict in UNVERIFIED and self._strict and row.level == "must":
            pytest.fail(account_of(row), pytrace=False)
        if row.verdict in (*UNVERIFIED, "not-applicable"):
            pytest.skip(account_of(row))

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
            self._ledger.failed(item.name, call.excinfo.value)
        if report.when == "call" and item.config.pluginmanager.hasplugin("pytest_html.plugin"):
            import pytest_html  # only where `--html` was asked for

            shown = self._exhibit(_made_for(item).get("question"))
            report.__dict__["extras"] = [
                pytest_html.extras.text(KNOWN.removed_from(text), name=name) for name, text in shown
            ]
        return report

    def _exhibit(self, question: Question | None) -> list[tuple[str, str]]:
        """Name and text of the exchanges of the question that was judged last."""
        if self._last is None or self._last.record.question != question:
            return []
        return [
            (evidence.id, msgspec.json.format(msgspec.json.encode(evidence), indent=1).decode())
            for evidence in evidence_of(self._last)
        ]


def _made_for(item: pytest.Item) -> Mapping[str, Any]:
    """The `question` or the `rule` of an item; neither for an item of another file."""
    callspec = getattr(item, "callspec", None)
    return {} if callspec is None else callspec.params

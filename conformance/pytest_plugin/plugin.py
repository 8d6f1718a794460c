"""The suite as a pytest run: the plugin that collects and reports its items, and the call that runs pytest with it."""

import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import msgspec
import pytest

from conformance.bounded import heed
from conformance.engine.events import CaseJudged
from conformance.engine.finish import Ending
from conformance.engine.ledger import Ledger
from conformance.engine.outputs import evidence_of
from conformance.engine.question import Question
from conformance.keys import KNOWN
from conformance.pytest_plugin.items import HERE, QuestionItem, RuleItem, Suite, account_of
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
        heard: bool,
    ) -> None:
        """`begin` starts to ask what pytest has left after its own selection.

        `heard`: somebody gave pytest arguments of his own, and may wait for every phase of an item.
        """
        self._ledger = ledger
        self._questions = questions
        self._begin = begin
        self._strict = strict
        self._allow_improvements = allow_improvements
        self._heard = heard
        self._last: CaseJudged | None = None
        self.disk: OSError | None = None
        """What kept the run from being written."""

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        if module_path != HERE:
            return None
        suite = Suite.from_parent(parent, path=module_path)
        suite.questions, suite.rules, suite.settle = self._questions, self._ledger.rules, self._judge
        return suite

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        asked = [item.question for item in session.items if isinstance(item, QuestionItem)]
        if not session.config.option.collectonly:
            self._begin(asked)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Runs an item as one call where nobody waits for its set-up and tear-down, which are empty.

        What pytest does for these two takes longer than the judging of a short answer.
        """
        if self._heard:
            return None
        call = pytest.CallInfo.from_call(item.runtest, when="call", reraise=(KeyboardInterrupt, pytest.exit.Exception))
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        item.ihook.pytest_runtest_logreport(report=report)
        return True

    def _judge(self, item: QuestionItem | RuleItem) -> None:
        """Judges what an item was made for, and tells pytest how it came out."""
        if self.disk is not None:
            pytest.skip("the run has ended")
        try:
            row = self._row(item)
        except OSError as problem:  # the disk is full, or the folder gone: to ask on would lose every answer
            self.disk = problem
            item.session.shouldstop = "the folder of the run cannot be written"
            pytest.skip("the run has ended")
        if isinstance(row, RuleRow) or row.kind != "tendency":
            self._settle(row)

    def _row(self, item: QuestionItem | RuleItem) -> CaseRow | RuleRow:
        heed()
        if isinstance(item, RuleItem):
            return self._ledger.judge_rule(item.rule)
        self._last = self._ledger.judge_case(item.question)
        return self._last.row

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

            shown = self._exhibit(item.question if isinstance(item, QuestionItem) else None)
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


CONFIGURATION = Path(__file__).with_name("pytest.ini")
NEEDLESS = (
    "logging",
    "doctest",
    "unittest",
    "faulthandler",
    "unraisableexception",
    "threadexception",
    "warnings",
    "recwarn",
)
"""Plugins of pytest that cost time at every item and have nothing to do here."""
UNHEARD = (
    "terminal",
    "capture",
    "skipping",
    "debugging",
    "assertion",
    "junitxml",
    "legacypath",
    "monkeypatch",
    "pastebin",
    "setuponly",
    "setupplan",
    "stepwise",
    "subtests",
    "tmpdir",
)
"""Plugins that nobody needs who gave pytest no argument: it has nothing to say then, not even that it was ended."""
REMEMBERS = ("--lf", "--last-failed", "--ff", "--failed-first", "--sw", "--stepwise", "--nf", "--new-first")
ENDINGS: dict[int, Ending] = {
    pytest.ExitCode.INTERRUPTED: "interrupted",
    pytest.ExitCode.USAGE_ERROR: "bad usage",
    pytest.ExitCode.NO_TESTS_COLLECTED: "bad usage",
    pytest.ExitCode.INTERNAL_ERROR: "suite failed",
}


def run_pytest(plugin: ConformancePlugin, given: Sequence[str]) -> Ending:
    """Runs pytest over the items of a plugin, with the caller's own arguments; how the asking ended."""
    arguments = [str(HERE), "-c", str(CONFIGURATION)]
    needless = [*NEEDLESS, *([] if any(word in REMEMBERS for word in given) else ["cacheprovider"])]
    if given:
        arguments += ["--capture=no", "-qq", "--no-header", "--no-summary", "--tb=no"]
        arguments += ["-o", f"cache_dir={Path.cwd() / '.pytest_cache'}"]
    else:
        needless += UNHEARD
    arguments += [word for name in needless for word in ("-p", f"no:{name}")]
    if any(word.startswith("--html") for word in given):
        arguments += ["-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin"]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ.pop("PYTEST_ADDOPTS", None)
    return ENDINGS.get(int(pytest.main([*arguments, *given], plugins=[plugin])), "finished")

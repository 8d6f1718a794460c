"""A run from beginning to end: who is asked, what, and the files that are left behind."""

import traceback
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conformance.catalog.profile import Profile
from conformance.cli.progress import Progress
from conformance.engine.assessment import Assessment
from conformance.engine.evidence_keeper import Drift, Keeper
from conformance.engine.options import RunOptions
from conformance.engine.question import Question, Record
from conformance.engine.readiness import in_words, readiness, row_of
from conformance.engine.row_text import account_of
from conformance.engine.scheduler import Engine
from conformance.errors import BAD_USAGE, INTERRUPTED, OUR_FAULT
from conformance.judge.rules import Rule
from conformance.judge.verdict import Observation
from conformance.probe.asking import trace_of
from conformance.pytest_plugin.plugin import settle
from conformance.runs.expectations import exit_code
from conformance.runs.log import CaseRow, EndRow, LawRow, LogRow, LogWriter, ObedienceRow, TendencyRow

OBEYED: tuple[Observation, ...] = ("shown", "weak", "contradicted")
DISOBEYED: tuple[Observation, ...] = ("unelicited", "absent")
"""Counted over controls only: what they ask is plain, so that a server has little to lose of it."""

RATE_LIMITED_SHARE = 0.2
"""With more of the questions than this rate limited, the run says nothing about the endpoint."""


class Session:
    """The state of one run, between pytest's items and the engine."""

    def __init__(
        self,
        *,
        options: RunOptions,
        questions: Sequence[Question],
        engine: Engine,
        assessment: Assessment,
        log: LogWriter,
        keeper: Keeper,
        progress: Progress,
        profiles: Mapping[str, Profile],
        controls: Collection[str] = (),
        snapshots: Path | None = None,
    ) -> None:
        self._profiles = profiles
        self.readiness: dict[str, str] = {}
        """Profile to its answer in words, once the run is closed."""
        self.snapshots = snapshots
        """The folder of the target's snapshots, where shapes are compared at all."""
        self.drift: Drift | None = None
        """Compares the shape of the question that is judged next."""
        self.questions = list(questions)
        self.rules = assessment.rules
        self._options = options
        self._engine = engine
        self._assessment = assessment
        self._log = log
        self._keeper = keeper
        self._progress = progress
        self._rows: list[CaseRow | LawRow] = []
        self._observations: Counter[Observation] = Counter()
        self._controls = controls
        self._timing: dict[str, float] = {}
        self._rate_limited = 0
        self._defects = 0

    def begin(self, asked: Sequence[Question]) -> None:
        """Starts to ask what pytest has left after its own selection."""
        self._engine.begin(asked)

    def judge_case(self, question: Question) -> None:
        """Judges one question, writes its row and evidence, and tells pytest how it came out."""
        record = self._engine.record(question)
        row = self._row(question, record)
        tendency = question.case.kind == "tendency"
        self._log.write(_tendency(row, record) if tendency else row)
        self._remember(record)
        self._engine.judged(question)
        self._progress.judged(row.verdict, self._engine.running)
        if not tendency:
            self._rows.append(row)
            self._settle(row)

    def _row(self, question: Question, record: Record) -> CaseRow:
        """The row of a question, its evidence written; a failure of our own is this question's, and no other's."""
        try:
            kept = self._keeper.keep(record, self.drift)
            if kept.trace:
                return self._failed_row(question, kept.trace)
            row = self._assessment.case_row(question, kept.sdk, drift=kept.drift)
        except OSError:  # the disk is full, or the folder gone: no question's failure
            raise
        except Exception as problem:  # noqa: BLE001 - whatever fails here is one question's failure
            return self._failed_row(question, trace_of(problem))
        if record.trace:
            self._progress.say(f"{question.id}: {row.reason}; please report this\n{record.trace}")
        return row

    def _failed_row(self, question: Question, trace: str) -> CaseRow:
        row = self._assessment.failed_row(question, trace)
        self._progress.say(f"{question.id}: {row.reason}; please report this\n{trace}")
        return row

    def take(self, record: Record) -> None:
        """Counts a question that an earlier part of this run judged; its row stands in the log already."""
        row = self._assessment.case_row(record.question, None, drift=False)
        self._rows.append(row)
        self._remember(record)
        self._engine.know(record.light())

    def judge_rule(self, rule: Rule) -> None:
        """Judges one rule over everything that was recorded."""
        try:
            row = self._assessment.rule_row(rule)
        except Exception as problem:  # noqa: BLE001 - whatever fails here is one rule's failure
            row = self._assessment.failed_rule(rule)
            self._progress.say(f"{rule.id}: the suite itself failed; please report this\n{trace_of(problem)}")
        self._log.write(row)
        self._rows.append(row)
        self._settle(row)

    def _remember(self, record: Record) -> None:
        """What the notes at the end of the log are made of."""
        self._rate_limited += record.observations[-1:] == ("rate-limited",)
        if record.question.case.id in self._controls:
            self._observations.update(record.observations[-1:])  # the attempt that showed it ends a question
        for attempt in record.attempts:
            for reply in attempt.replies:
                timing = reply.answer.timing
                for name, seconds in (("first_byte", timing.first_byte), ("longest_silence", timing.longest_silence)):
                    self._timing[name] = max(self._timing.get(name, 0.0), round(seconds or 0.0, 3))

    def _settle(self, row: CaseRow | LawRow) -> None:
        options = self._options
        if self._shows(row):
            self._progress.say(account_of(row))
        settle(row, account_of(row), strict=options.strict, allow_improvements=options.allow_improvements)

    def _shows(self, row: CaseRow | LawRow) -> bool:
        return row.status in ("regression", "new") or (
            row.status == "improvement" and not self._options.allow_improvements
        )

    def failed(self, name: str, problem: BaseException) -> None:
        """Takes note of a defect of the suite itself: the run ends with exit code 2 and says where to look."""
        self._defects += 1
        trace = "".join(traceback.format_exception(problem))
        self._progress.say(f"{name}: the suite itself failed; please report this\n{trace}")

    def exhibit(self, question: Question | None) -> list[tuple[str, str]]:
        """Name and text of what pytest-html shows beside an item: its last exchange."""
        return [] if question is None else self._keeper.exhibit(question)

    def code(self, outcome: int) -> int:
        """The exit code of the run, from pytest's and from what was found."""
        if outcome == pytest.ExitCode.INTERRUPTED:
            return INTERRUPTED
        if outcome == pytest.ExitCode.USAGE_ERROR:
            return BAD_USAGE
        if outcome == pytest.ExitCode.NO_TESTS_COLLECTED:
            return BAD_USAGE
        if outcome == pytest.ExitCode.INTERNAL_ERROR or self._defects or self._mostly_rate_limited:
            return OUR_FAULT
        return exit_code(
            [row.status for row in self._rows],
            [row.verdict for row in self._rows],
            strict=self._options.strict,
            allow_improvements=self._options.allow_improvements,
        )

    def _notes(self) -> Iterator[LogRow]:
        """Obedience, tendencies and readiness: worth reading, and no verdict follows from them."""
        asked = sum(self._observations[name] for name in (*OBEYED, *DISOBEYED))
        obeyed = sum(self._observations[name] for name in OBEYED)
        yield ObedienceRow(obeyed, asked)
        for name, profile in self._profiles.items():
            answer = readiness(name, profile, self._rows, self._timing)
            if answer is not None:
                self.readiness[name] = in_words(answer, profile)
                yield row_of(answer, profile)

    @property
    def _mostly_rate_limited(self) -> bool:
        return self._rate_limited > RATE_LIMITED_SHARE * len(self.questions)

    def close(self, outcome: int) -> int:
        """Writes the footer; the exit code."""
        code = self.code(outcome)
        self._progress.close()
        for note in self._notes():
            self._log.write(note)
        self._log.write(
            EndRow(
                finished=datetime.now(UTC).isoformat(timespec="seconds"),
                counts=dict(Counter(row.verdict for row in self._rows)),
                complete=code != INTERRUPTED,
                exit=code,
            )
        )
        return code


def _tendency(row: CaseRow, record: Record) -> TendencyRow:
    """What a case of kind tendency leaves: how often it was shown, and no verdict."""
    shown = sum(observation in ("shown", "weak") for observation in record.observations)
    return TendencyRow(case=row.case, mode=row.mode, shown=shown, of=len(record.observations), exchanges=row.exchanges)

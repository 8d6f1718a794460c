"""From records to rows of the log: verdict, status, findings and marks of each question, then of each rule."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from conformance.catalog.case import Case, asks_of, modes_of
from conformance.catalog.load import Catalog
from conformance.catalog.matchers import matcher_of
from conformance.catalog.prompts import CONTROLLED_UPSTREAM
from conformance.engine.question import PLAIN, SCRIPTED, Question, Record, in_mode
from conformance.engine.reasons import in_its_words, instead
from conformance.judge.finding import Finding, merged
from conformance.judge.observe import Reply
from conformance.judge.rule_counts import RuleCounts
from conformance.judge.rules import RULES, Rule, examine_conversation, examine_pair
from conformance.judge.verdict import SHOWN, ControlResult, Facts, Judgement, decide
from conformance.runs.expectations import Expectations, RowResult, RowStatus, RowTraits, against_baseline
from conformance.runs.log import CaseRow, RuleRow
from conformance.words import MODES, OBEYED_KINDS, OBSERVED, Basis, Mode, SdkTestimony, Verdict

Lookup = Callable[[Question], Record]
"""The record of a question, asked for if need be."""
SMALL = 1024
"""Bytes of an answer up to which what was read in it is kept while it waits for the other of its pair."""
PAIRED = 2**20
"""Bytes of the larger of two answers up to which they are compared: both have to be read at once."""
FAILED = "the suite itself failed: "
"""How the reason of an error begins that is our own."""


class Assessment:
    """Judges the records of one run; it reads what was recorded and asks for nothing itself."""

    def __init__(
        self,
        catalog: Catalog,
        asked: Iterable[Question],
        lookup: Lookup,
        expectations: Expectations,
        baseline: Mapping[tuple[str, Mode | None], RowResult] | None = None,
        *,
        whole: bool = True,
        selected: bool = False,
    ) -> None:
        """`whole`: the questions are all that somebody wanted to know, not the sample that a profile takes.

        `selected`: they may be some of a row's only.
        """
        self._catalog = catalog
        self._lookup = lookup
        self._expectations = expectations
        self._baseline = baseline
        self._rule_counts = RuleCounts()
        self._judged: dict[Question, Judgement] = {}
        self._half_pairs: dict[str, Reply] = {}
        self._by_surface: dict[str, list[Question]] = {}
        self._asked = dict.fromkeys(asked)
        for question in self._asked:
            self._by_surface.setdefault(question.case.surface, []).append(question)
        normal = (case for case in catalog.cases.values() if case.size == "normal")
        self._of_surface = Counter(case.surface for case in normal for _ in modes_of(case))
        self._whole, self._knows_rows = whole, whole and not selected

    @property
    def catalog(self) -> Catalog:
        """The questions, as they were when the run began."""
        return self._catalog

    def judgement(self, question: Question) -> Judgement:
        """The verdict of a question, from its own record and those of the cases that it leans on."""
        if question not in self._judged:
            record = self._lookup(question)
            self._judged[question] = failed(record.trace) if record.trace else decide(self._facts(question, record))
        return self._judged[question]

    def _facts(self, question: Question, record: Record) -> Facts:
        case = question.case
        control: ControlResult = self._control_of(question) if record.confirmed else "failed"
        return Facts(
            kind=case.kind,
            level=case.level,
            attempts=record.judged,
            control=control,
            control_thinks=case.control is not None and asks_for_thinking(self._catalog.cases[case.control]),
            twin=self._control_result(case.twin, question.mode),
            capable=record.capable,
            guessable=_guessable(case),
            scripted=self._is_scripted(record),
            controlled=_is_controlled(record),
            shown_otherwise=self._shown_otherwise(question, record),
            instead=instead(record, control),
            dropped=self._dropped(question, record),
            inapplicable=record.inapplicable,
            prevented=record.prevented,
        )

    def _control_of(self, question: Question) -> ControlResult:
        """The result of a question's control; one that an earlier run did not ask says nothing against a witness."""
        case = question.case
        if case.control is not None and case.kind in OBEYED_KINDS:
            control = self._lookup(in_mode(self._catalog.cases[case.control], question.mode))
            if control.prevented and not control.attempts:
                return "none"
        return self._control_result(case.control, question.mode)

    def _control_result(self, name: str | None, mode: Mode) -> ControlResult:
        if name is None:
            return "none"
        record = self._lookup(in_mode(self._catalog.cases[name], mode))
        return "shown" if any(observation in SHOWN for observation in record.observations) else "failed"

    def _is_scripted(self, record: Record) -> bool:
        """Whether the scripted model is known to answer: by its name, or by what only it can know of the request.

        A question that needs it as its upstream is asked only where somebody declared or an answer proved it.
        """
        if _is_controlled(record):
            return True
        if record.attempts and record.attempts[-1].model == SCRIPTED:
            return True
        capability = self._catalog.capabilities.get(CONTROLLED_UPSTREAM)
        proofs = capability.proof if capability is not None and record.attempts else []
        questions = [in_mode(self._catalog.cases[name], "json") for name in proofs]
        return any(self._has_shown(question) for question in questions if question in self._asked)

    def _shown_otherwise(self, question: Question, record: Record) -> bool:
        """Whether the other mode of a witnessed question showed what this one did not."""
        if question.case.kind != "witnessed" or "absent" not in record.observations:
            return False
        others = [Question(question.case, mode) for mode in modes_of(question.case) if mode != question.mode]
        return any(self._has_shown(other) for other in others if other in self._asked)

    def _has_shown(self, question: Question) -> bool:
        return any(observation in SHOWN for observation in self._lookup(question).observations)

    def _dropped(self, question: Question, record: Record) -> bool:
        """Whether the usage proves that the content was dropped: it is that of the request without it.

        A count of 0 proves nothing, nor does one that is the same for every request: the plain request's must differ.
        """
        if question.case.without is None or not record.input_tokens:
            return False
        bare = self._lookup(in_mode(self._catalog.cases[question.case.without], question.mode))
        if record.input_tokens != bare.input_tokens or PLAIN not in self._catalog.cases:
            return False
        plain = self._lookup(in_mode(self._catalog.cases[PLAIN], question.mode))
        return plain.input_tokens is not None and 0 < plain.input_tokens != record.input_tokens

    def case_row(self, question: Question, sdk: SdkTestimony | None, *, shape: Any = None, drift: bool) -> CaseRow:
        """The row of a question; its answers are counted into the rules, so this is asked once for each question."""
        case, record = question.case, self._lookup(question)
        marks = [] if case.kind == "tendency" else self._count(question, record)
        judgement = self.judgement(question)
        findings = _telling(record, judgement.verdict)
        standing = self._standing(self._seen(question, judgement.verdict, findings))
        return self._row(
            question,
            judgement,
            status=standing.status,
            reason=in_its_words(record, judgement),
            findings=findings,
            marks=merged(mark for mark in marks if mark.id not in case.rules),
            sdk=sdk,
            seconds=round(sum(attempt.seconds for attempt in record.attempts), 4),
            expected_by=standing.expected_by,
            capable=record.capable,
            confirmed=record.confirmed,
            accepted=self._only_accepted(case),
            shape=shape,
            drift=drift,
            recovered=record.recovered,
            final=record.final,
        )

    def failed_row(self, question: Question, trace: str) -> CaseRow:
        """The row of a question that the suite itself failed to judge."""
        judgement = self._judged[question] = failed(trace)
        nothing: dict[str, Any] = {"findings": [], "marks": [], "sdk": None, "seconds": 0.0}
        return self._row(question, judgement, status="as-expected", reason=judgement.reason, **nothing)

    def _row(self, question: Question, judgement: Judgement, **more: Any) -> CaseRow:
        """A row with what its case, its record and its verdict say of it, and more."""
        case, record = question.case, self._lookup(question)
        return CaseRow(
            case=case.id,
            case_sha256=self._catalog.sha256(case),
            mode=question.mode,
            kind=case.kind,
            surface=case.surface,
            touches=list(case.touches),
            level=case.level,
            verdict=judgement.verdict,
            attempts=len(record.attempts),
            exchanges=_exchanges(record),
            unjudged=judgement.unjudged,
            **more,
        )

    def _seen(self, question: Question, verdict: Verdict, findings: Iterable[Finding]) -> RowResult:
        case = question.case
        return RowResult(
            id=case.id,
            surface=case.surface,
            mode=question.mode,
            level=case.level,
            verdict=verdict,
            keys=frozenset(finding.key for finding in findings),
            attempts=len(self._lookup(question).attempts),
            accepted=self._only_accepted(case),
        )

    def _only_accepted(self, case: Case) -> bool:
        """Whether a case asks for no more than a readable 200, of a row whose effect can be seen."""
        row = self._catalog.rows.get(case.surface)
        return case.accepted and (row is None or row.observable)

    def _basis(self, seen: RowResult) -> Basis | None:
        """On what the claim behind a verdict rests."""
        if seen.mode is None:
            return RULES[seen.id].basis if seen.id in RULES else None
        return self._catalog.cases[seen.id].basis

    def _added(self, seen: RowResult) -> str:
        """The version of the suite that asks a question first."""
        if seen.mode is None:
            return RULES[seen.id].added if seen.id in RULES else ""
        return self._catalog.cases[seen.id].added

    def _standing(self, seen: RowResult) -> RowStatus:
        row = self._catalog.rows.get(seen.surface)  # a folder of cases of one's own need not have the rows of rules
        place = (
            RowTraits("core")
            if row is None
            else RowTraits(row.tier, row.observable, needed=row.level in ("basic", "agent"))
        )
        if (challenged := self._expectations.challenge(seen)) is not None:
            return challenged
        standing = self._compared(seen, place)
        if standing.status == "improvement" and not self._knows_all(seen):
            return RowStatus("as-expected")  # what was not asked may still be as it was
        if standing.status in ("new", "regression") and self._basis(seen) == "inferred" and seen.verdict != "error":
            return RowStatus("as-expected", "the claim is only inferred, so it never makes a run fail")
        if standing.status == "new" and seen.verdict != "error" and self._expectations.predates(self._added(seen)):
            pin = self._expectations.suite
            return RowStatus("as-expected", f"asked since suite {self._added(seen)}; the target's file pins {pin}")
        return standing

    def _knows_all(self, seen: RowResult) -> bool:
        """Whether enough was asked to say that something got better: a rule is broken by any answer of a run."""
        found = self._expectations.gap_for(seen) if self._baseline is None else None
        if found is not None and found[0].when:
            return any(self._was_observed(name) for name in found[0].when)
        if seen.mode is None:
            return self._whole and (found is None or self._rule_counts.looked_at(seen.id, found[0].keys))
        if self._knows_rows or found is None or found[0].surface is None:
            return True
        asked = sum(question.case.size == "normal" for question in self._by_surface[seen.surface])
        return asked == self._of_surface[seen.surface]

    def _was_observed(self, name: str) -> bool:
        """Whether a case of this run came to a verdict about the endpoint."""
        case = self._catalog.cases.get(name)
        asked = [] if case is None else [q for q in self._by_surface.get(case.surface, ()) if q.case.id == name]
        return any(self.judgement(question).verdict in OBSERVED for question in asked)

    def _compared(self, seen: RowResult, place: RowTraits) -> RowStatus:
        if self._baseline is not None:
            return against_baseline(seen, self._baseline.get((seen.id, seen.mode)), place)
        return self._expectations.standing(seen, self._siblings(seen), place)

    def _siblings(self, seen: RowResult) -> list[RowResult]:
        """All verdicts of the row, asked for only where an entry of the target speaks of the whole row."""
        found = self._expectations.gap_for(seen)
        if found is None or found[0].surface is None or seen.mode is None:
            return [seen]
        gap = found[0]
        return [
            self._seen(other, self.judgement(other).verdict, ())
            for other in self._by_surface[seen.surface]
            if not gap.modes or other.mode in gap.modes
        ]

    def _count(self, question: Question, record: Record) -> list[Finding]:
        """Counts every answer of a record into the rules; the findings of these answers are given back."""
        marks: list[Finding] = []
        for attempt in record.attempts:
            for reply in attempt.replies:
                marks += self._rule_counts.add(reply.readings, reply.answer.endpoint, question.mode, reply.evidence)
            if attempt.replies:
                last = attempt.replies[-1]
                answers = [
                    reply.answer
                    for reply in attempt.replies
                    if reply.answer.exchange.outcome != "abandoned" and not reply.bad
                ]
                read = examine_conversation(answers)
                marks += self._rule_counts.add(read, last.answer.endpoint, question.mode, last.evidence)
        return marks + self._pair(question, record)

    def _pair(self, question: Question, record: Record) -> list[Finding]:
        """Compares the two modes of a case once both are there."""
        if not record.attempts or not record.attempts[-1].replies or len(modes_of(question.case)) < len(MODES):
            return []
        if record.attempts[-1].replies[-1].bad:
            return []
        mine = record.attempts[-1].replies[-1]
        other = self._half_pairs.pop(question.case.id, None)
        if other is None:
            self._half_pairs[question.case.id] = mine
            if mine.answer.exchange.size > SMALL:
                mine.answer.forget()
            return []
        json, stream = (other, mine) if question.mode == "stream" else (mine, other)
        if max(json.answer.exchange.size, stream.answer.exchange.size) > PAIRED:
            return []
        read = examine_pair(json.answer, stream.answer)
        json.answer.forget()
        return self._rule_counts.add(read, stream.answer.endpoint, "stream", stream.evidence)

    def rule_row(self, rule: Rule) -> RuleRow:
        """The row of a rule over everything that was counted."""
        law = self._rule_counts.verdict(rule)
        seen = RowResult(
            id=rule.id,
            surface=rule.surface,
            mode=None,
            level=rule.level,
            verdict=law.verdict,
            keys=frozenset(finding.key for finding in law.findings),
        )
        standing = self._standing(seen)
        return RuleRow(
            rule=rule.id,
            surface=rule.surface,
            level=rule.level,
            verdict=law.verdict,
            status=standing.status,
            seen=law.seen,
            violations=law.violations,
            findings=list(law.findings),
            expected_by=standing.expected_by,
        )

    def failed_rule(self, rule: Rule) -> RuleRow:
        """The row of a rule that the suite itself failed to judge."""
        return RuleRow(
            rule=rule.id,
            surface=rule.surface,
            level=rule.level,
            verdict="error",
            status="as-expected",
            seen=0,
            violations=0,
            findings=[],
        )

    @property
    def rules(self) -> list[Rule]:
        return list(RULES.values())


def failed(trace: str) -> Judgement:
    """The judgement where the suite itself failed: its last line says how."""
    lines = [line.strip(" |+-") for line in trace.splitlines()]  # the frame of a group of exceptions is taken off
    last = next((line for line in reversed(lines) if line), "it does not say how")
    return Judgement("error", f"{FAILED}{last[:300]}")


def asks_for_thinking(case: Case) -> bool:
    """Whether the last request of a case wants the model to think."""
    body = asks_of(case)[-1].body
    thinking = body.get("thinking") if isinstance(body, dict) else None
    return isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive")


def _exchanges(record: Record) -> list[str]:
    asked = [reply.evidence for attempt in record.attempts for reply in (*attempt.replies, *attempt.unread)]
    return asked or [name for attempt in record.attempts for name in attempt.shared]


def _guessable(case: Case) -> bool:
    """Whether every effect looks for words that are the same in each run; a nonce can only have been read."""
    return case.kind == "witnessed" and all(
        check.at == "text" and "{nonce}" not in str(matcher_of(check)[1]) for check in case.effect
    )


def _is_controlled(record: Record) -> bool:
    """Whether a question needs the scripted model as its upstream, and it is there."""
    return bool(record.capable) and CONTROLLED_UPSTREAM in record.question.case.needs


def _telling(record: Record, verdict: Verdict) -> list[Finding]:
    """The findings that speak for a verdict: none where it is good or was never observed."""
    if verdict not in OBSERVED or verdict == "supported":
        return []
    return merged(finding for attempt in record.attempts for finding in attempt.observed.findings)

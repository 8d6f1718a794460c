"""Counts for each rule over all answers of a run, which become one row a rule."""

from collections.abc import Iterable

from msgspec import Struct

from conformance.judge.finding import Finding, finding_key
from conformance.judge.rules import RULES, Reading, Rule
from conformance.judge.verdict import decide_rule
from conformance.words import Mode, Verdict

MOST = 200
"""Distinct findings of one rule that a run keeps: an endpoint that makes up keys makes up any number."""


class RuleVerdict(Struct, frozen=True):
    """The verdict of a rule after a run; one finding per key, each with its count and first exchange."""

    rule: Rule
    verdict: Verdict
    seen: int
    violations: int
    findings: tuple[Finding, ...]


class RuleCounts:
    """Counts, rule by rule, the answers seen and broken, and keeps the first exchange of each distinct finding."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = dict.fromkeys(RULES, 0)
        self._broken: dict[str, int] = dict.fromkeys(RULES, 0)
        self._findings: dict[str, dict[str, Finding]] = {rule: {} for rule in RULES}
        self._places: dict[str, set[str]] = {rule: set() for rule in RULES}

    def add(self, readings: Iterable[Reading], endpoint: str, mode: Mode, exchange: str) -> list[Finding]:
        """Counts what was read in one answer; its findings are given back, to be shown on its case as marks."""
        marks: list[Finding] = []
        place = f"{endpoint} {mode}"
        for reading in readings:
            self._seen[reading.rule.id] += 1
            self._places[reading.rule.id].add(place)
            if reading.violations:
                self._broken[reading.rule.id] += 1
                marks += self._found(reading, endpoint, mode, exchange)
        return marks

    def _found(self, reading: Reading, endpoint: str, mode: Mode, exchange: str) -> list[Finding]:
        """The findings of one reading, the first exchange of each distinct one kept."""
        rule = reading.rule
        marks = []
        known = self._findings[rule.id]
        for violation in reading.violations:
            key = finding_key(rule.id, endpoint, mode, violation.at, violation.kind)
            mark = Finding(rule.id, key, rule.level, violation.at, violation.expected, violation.observed, 1, exchange)
            marks.append(mark)
            earlier = known.get(key)
            if earlier is not None or len(known) < MOST:
                known[key] = mark if earlier is None else earlier.again()
        return marks

    def looked_at(self, rule: str, keys: Iterable[str]) -> bool:
        """Whether a rule was asked about an answer in each place, endpoint and mode, of these keys of its findings."""
        places = tuple(f"{rule} {place} " for place in self._places[rule])
        return all(key.startswith(places) for key in keys if key.startswith(f"{rule} "))

    def verdict(self, rule: Rule) -> RuleVerdict:
        """The verdict of one rule over all that was added."""
        seen, broken = self._seen[rule.id], self._broken[rule.id]
        if rule.by_clock and broken == 1:  # what the clock says once needs a second look
            return RuleVerdict(rule, decide_rule(rule.level, seen - 1, 0), seen - 1, 0, ())
        findings = tuple(self._findings[rule.id].values())
        return RuleVerdict(rule, decide_rule(rule.level, seen, broken), seen, broken, findings)

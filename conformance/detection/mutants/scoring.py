"""Counts of the mutants that the rules kill: each for its own reason, for another, or not at all."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from msgspec import Struct

from conformance.detection.mutants.mutant import Mutant
from conformance.detection.mutants.refusals import REFUSAL, UNREADABLE
from conformance.judge.answer import Answer, read
from conformance.judge.rules import RULES, Reading, examine, examine_conversation, examine_pair

MutantOutcome = Literal["killed", "killed for another reason", "silent", "noted", "equivalent", "false alarm"]


class Fate(Struct, frozen=True):
    """The outcome of a mutant."""

    id: str
    sentence: str
    outcome: MutantOutcome
    killers: tuple[str, ...]
    """The rules that must or should hold and that it broke, in order; else the case that asked, or the reading."""
    notes: tuple[str, ...]
    aim: tuple[str, ...]
    reason: str
    """Of an equivalent one."""
    findings: int
    """The most violations in one exchange, notes left out."""


class Score(Struct, frozen=True):
    """The fates of all mutants, one for each id: the worst where the same change was made in several exchanges."""

    fates: tuple[Fate, ...]

    def of(self, *outcomes: MutantOutcome) -> tuple[Fate, ...]:
        return tuple(fate for fate in self.fates if fate.outcome in outcomes)

    @property
    def killed(self) -> float:
        """The part that was killed of those that can be."""
        killed = len(self.of("killed", "killed for another reason"))
        return killed / ((killed + len(self.of("silent"))) or 1)

    @property
    def equivalent(self) -> float:
        """The part of all that no rule can tell from a correct answer."""
        return len(self.of("equivalent")) / (len(self.fates) or 1)

    def only(self) -> Mapping[str, tuple[str, ...]]:
        """Each rule with the mutants that it alone kills, or notes."""
        alone: dict[str, list[str]] = {rule: [] for rule in RULES}
        for fate in self.fates:
            spoken = fate.killers or fate.notes
            rules = [rule for rule in spoken if rule in alone]
            if len(rules) == 1 and fate.outcome in ("killed", "noted"):
                alone[rules[0]].append(fate.id)
        return {rule: tuple(ids) for rule, ids in alone.items()}

    def summary(self) -> dict[str, Any]:
        """The part of it that `reports/detection.json` keeps."""
        counts = {outcome: len(self.of(outcome)) for outcome in get_args(MutantOutcome)}
        return {
            "mutants": len(self.fates),
            "counts": counts,
            "killed": round(self.killed, 4),
            "equivalent": round(self.equivalent, 4),
            "silent": {fate.id: fate.sentence for fate in self.of("silent")},
            "for_another_reason": {fate.id: list(fate.killers) for fate in self.of("killed for another reason")},
            "false_alarms": {fate.id: list(fate.killers) for fate in self.of("false alarm")},
            "equivalents": {fate.id: fate.reason for fate in self.of("equivalent")},
            "only_killer": {rule: len(ids) for rule, ids in self.only().items()},
        }


_WORST: tuple[MutantOutcome, ...] = (
    "false alarm",
    "silent",
    "killed for another reason",
    "equivalent",
    "noted",
    "killed",
)


def score(mutants: Iterable[Mutant]) -> Score:
    """Judges every mutant by every rule, without a network."""
    fates: dict[str, Fate] = {}
    for mutant in mutants:
        fate = fate_of(mutant)
        known = fates.get(fate.id)
        if known is None or _WORST.index(fate.outcome) < _WORST.index(known.outcome):
            fates[fate.id] = fate
    return Score(tuple(fates.values()))


def fate_of(mutant: Mutant) -> Fate:
    """The outcome of one mutant under all rules."""
    broken = [reading for reading in _readings(mutant) if reading.violations]
    killers = tuple(reading.rule.id for reading in broken if reading.rule.level != "may")
    notes = tuple(reading.rule.id for reading in broken if reading.rule.level == "may")
    killers = killers or _beside_the_rules(mutant)
    findings = sum(len(reading.violations) for reading in broken if reading.rule.level != "may")
    outcome = _outcome(mutant, killers, notes)
    return Fate(mutant.id, mutant.sentence, outcome, killers, notes, mutant.aim, mutant.equivalent, findings)


def _outcome(mutant: Mutant, killers: tuple[str, ...], notes: tuple[str, ...]) -> MutantOutcome:
    if mutant.equivalent:
        return "false alarm" if killers else "equivalent"
    if mutant.note:
        return "false alarm" if killers else "noted" if set(notes) & set(mutant.aim) else "silent"
    if not killers:
        return "silent"
    return "killed" if set(killers) & set(mutant.aim) else "killed for another reason"


def _readings(mutant: Mutant) -> tuple[Reading, ...]:
    if mutant.relation == "answer":
        return examine(read(mutant.exchange, mutant.mode))
    if mutant.relation == "pair":
        whole, streamed = mutant.exchanges
        return examine_pair(read(whole, "json"), read(streamed, "stream"))
    return examine_conversation([read(exchange, mutant.mode) for exchange in mutant.exchanges])


def _beside_the_rules(mutant: Mutant) -> tuple[str, ...]:
    """Who else notices: the reading, or the case that expected this very refusal."""
    if mutant.relation != "answer":
        return ()
    answer: Answer = read(mutant.exchange, mutant.mode)
    if UNREADABLE in mutant.aim and answer.unreadable is not None:
        return (UNREADABLE,)
    return (REFUSAL,) if REFUSAL in mutant.aim else ()

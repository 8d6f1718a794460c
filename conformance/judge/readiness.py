"""Whether a client runs on an endpoint: one pure function of its needs and of what the run saw.

Only the questions that a need names count. A rule is a question about the answers to the profile's own cases, so that
what the client can never bring about, such as an answer to malformed JSON, is held against nobody. A case whose answer
could not be read because of a rule that the profile speaks of is explained by that rule: the rule's own need says what
it means for the client, or the client stands it.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import get_args

from msgspec import Struct, structs

from conformance.catalog.profile import ClientVersion, Meets, Need, Profile, Steady, parted
from conformance.words import Mode, NeedState, ReadinessVerdict, Verdict

Place = tuple[str, Mode]

STATES: tuple[NeedState, ...] = get_args(NeedState)
MET: tuple[Verdict, ...] = ("supported", "partial")
MISSING: tuple[Verdict, ...] = ("refused", "ignored", "broken")
NEVER_AROSE: tuple[Verdict, ...] = ("inconclusive", "not-applicable")
PASSING_SHARE = 0.45
"""Of what was asked, at most so much may fail for the failures to pass when it is asked again: a client that has every
second request fail comes to turns in which all its tries do.
"""
_NUMBER = re.compile(r"\d+")


class Broken(Struct, frozen=True):
    """A rule that an answer broke, and in what way."""

    rule: str
    kind: str
    """The kind of the finding, such as `missing`: the last word of its key."""
    quote: str
    exchange: str

    def answers_to(self, question: str) -> bool:
        """Whether `rule`, `rule:kind` or `rule:*-end-of-a-kind` speaks of this."""
        rule, _, kind = question.partition(":")
        return rule == self.rule and (kind in ("", self.kind) or (kind[:1] == "*" and self.kind.endswith(kind[1:])))


class Seen(Struct, frozen=True, kw_only=True):
    """The result of one case in one mode."""

    case: str
    mode: Mode
    verdict: Verdict
    quote: str = ""
    """What was seen, in one sentence, where it is not what was asked for."""
    exchange: str = ""
    unreadable: bool = False
    """Whether nothing in the answer could be trusted."""
    attempts: int = 1
    """How often it was asked."""
    recovered: bool = False
    """Whether an answer failed, and came when the very same was asked again."""
    final: bool = False
    """Whether an answer that failed said that it is not to be asked for again."""
    behind: str = ""
    """The need that tells already why this could not be judged."""
    rules: tuple[Broken, ...] = ()


class NeedOutcome(Struct, frozen=True, kw_only=True):
    """The outcome of one question."""

    state: NeedState
    verdict: Verdict
    question: str
    quote: str = ""
    exchange: str = ""
    unreadable: bool = False
    behind: str = ""
    """The need that the endpoint fails in the very same words, where that is named first: this one was not judged."""


class NeedVerdict(Struct, frozen=True):
    """The verdict of one need, by the question that decided it."""

    need: Need
    outcome: NeedOutcome

    @property
    def state(self) -> NeedState:
        return self.outcome.state

    @property
    def meets(self) -> str:
        """The observation and its consequence for the user; empty where the need is met."""
        if self.state == "met":
            return ""
        says = ""
        if self.state == "missing":
            says = self.need.meets.sentence(self.outcome.verdict, unreadable=self.outcome.unreadable)
        return " ".join(part for part in (self.outcome.quote, says) if part)


class Readiness(Struct, frozen=True):
    """The answer to a profile's question, with its needs: what stops the client first, in the profile's order."""

    verdict: ReadinessVerdict
    needs: tuple[NeedVerdict, ...]

    def missing(self, level: str) -> tuple[NeedVerdict, ...]:
        """The needs of this level that are not met."""
        return tuple(one for one in self.needs if one.state == "missing" and one.need.level == level)

    @property
    def unverified(self) -> tuple[NeedVerdict, ...]:
        """The needs of which nothing was seen."""
        return tuple(one for one in self.needs if one.state == "unverified")


def readiness(profile: Profile, rules: Collection[str], seen: Iterable[Seen]) -> Readiness | None:
    """The readiness that a run amounts to; None where it did not ask all without which the client stops.

    `rules` are the ids of the rules: what a need names and is none of them is a case.
    """
    run = _Run(profile, rules, seen)
    blocking = [question for need in profile.needs if need.level == "blocks" for question in need.questions]
    if not blocking or not all(run.asked(question) for question in blocking):
        return None
    needs = _understood([NeedVerdict(need, run.outcome(need)) for need in profile.needs], run)
    return Readiness(_answer([one for one in needs if not one.outcome.behind]), _each_once(needs))


def readiness_by_version(profile: Profile, rules: Collection[str], seen: Iterable[Seen]) -> dict[str, Readiness]:
    """Client with its version to its readiness, for the profile's other versions whose own questions were asked.

    A question in the shape of the measured version that was refused in the very words in which a thing is refused that
    this version does not send says nothing of it: its own questions stand in that place.
    """
    rows = list(seen)
    found = {}
    for version in profile.versions:
        needs = [*version.needs, *_kept(profile, version, _Run(profile, rules, rows))]
        variant = structs.replace(profile, needs=needs, versions=[])
        if (answer := readiness(variant, rules, rows)) is not None:
            found[str(profile.another(version))] = answer
    return found


def _kept(profile: Profile, version: ClientVersion, run: "_Run") -> list[Need]:
    """The needs of the profile that an answer to the measured version says something about for this one too."""
    outcomes = {need.id: run.outcome(need) for need in profile.needs}
    unsent = outcomes.keys() & set(version.without) - {need.id for need in version.needs}  # an older run knows fewer
    words = {outcomes[name].quote for name in unsent if outcomes[name].verdict == "refused"}
    return [
        need
        for need in profile.needs
        if need.id not in version.without
        and not (outcomes[need.id].verdict == "refused" and outcomes[need.id].quote in words)
    ]


def _understood(needs: Sequence[NeedVerdict], run: "_Run") -> list[NeedVerdict]:
    """The needs, where a refusal after which the client asks again without the thing, and is answered, is a limit.

    What is refused in the same words elsewhere was not judged.
    """
    limits = {one.need.id: one for one in needs if _is_limit(one, run)}
    met = {one.need.id for one in needs if one.state == "met"}
    verdicts = []
    for one in needs:
        need, outcome = one.need, one.outcome
        if need.part_of in met:
            outcome = structs.replace(outcome, state="met")
        elif need.after and need.after not in met and outcome.verdict != "refused":
            outcome = structs.replace(outcome, state="met", verdict="blocked")
        elif need.part_of and outcome.verdict == "refused" and _words(outcome) in run.plain_refusals:
            outcome = structs.replace(outcome, state="unverified", verdict="blocked", behind=need.part_of)
        elif need.id in limits and need.known is not None:
            need = structs.replace(need, level="degrades", meets=Meets(refused=need.known.meets))
        elif behind := next((name for name, limit in limits.items() if _is_the_same(limit, outcome)), ""):
            outcome = structs.replace(outcome, state="unverified", verdict="blocked", behind=behind)
        verdicts.append(NeedVerdict(need, outcome))
    return verdicts


def _is_limit(one: NeedVerdict, run: "_Run") -> bool:
    known, outcome = one.need.known, one.outcome
    if outcome.verdict != "refused" or known is None:
        return False
    return known.understands(outcome.quote) or run.met(known.instead)


def _is_the_same(limit: NeedVerdict, outcome: NeedOutcome) -> bool:
    """Whether a question was refused in the words of a limit, or in others that the client understands there."""
    if outcome.verdict != "refused" or limit.need.known is None:
        return False
    return _words(outcome) == _words(limit.outcome) or limit.need.known.understands(outcome.quote)


def _words(outcome: NeedOutcome) -> str:
    """What the endpoint said, without the numbers of places and counts."""
    return _NUMBER.sub("#", outcome.quote)


def _answer(needs: Sequence[NeedVerdict]) -> ReadinessVerdict:
    states = {(one.need.level, one.state) for one in needs}
    if ("blocks", "missing") in states:
        return "not ready"
    if ("blocks", "unverified") in states:
        return "not verified"
    return "ready with limits" if ("degrades", "missing") in states else "ready"


def _each_once(needs: Sequence[NeedVerdict]) -> tuple[NeedVerdict, ...]:
    """What stops the client first; what is refused or fails in the words of an earlier need stands behind that one."""
    first: dict[str, str] = {}
    verdicts = []
    for one in sorted(needs, key=_weight):
        outcome = one.outcome
        if not outcome.behind and outcome.quote and (outcome.verdict == "refused" or outcome.unreadable):
            words = _words(outcome)
            named = first.setdefault(words, one.need.id) if one.state == "missing" else first.get(words)
            if named not in (None, one.need.id):
                outcome = structs.replace(outcome, state="unverified", verdict="blocked", behind=named)
        verdicts.append(NeedVerdict(one.need, outcome))
    return tuple(sorted(verdicts, key=_weight))


def _weight(one: NeedVerdict) -> tuple[int, bool]:
    return STATES.index(one.state), one.need.level != "blocks"


def _is_rule(name: str, rules: Collection[str]) -> bool:
    return name.partition(":")[0] in rules


def _passes(one: Seen) -> Steady:
    """What passed, or may pass, where it was asked again: a refusal, a failure that forbids it, or another."""
    return "refusals" if one.verdict == "refused" else "final" if one.final else "failures"


def _settled(own: Mapping[Place, Seen], recovered: Sequence[Seen], steady: Mapping[Steady, str]) -> dict[Place, Seen]:
    """The results where some answers came only when they were asked for again, and the client asks again too.

    They count as what they were at last. What failed in the same words each time stands behind the need that says so.
    """
    words = {(_passes(one), _NUMBER.sub("#", one.quote)) for one in recovered if _failed(one)}
    stuck = [
        one
        for one in own.values()
        if _failed(one) and not one.recovered and (_passes(one), _NUMBER.sub("#", one.quote)) in words
    ]
    failed = sum(one.attempts - 1 for one in recovered) + sum(one.attempts for one in stuck)
    if failed > PASSING_SHARE * sum(one.attempts for one in own.values()):
        return dict(own)
    at_last = {(one.case, one.mode): structs.replace(one, verdict="supported", rules=()) for one in recovered}
    never = {
        (one.case, one.mode): structs.replace(one, verdict="blocked", rules=(), behind=steady.get(_passes(one), ""))
        for one in stuck
    }
    return {**own, **at_last, **never}


def _failed(one: Seen) -> bool:
    return one.unreadable or one.verdict == "refused"


class _Run:
    """What was seen of a profile's questions."""

    def __init__(self, profile: Profile, rules: Collection[str], seen: Iterable[Seen]) -> None:
        named = {
            (name, mode)
            for question in profile.questions
            for name, modes in [parted(question)]
            if not _is_rule(name, rules)
            for mode in modes
        }
        self._rules = rules
        own = {place: one for one in seen if (place := (one.case, one.mode)) in named}
        told = [(need.questions, need.meets.ways) for need in profile.needs]
        self._told = {(parted(one)[0], way) for questions, ways in told for one in questions for way in ways}
        self._recovered = [one for one in own.values() if one.recovered]
        steady = {need.steady: need.id for need in profile.needs if need.steady}
        self._own = _settled(own, self._recovered, steady) if steady and self._recovered else own
        self._spoken_of = [name for name, _ in self._rules_of(profile.needs)]
        self._spoken_of += [tolerance.rule for tolerance in profile.tolerates]
        self._stopping = self._rules_of([need for need in profile.needs if need.level == "blocks"])
        self._obeyed = any(one.verdict in MET for question in profile.model for one in self._of_case(question))
        self.plain_refusals = self._refusals_of_plain_requests(profile)
        """The words in which a request is refused that has nothing of the client's: no part of a turn earned them."""

    def _rules_of(self, needs: Iterable[Need]) -> list[tuple[str, Sequence[Mode]]]:
        named = [parted(question) for need in needs for question in need.questions]
        return [(name, modes) for name, modes in named if _is_rule(name, self._rules)]

    def _refusals_of_plain_requests(self, profile: Profile) -> set[str]:
        needed = {question for need in profile.needs for question in need.questions}
        seen = [one for question in profile.model if question not in needed for one in self._of_case(question)]
        return {_NUMBER.sub("#", one.quote) for one in seen if one.verdict == "refused"}

    def asked(self, question: str) -> bool:
        """Whether the run can say anything about a question."""
        return bool(self._own if _is_rule(parted(question)[0], self._rules) else self._of_case(question))

    def outcome(self, need: Need) -> NeedOutcome:
        """The outcome of a need's questions: the worst of them, or the best where any will do."""
        if need.steady:
            return self._steadiness(need.steady)
        outcomes = [outcome for question in need.questions for outcome in self._outcomes(question, need)]
        choose = min if need.met_by == "all" else max
        return choose(outcomes, key=lambda outcome: STATES.index(outcome.state))

    def met(self, questions: Sequence[str]) -> bool:
        """Whether there are such questions, and all of them were answered."""
        seen = [self._of_case(question) for question in questions]
        return bool(seen) and all(found and all(one.verdict in MET for one in found) for found in seen)

    def _steadiness(self, of: Steady) -> NeedOutcome:
        """Whether every answer came when it was first asked for."""
        recovered = [one for one in self._recovered if _passes(one) == of]
        if not recovered:
            return NeedOutcome(state="met", verdict="supported", question="")
        one = recovered[0]
        quote = f"{len(recovered)} of {len(self._own)} questions were answered when they were asked again."
        return NeedOutcome(
            state="missing",
            verdict="refused" if of == "refusals" else "broken",
            question=f"{one.case}[{one.mode}]",
            quote=f"{one.quote} {quote}".strip(),
            exchange=one.exchange,
        )

    def _outcomes(self, question: str, need: Need) -> list[NeedOutcome]:
        if _is_rule(parted(question)[0], self._rules):
            return [self._of_rule(question)]
        found = [self._outcome(one, need) for one in self._of_case(question)]
        return found or [
            NeedOutcome(state="unverified", verdict="not-run", question=question, quote="It was not asked.")
        ]

    def _of_case(self, question: str) -> list[Seen]:
        name, modes = parted(question)
        return [self._own[name, mode] for mode in modes if (name, mode) in self._own]

    def _of_rule(self, question: str) -> NeedOutcome:
        name, modes = parted(question)
        for place in sorted(self._own):
            for broken in self._own[place].rules:
                if place[1] in modes and self._is_told_by(name, broken):
                    return NeedOutcome(
                        state="missing",
                        verdict="broken",
                        question=question,
                        quote=broken.quote,
                        exchange=broken.exchange,
                    )
        return NeedOutcome(state="met", verdict="supported", question=question)

    def _is_stopped(self, one: Seen) -> bool:
        """Whether a broken rule stops the client at this answer: what it lacks besides follows from that."""
        return any(
            broken.answers_to(name) for broken in one.rules for name, modes in self._stopping if one.mode in modes
        )

    def _is_told_by(self, name: str, broken: Broken) -> bool:
        """Whether a question speaks of this: what is said of a kind of finding goes before what is said of its rule."""
        nearer = (other for other in self._spoken_of if ":" in other and ":" not in name)
        return broken.answers_to(name) and not any(broken.answers_to(other) for other in nearer)

    def _outcome(self, one: Seen, need: Need) -> NeedOutcome:
        state, verdict = self._state(one, need)
        question = f"{one.case}[{one.mode}]"
        return NeedOutcome(
            state=state,
            verdict=verdict,
            question=question,
            quote=one.quote,
            exchange=one.exchange,
            unreadable=one.unreadable,
            behind=one.behind,
        )

    def _state(self, one: Seen, need: Need) -> tuple[NeedState, Verdict]:
        if one.behind:
            return "unverified", one.verdict
        if one.verdict in MET:
            return "met", one.verdict
        if one.unreadable and any(broken.answers_to(name) for broken in one.rules for name in self._spoken_of):
            return "met", "blocked"
        if one.verdict in ("ignored", "broken", "inconclusive") and self._is_stopped(one):
            return "met", "blocked"
        if one.verdict in MISSING:  # a way of which the need says nothing is reported by another need
            if one.verdict in need.meets.ways:
                return "missing", one.verdict
            return "met" if (one.case, one.verdict) in self._told else "unverified", one.verdict
        if one.verdict in NEVER_AROSE and (self._obeyed or need.whoever or one.verdict == "not-applicable"):
            return need.unseen, one.verdict
        return "unverified", one.verdict

"""Causes: what a person has to know first. One fault, named once, with all that it turned red or hid.

All of it is pure: small values in, causes out. The order in which they come in changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from conformance.words import Level, Mode, Verdict

CauseKind = Literal["rule", "answer", "trouble", "effect"]
"""A broken law; the same refusal, word for word; the same cut, hang or undecodable body; a missing effect."""

WRONG: tuple[Verdict, ...] = ("broken", "ignored", "refused", "partial")
"""Verdicts that something has to explain."""
SHOWN: tuple[Verdict, ...] = ("supported",)
"""Verdicts that acquit: what stands in such an answer, or in its request, kept nothing from being shown."""
LEVELS: tuple[Level, ...] = ("must", "should", "may")


class Obstacle(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What kept an attempt from being shown, or may have; attempts with an equal kind and key are alike."""

    kind: CauseKind
    key: str
    """Of a rule, the key of its finding; else what the server did, with numbers, ids and nonces masked."""
    lost: bool = False
    """Whether a broken law is the very thing that made the answer unreadable."""
    quote: str = ""
    """The server's own words."""
    exchange: str = ""
    """The evidence that shows it."""


class Judged(Struct, frozen=True, kw_only=True):
    """A question that was asked, as far as its causes go."""

    id: str
    """The case."""
    title: str = ""
    mode: Mode
    surface: str
    level: Level
    verdict: Verdict
    known: bool
    """Whether the verdict is what was expected: a gap with an entry, or within the API's promise."""
    excused: bool = False
    """Whether an entry says so: what is merely left open hides nothing that was not expected."""
    endpoint: str
    """Method and path of the request that decided it."""
    attempts: tuple[tuple[Obstacle, ...], ...] = ()
    """What each attempt met; of one that was shown, nothing."""
    marks: frozenset[str] = frozenset()
    """The keys of the laws that its answers broke."""
    looks: frozenset[str] = frozenset()
    """The parts of the answer that its effects look at."""
    parts: frozenset[str] = frozenset()
    """The parts of its request."""
    about: frozenset[str] = frozenset()
    """Those of them that its control, its twin or the plain request lacks; nothing where a refusal is asked for."""
    leans_on: frozenset[str] = frozenset()
    """Its control and twin."""
    plain: bool = False
    """Whether it is the plain request of its endpoint and mode."""
    unreadable: bool = False

    @property
    def place(self) -> str:
        """`tools.choice.tool[json]`"""
        return f"{self.id}[{self.mode}]"


class Law(Struct, frozen=True, kw_only=True):
    """A rule over all answers of a run."""

    id: str
    surface: str
    level: Level
    verdict: Verdict
    known: bool
    excused: bool = False
    seen: int
    violations: int
    order: int = 0
    """Its place in the list of rules, where causes stand before consequences."""
    says: str = ""
    quote: str = ""
    exchange: str = ""


class Cause(Struct, frozen=True, kw_only=True):
    """One fault of the endpoint."""

    kind: CauseKind
    id: str
    """The rule, or the first row."""
    says: str
    quote: str
    rows: tuple[str, ...]
    """The red and the known rows behind it, the most telling first: rules by id, questions as `case[mode]`."""
    blocked: tuple[str, ...]
    """The questions that it kept from being judged."""
    answers: tuple[int, int]
    """In how many answers it was seen, of how many that could have shown it."""
    exchange: str
    known: bool
    plain: bool
    """Whether it breaks the plain request."""
    unreadable: bool
    level: Level
    verdict: Verdict
    """The worst of its rows."""
    order: int = 0
    breadth: int = 0
    """How many parts the request of its first row has: of two causes alike, the narrower one says more."""


class Explained(Struct, frozen=True):
    """All causes of a run, worst first, and which of them each blocked question is blocked by."""

    causes: tuple[Cause, ...]
    blocked: Mapping[str, str]


def explain(questions: Iterable[Judged], laws: Iterable[Law]) -> Explained:
    """Groups everything that went wrong; every wrong row is in exactly one cause, or blocked by exactly one."""
    asked = sorted(questions, key=lambda question: question.place)
    wrong = [question for question in asked if question.verdict in WRONG]
    shown = [question for question in asked if question.verdict in SHOWN]
    broken = sorted((law for law in laws if law.verdict in WRONG), key=lambda law: law.id)
    lawless = _by_law(wrong, shown, broken)
    own = [question for question in wrong if question.place not in lawless]
    causes = [_of_law(law, [one for one in wrong if lawless.get(one.place) == law.id]) for law in broken]
    for group in _alike(own):
        causes += _of_group(group, asked, shown)
    ordered = tuple(sorted(causes, key=_weight))
    return Explained(ordered, {place: cause.id for cause in ordered for place in cause.blocked})


def _weight(cause: Cause) -> tuple[object, ...]:
    """What makes a cause come before another."""
    return (
        cause.known,
        not cause.plain,
        -len(cause.blocked),
        not cause.unreadable,
        LEVELS.index(cause.level),
        WRONG.index(cause.verdict),
        cause.order,
        cause.breadth,
        cause.id,
    )


# Laws


def _by_law(wrong: Sequence[Judged], shown: Sequence[Judged], broken: Sequence[Law]) -> dict[str, str]:
    """The question to the broken law that is why it was not shown: the one that explains most."""
    acquitted = _acquitted(shown)
    laws = {law.id: law for law in broken if law.level != "may"}
    suspects = {question.place: _suspects(question, acquitted) & laws.keys() for question in wrong}
    explains = {name: sum(name in found for found in suspects.values()) for name in laws}

    def telling(name: str) -> tuple[int, int, str]:
        return LEVELS.index(laws[name].level), -explains[name], name

    return {place: min(found, key=telling) for place, found in suspects.items() if found}


def _acquitted(shown: Iterable[Judged]) -> set[tuple[str, str]]:
    """Keys of findings, each with the part of the answer where a question looked and was shown all the same."""
    return {(key, part) for question in shown for key in question.marks for part in (*question.looks, "")}


def _suspects(question: Judged, acquitted: set[tuple[str, str]]) -> set[str]:
    """The laws that were broken in every attempt, in a way in which no question was shown."""
    where = ("",) if question.unreadable else tuple(question.looks) or ("",)
    found = [
        {
            met.key.partition(" ")[0]
            for met in attempt
            if met.kind == "rule" and (met.lost or any((met.key, part) not in acquitted for part in where))
        }
        for attempt in question.attempts
    ]
    return set.intersection(*found) if found else set()


def _of_law(law: Law, explained: Sequence[Judged]) -> Cause:
    """The cause that a broken law is; what turned red by itself is hidden by no law that a reader may pass over."""
    own = [question for question in explained if question.surface == law.surface or not _may_hide(law, question)]
    hidden = [question for question in explained if question not in own]
    return Cause(
        kind="rule",
        id=law.id,
        says=law.says,
        quote=law.quote,
        rows=(law.id, *(question.place for question in own)),
        blocked=tuple(question.place for question in hidden),
        answers=(law.violations, law.seen),
        exchange=law.exchange,
        known=law.known and all(question.known for question in own),
        plain=any(question.plain for question in explained),
        unreadable=any(question.unreadable for question in explained),
        level=min((law.level, *(question.level for question in own)), key=LEVELS.index),
        verdict=min((law.verdict, *(question.verdict for question in own)), key=WRONG.index),
        order=law.order,
    )


# Answers, troubles, effects


def _alike(questions: Iterable[Judged]) -> list[list[Judged]]:
    """The questions that met the same."""
    groups: dict[tuple[str, str], list[Judged]] = {}
    for question in questions:
        met = _own(question)
        groups.setdefault(("effect", question.place) if met is None else (met.kind, met.key), []).append(question)
    return list(groups.values())


def _own(question: Judged) -> Obstacle | None:
    """What a question met itself; the last attempt speaks for all."""
    found = [met for attempt in question.attempts for met in attempt if met.kind != "rule"]
    return found[-1] if found else None


def _always(question: Judged) -> bool:
    """Whether every attempt met the same."""
    kept = [{(met.kind, met.key) for met in attempt if met.kind != "rule"} for attempt in question.attempts]
    return bool(kept) and bool(set.intersection(*kept))


def _of_group(group: Sequence[Judged], asked: Sequence[Judged], shown: Sequence[Judged]) -> list[Cause]:
    """The causes of questions that met the same: one for an answer or a trouble, one for each row without effect."""
    blockers = _blockers(group, shown)
    roots = [question for question in group if question.place not in blockers]
    met = _own(group[0])
    if met is None or met.kind == "effect":
        rows = sorted({question.surface for question in roots})
        heaps = [[question for question in roots if question.surface == row] for row in rows]
    else:
        heaps = [roots]
    causes = []
    for heap in heaps:
        places = {question.place for question in heap}
        hidden = [question for question in group if blockers.get(question.place) in places]
        causes.append(_cause(heap, hidden, asked))
    return causes


def _blockers(group: Sequence[Judged], shown: Sequence[Judged]) -> dict[str, str]:
    """The blocked questions of a group, each with the one whose red row says why."""
    suspicious = {question.place: _suspicious(question, shown) for question in group}
    ordered = sorted(group, key=lambda one: (not one.plain, len(suspicious[one.place]), len(one.parts), one.place))
    roots: list[Judged] = []
    blockers: dict[str, str] = {}
    for question in ordered:
        candidates = roots if _always(question) else []
        blocker = next((root for root in candidates if _hides(root, question, suspicious[root.place])), None)
        if blocker is None:
            roots.append(question)
        else:
            blockers[question.place] = blocker.place
    return blockers


def _hides(root: Judged, question: Judged, suspicious: frozenset[str]) -> bool:
    """Whether a question that met the same as another says nothing of its own: it leans on it, or has its parts too."""
    if root.surface == question.surface or not _may_hide(root, question):
        return False
    if root.id in question.leans_on:
        return True
    if root.endpoint != question.endpoint:
        return False
    if root.mode != question.mode:  # the same words in both modes; a cut, a hang or a missing effect says less
        return root.plain and _answered(root)
    return root.plain or (bool(question.about) and bool(suspicious) and suspicious <= question.parts)


def _answered(question: Judged) -> bool:
    """Whether the server said in words what is wrong."""
    met = _own(question)
    return met is not None and met.kind == "answer" and met.quote.endswith('"')


def _may_hide(root: "Judged | Law", question: Judged) -> bool:
    """Whether a reader who looks only at what was not expected still meets the one that hides."""
    return not root.known or root.excused or question.known


def _suspicious(question: Judged, shown: Sequence[Judged]) -> frozenset[str]:
    """What a question is about and no request has that was answered well; where each part is known to go, all of it."""
    door = (question.endpoint, question.mode)
    well = [other.parts for other in shown if (other.endpoint, other.mode) == door]
    alone = question.about.difference(*well)
    if alone:
        return alone
    return frozenset() if any(question.about <= parts for parts in well) else question.about


def _cause(roots: Sequence[Judged], hidden: Sequence[Judged], asked: Sequence[Judged]) -> Cause:
    """One cause of the rows that show it; the first of them gives it its name and its words."""
    leant_on = Counter(name for question in asked for name in question.leans_on)
    ordered = sorted(
        roots,
        key=lambda one: (
            one.known,
            not one.plain,
            LEVELS.index(one.level),
            len(one.parts),
            -leant_on[one.id],
            one.place,
        ),
    )
    first = ordered[0]
    met = _own(first) or Obstacle(kind="effect", key="")
    seen = [*roots, *hidden]
    doors = {(question.endpoint, question.mode) for question in seen}
    reached = sum((question.endpoint, question.mode) in doors for question in asked)
    return Cause(
        kind=met.kind,
        id=first.place,
        says=_says(first, met, len(seen), reached),
        quote=met.quote,
        rows=tuple(question.place for question in ordered),
        blocked=tuple(question.place for question in hidden),
        answers=(len(seen), reached),
        exchange=met.exchange,
        known=all(question.known for question in roots),
        plain=any(question.plain for question in seen),
        unreadable=any(question.unreadable for question in seen),
        level=min((question.level for question in roots), key=LEVELS.index),
        verdict=min((question.verdict for question in roots), key=WRONG.index),
        breadth=len(first.parts),
    )


TROUBLES = {
    "slow": "no byte came within the time limit",
    "cut": "the answer is cut off",
    "reset": "the connection is reset before the answer is whole",
    "malformed": "the answer is no HTTP",
    "not-json": "the body is no JSON",
    "not-a-stream": "a stream was asked for, and the body is none",
    "not-an-object": "the body is no JSON object",
    "no-content": "the message has no content",
}
"""What makes an answer unreadable, in words."""


MISSED: dict[Verdict, str] = {
    "ignored": "accepted, and nothing comes of it",
    "broken": "the answer does not hold what it owes",
    "refused": "declined",
    "partial": "only in part",
}
"""What became of an effect, by the verdict of its question."""


def _says(first: Judged, met: Obstacle, seen: int, reached: int) -> str:
    """What is wrong, in one sentence."""
    if met.kind == "effect":
        return f"{first.title}: {MISSED.get(first.verdict, 'not seen')}"
    what = TROUBLES.get(met.key, "the answer cannot be read")
    if met.kind == "answer":
        what = "the request is refused" if met.key.startswith(("4", "501")) else "the request fails"
    if not first.plain:
        return f"{first.title}: {what}"
    return f"{first.endpoint}: {what}{', every time' if seen == reached else ''}"

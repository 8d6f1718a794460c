"""Causes: what a person has to know first. One fault, named once, with all that it turned red or hid.

All of it is pure: small values in, causes out. The order in which they come in changes nothing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from conformance.judge.cause import LEVELS, SHOWN, WRONG, Cause, Explained, Judged, Law, Obstacle
from conformance.words import Verdict

NARROW = 16
"""The most parts that a question may be about to say which of them was lost: a whole session says nothing of that."""
_FEATURE = re.compile(r"[^ ~#]+")
"""A part that is a field or a block: not how an instruction begins, nor how long a text is."""


class Heap(NamedTuple):
    """Questions that met the same, those that it keeps from being judged, and the law that is why, where one is."""

    rows: list[Judged]
    hidden: list[Judged]
    law: Law | None = None


def explain(questions: Iterable[Judged], laws: Iterable[Law]) -> Explained:
    """Groups everything that went wrong; every wrong row is in exactly one cause, or blocked by exactly one."""
    asked = sorted(questions, key=lambda question: question.place)
    wrong = [question for question in asked if question.verdict in WRONG]
    shown = [question for question in asked if question.verdict in SHOWN]
    broken = sorted((law for law in laws if law.verdict in WRONG), key=lambda law: law.id)
    by_law = _by_law(wrong, shown, broken)
    hidden = [
        question for question in wrong if question.place in by_law and _hidden_by(by_law[question.place], question)
    ]
    heaps = [
        heap
        for group in _alike(question for question in wrong if question not in hidden)
        for heap in _heaps(group, shown, by_law)
    ]
    causes = [
        _of_law(
            law,
            [question for question in hidden if by_law[question.place] is law],
            [heap for heap in heaps if heap.law is law],
        )
        for law in broken
    ]
    causes += [_cause(heap, asked) for heap in _joined([heap for heap in heaps if heap.law is None])]
    ordered = tuple(sorted(causes, key=_weight))
    return Explained(ordered, {place: cause.id for cause in ordered for place in cause.blocked})


def _weight(cause: Cause) -> tuple[object, ...]:
    """What makes a cause come before another."""
    return (
        cause.known,
        cause.known and not cause.excused,
        not cause.plain,
        -len(cause.blocked),
        not cause.unreadable,
        LEVELS.index(cause.level),
        WRONG.index(cause.verdict),
        cause.kind != "rule",
        cause.order,
        cause.breadth,
        cause.id,
    )


# Laws


def _by_law(wrong: Sequence[Judged], shown: Sequence[Judged], broken: Sequence[Law]) -> dict[str, Law]:
    """The question to the broken law that is why it was not shown: the one that explains most."""
    acquitted = _acquitted(shown)
    laws = {law.id: law for law in broken if law.level != "may"}
    suspects = {question.place: _suspects(question, acquitted) & laws.keys() for question in wrong}
    explains = {name: sum(name in found for found in suspects.values()) for name in laws}

    def telling(name: str) -> tuple[int, int, str]:
        return LEVELS.index(laws[name].level), -explains[name], name

    return {place: laws[min(found, key=telling)] for place, found in suspects.items() if found}


def _hidden_by(law: Law, question: Judged) -> bool:
    """Whether a broken law keeps a question from being judged; one that makes no run fail explains it at most."""
    return law.level == "must" and (law.surface == question.surface or _may_hide(law, question))


def _acquitted(shown: Iterable[Judged]) -> set[tuple[str, str]]:
    """Keys of findings, each with the part of the answer where a question looked and was shown all the same."""
    return {(key, part) for question in shown for key in question.marks for part in (*question.shows, "")}


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


def _of_law(law: Law, explained: Sequence[Judged], heaps: Sequence[Heap]) -> Cause:
    """The cause that a broken law is, of the questions that it hides and of those that stay red beside it."""
    own = [question for question in explained if question.surface == law.surface]
    hidden = [question for question in explained if question.surface != law.surface]
    own += [question for heap in heaps for question in heap.rows]
    hidden += [question for heap in heaps for question in heap.hidden]
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
        excused=law.excused or any(question.excused for question in own),
        plain=any(question.plain for question in (*own, *hidden)),
        unreadable=any(question.unreadable for question in (*own, *hidden)),
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


def _heaps(group: Sequence[Judged], shown: Sequence[Judged], by_law: Mapping[str, Law]) -> list[Heap]:
    """Questions that met the same as they make causes: one for an answer or a trouble, one for a feature that was lost,
    and one for each that a law explains.
    """
    met = _own(group[0])
    unnamed = met is None or (met.kind == "effect" and not met.gives_back)
    if met is None or met.kind == "effect":  # that a request is taken proves nothing of what came of it
        looks = frozenset[str]().union(*(question.looks for question in group))
        shown = [question for question in shown if question.looks & looks]
    blockers = _blockers(group, shown)
    roots = [question for question in group if question.place not in blockers]
    with_law = [question for question in roots if question.place in by_law]
    rest = [question for question in roots if question.place not in by_law]
    features = _of_one_feature(rest, shown) if unnamed else [rest]
    return [
        Heap(rows, [question for question in group if blockers.get(question.place) in {row.place for row in rows}], law)
        for rows, law in [
            *(([one], by_law[one.place]) for one in with_law),
            *((rows, None) for rows in features if rows),
        ]
    ]


def _joined(heaps: Sequence[Heap]) -> list[Heap]:
    """The heaps, where bad requests that are accepted are one, and those that fail in words of their own."""
    rest = [heap for heap in heaps if not _lot(heap)]
    for lot in sorted({lot for heap in heaps if (lot := _lot(heap))}):
        rest.append(Heap([row for heap in heaps if _lot(heap) == lot for row in heap.rows], []))
    return rest


def _lot(heap: Heap) -> tuple[Verdict, bool] | None:
    """What becomes of the bad requests that a heap is made of alone, and whether that is known; nothing for others."""
    first = heap.rows[0]
    alike = all(row.refuses and row.verdict == first.verdict for row in heap.rows) and not heap.hidden
    counts = first.verdict == "ignored" or (first.verdict == "broken" and all(map(_answered, heap.rows)))
    return (first.verdict, all(row.known for row in heap.rows)) if alike and counts else None


def _of_one_feature(roots: Sequence[Judged], shown: Sequence[Judged]) -> list[list[Judged]]:
    """Questions without effect by what they lost: those that share a field or block which no answer ever showed are one
    fault (every picture, every document); the rest is in its row.
    """
    lost = {row: frozenset[str]() for row in sorted({question.surface for question in roots})}
    for question in roots:
        if len(question.about) <= NARROW:
            lost[question.surface] |= {part for part in _suspicious(question, shown) if _FEATURE.fullmatch(part)}
    heaps = []
    while lost:
        shared = Counter(part for parts in lost.values() for part in parts)
        part = min(shared, key=lambda one: (-shared[one], one), default=None)
        rows = {row for row, parts in lost.items() if part in parts} or {next(iter(lost))}
        heaps.append([question for question in roots if question.surface in rows])
        lost = {row: parts for row, parts in lost.items() if row not in rows}
    return heaps


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


def _cause(heap: Heap, asked: Sequence[Judged]) -> Cause:
    """One cause of the rows that show it; the first of them gives it its name and its words."""
    roots, hidden = heap.rows, heap.hidden
    leant_on = Counter(name for question in asked for name in question.leans_on)
    ordered = sorted(
        roots,
        key=lambda one: (
            not one.plain,
            LEVELS.index(one.level),
            -leant_on[one.id],
            not one.about and not one.refuses,  # what is the order of known parts names none that is refused
            len(one.about),
            len(one.parts),
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
        says=_says(first, met, len(seen), reached) + _others(ordered),
        quote=met.quote,
        rows=tuple(question.place for question in ordered),
        blocked=tuple(question.place for question in hidden),
        answers=(len(seen), reached),
        exchange=met.exchange,
        known=all(question.known for question in roots),
        excused=any(question.excused for question in roots),
        plain=any(question.plain for question in seen),
        unreadable=any(question.unreadable for question in seen),
        level=min((question.level for question in roots), key=LEVELS.index),
        verdict=min((question.verdict for question in roots), key=WRONG.index),
        breadth=len(first.parts),
    )


def _others(ordered: Sequence[Judged]) -> str:
    """How many more bad requests are accepted, or fail in other words than the first."""
    first = ordered[0]
    if not all(row.refuses and row.verdict == first.verdict for row in ordered):
        return ""
    if first.verdict == "ignored":
        return _more(len({row.id for row in ordered}) - 1, "accepted")
    words = {row.id: met.key for row in ordered if (met := _own(row)) is not None}
    return _more(sum(key != words.get(first.id) for key in words.values()), "answered with other failures")


def _more(others: int, what: str) -> str:
    if not others:
        return ""
    return f"; {others} more bad request{' is' if others == 1 else 's are'} {what}"


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
    "ignored": "accepted, but it is not so",
    "broken": "answered, but not all of it is so",
    "refused": "declined",
    "partial": "only in part",
}
"""What became of an effect, by the verdict of its question."""


def _says(first: Judged, met: Obstacle, seen: int, reached: int) -> str:
    """What is wrong, in one sentence."""
    if met.kind == "effect":
        if met.gives_back:
            return f"{first.title}: the answer is the text of a {met.gives_back} of the request"
        missed = MISSED.get(first.verdict, "not seen")
        if first.verdict == "ignored" and met.key.endswith(" status"):
            missed = "another status comes" if met.quote else "accepted all the same"
        return f"{first.title}: {missed}"
    what = TROUBLES.get(met.key, "the answer cannot be read")
    if met.kind == "answer":
        what = "the request is refused" if met.quote.startswith(("4", "501")) else "the request fails"
    if not first.plain:
        return f"{first.title}: {what}"
    return f"{first.endpoint}: {what}{', every time' if seen == reached else ''}"

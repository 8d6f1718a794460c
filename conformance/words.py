"""The words of the suite: the closed vocabularies that every room shares, in their documented order."""

from typing import Literal, get_args

Mode = Literal["json", "stream"]
"""How an answer is asked for: one JSON body, or server-sent events."""

Level = Literal["must", "should", "may"]
"""How much a broken law or a missing effect weighs."""

Kind = Literal["obligation", "invariant", "witnessed", "tendency"]
"""The shape of a case's claim, which decides what one observation proves."""

Tier = Literal["core", "feature", "hosted"]
"""Who can be expected to have a row: any compatible server, some, or the vendor's own cloud only."""

Verdict = Literal[
    "broken", "ignored", "refused", "partial", "supported", "error", "inconclusive", "not-run", "not-applicable"
]
"""What a case or a rule says about a target; observed verdicts first, worst first."""

Status = Literal["as-expected", "documented-gap", "known-gap", "regression", "improvement", "new"]
"""How a verdict relates to what was expected of this target."""

SdkTestimony = Literal["accepts", "rejects", "misreads"]
"""What the official SDK made of the recorded bytes."""

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
OBSERVED: tuple[Verdict, ...] = VERDICTS[:5]
MODES: tuple[Mode, ...] = get_args(Mode)
STATUSES: tuple[Status, ...] = get_args(Status)


def worst(verdicts: "set[Verdict] | frozenset[Verdict]") -> Verdict:
    """The verdict that a set of verdicts comes down to: the worst observed one, or the first of the unobserved."""
    return min(verdicts, key=VERDICTS.index, default="not-run")

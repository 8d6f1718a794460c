"""The words of the suite: the closed vocabularies that every room shares, in their documented order."""

from typing import Literal, get_args

Mode = Literal["json", "stream"]
"""How an answer is asked for: one JSON body, or server-sent events."""

Level = Literal["must", "should", "may"]
"""How much a broken law or a missing effect weighs."""

ConformanceLevel = Literal["basic", "agent", "full"]
"""How far an endpoint carries a client: plain answers, an agent's session of hours, everything that is core."""

Basis = Literal["recorded", "sdk", "documented", "client", "inferred"]
"""On what a claim about the API rests: the real API did it, the official SDK's types or behaviour say it, the
documentation says it, a real client breaks without it, or it only follows from the rest."""

Size = Literal["normal", "large"]
"""What asking costs: a large case is asked with `--thorough` only."""

Kind = Literal["obligation", "invariant", "witnessed", "tendency", "journey"]
"""The shape of a case's claim, which decides what one observation proves."""

OBEYED_KINDS: tuple[Kind, ...] = ("witnessed", "journey")
"""Kinds whose effect a model has to do its part for, so that a control must show that it does."""

NeedLevel = Literal["blocks", "degrades"]
"""Whether a client stops without what it needs, or goes on with less."""

NeedState = Literal["missing", "unverified", "met"]
"""What a question, or all questions of a need, come to; worst first."""

Tier = Literal["core", "feature", "hosted"]
"""Who can be expected to have a row: any compatible server, some, or the vendor's own cloud only."""

Verdict = Literal[
    "broken", "ignored", "refused", "partial", "supported",
    "error", "blocked", "inconclusive", "not-run", "not-applicable",
]  # fmt: skip
"""What a case or a rule says about a target; observed verdicts first, worst first."""

Unjudged = Literal["", "too-long", "twin-failed"]
"""Why a question was not judged, where more depends on it than its sentence: its prompt does not fit into the server's
window, or the accepted twin of a refusal failed."""

Status = Literal["as-expected", "documented-gap", "known-gap", "regression", "improvement", "new", "disputed"]
"""How a verdict relates to what was expected of this target."""

SdkTestimony = Literal["accepts", "rejects", "misreads"]
"""What the official SDK made of the recorded bytes."""

ReadinessVerdict = Literal["ready", "ready with limits", "not ready", "not verified"]
"""What the client of a profile can expect of an endpoint."""

READINESS_VERDICTS: tuple[ReadinessVerdict, ...] = get_args(ReadinessVerdict)
CONFORMANCE_LEVELS: tuple[ConformanceLevel, ...] = get_args(ConformanceLevel)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
OBSERVED: tuple[Verdict, ...] = VERDICTS[:5]
UNVERIFIED: tuple[Verdict, ...] = ("blocked", "inconclusive", "not-run")
"""Asked or owed, and nothing was learned about the endpoint; what `--strict` does not forgive."""
MODES: tuple[Mode, ...] = get_args(Mode)
STATUSES: tuple[Status, ...] = get_args(Status)


def worst(verdicts: "set[Verdict] | frozenset[Verdict]") -> Verdict:
    """The verdict that a set of verdicts comes down to: the worst observed one, or the first of the unobserved."""
    return min(verdicts, key=VERDICTS.index, default="not-run")

"""The verdict of a case: one pure, total function of the facts of its attempts."""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from conformance.words import OBEYED_KINDS, Kind, Level, Unjudged, Verdict

Observation = Literal[
    "unreadable",  # not JSON, cut, hung, 5xx, content lost: nothing in the answer can be trusted
    "contradicted",  # the feature is there, and a MUST that the answer owes about it is not
    "absent",  # a well-formed 200 without the effect; for a refusal: a 200 where the API refuses
    "declined",  # a 4xx or 501 where an answer was asked for
    "too-long",  # a 4xx that says that the prompt does not fit into the server's window
    "too-much",  # more of an answer than is read of one, where a long one was asked for
    "garbled",  # an answer that holds a part of the word that it was to repeat: the model read it, and copied it badly
    "weak",  # only a SHOULD does not hold; for a refusal: another status or error type than the API's
    "shown",  # every effect was seen; for a refusal: refused as the API refuses
    "stopped",  # an answer that ends with its thought, where words were asked for
    "unelicited",  # the premise never arose: the model did not do its part
    "held-up",  # the suite itself was too late where time decides: its machine was busy
    "slow",  # no byte within the timeout
    "rate-limited",  # 429, 529 or 503 until the retries were exhausted
    "unreachable",  # no connection
    "error",  # our own fault
]
"""What one attempt showed, worst first."""

SHOWN: tuple[Observation, ...] = ("shown", "weak")
"""What counts as the feature having been seen."""

ControlResult = Literal["none", "shown", "failed"]
"""What a control or twin said: there is none, it did its part, or it did not."""


class Facts(Struct, frozen=True, kw_only=True):
    """All that a verdict follows from."""

    kind: Kind
    level: Level
    attempts: tuple[Observation, ...]
    control: ControlResult = "none"
    twin: ControlResult = "none"
    control_thinks: bool = False
    """Whether its control asks for thinking too: a model that stops after its thought fails that one as well."""
    capable: bool | None = True
    """Whether the target has what the case needs; None where nobody knows."""
    guessable: bool = False
    """Whether a model that was never shown the thing could say what a witnessed effect asks for, as with a colour."""
    scripted: bool = False
    """Whether the scripted model is known to answer, which always does its part."""
    controlled: bool = False
    """Whether the question needs that model as its upstream, and has it: whatever is copied badly, it did not."""
    shown_otherwise: bool = False
    """Whether the other mode of the question showed it."""
    instead: str = ""
    """What the last answer held in place of what was asked for, in words."""
    dropped: bool = False
    """The usage proves that the content never reached the model."""
    inapplicable: str = ""
    """Why the question does not arise at this target or version."""
    prevented: str = ""
    """Why the question was not asked: budget, interruption, a dependency."""


class Judgement(Struct, frozen=True):
    """A verdict and the reason for it, in words."""

    verdict: Verdict
    reason: str = ""
    unjudged: Unjudged = ""


TWIN_FAILED = "its accepted twin failed, so a refusal would prove nothing"
GARBLED = Judgement("inconclusive", "the model read the word, and copied it badly")


def decide(facts: Facts) -> Judgement:
    """The verdict that the facts amount to."""
    if facts.inapplicable:
        return Judgement("not-applicable", facts.inapplicable)
    if facts.prevented:
        return Judgement("not-run", facts.prevented)
    if facts.twin == "failed":
        return Judgement("not-run", TWIN_FAILED, "twin-failed")
    facts = _settled(facts)
    judgement = _observed(facts) or _unobserved(facts)
    readable = "unreadable" not in facts.attempts and set(facts.attempts) != {"slow"}  # a hang is no answer either
    if facts.level == "may" and readable and judgement.verdict in ("broken", "ignored", "refused"):
        return Judgement("partial", f"{judgement.reason}; the API leaves this open")
    return judgement


def _settled(facts: Facts) -> Facts:
    """The facts with each attempt that stopped after its thought counted as the model's doing, or as an effect missed.

    Small models stop there. One that went on in a control that asks for thinking too does not.
    """
    if "stopped" not in facts.attempts:
        return facts
    silent: Observation = "absent" if facts.control_thinks and facts.control == "shown" else "unelicited"
    attempts = tuple(silent if one == "stopped" else one for one in facts.attempts)
    return replace(facts, attempts=attempts)


def _observed(facts: Facts) -> Judgement | None:
    """The verdict where at least one attempt says something about the server."""
    seen = frozenset(facts.attempts)
    if "unreadable" in seen:
        return Judgement("broken", "an answer could not be read")
    obeyed = facts.kind in OBEYED_KINDS
    if facts.control == "failed" and not obeyed and seen & {"absent", "contradicted", "weak", "shown"}:
        return Judgement("inconclusive", f"its control failed: {_whose(facts)}")
    if facts.control == "failed" and "contradicted" in seen:  # a model that fails the plain request owes no details
        return Judgement("inconclusive", f"its control failed: {_whose(facts)}")
    if facts.control == "failed" and facts.guessable and seen & {"weak", "shown"}:
        return Judgement("inconclusive", "its control failed: what was shown may be a guess")
    if "contradicted" in seen:
        return Judgement("broken", "it works, but the answer lacks something that the API requires")
    if obeyed and "shown" in seen:
        return Judgement("supported")
    if obeyed and "weak" in seen:
        return Judgement("partial", "only a SHOULD does not hold")
    if "absent" in seen or ("garbled" in seen and facts.controlled):
        return _silent(facts)
    if "declined" in seen:
        return Judgement("refused", "declined with a client error")
    if "weak" in seen:
        return Judgement("partial", "only a SHOULD does not hold")
    if "shown" in seen:
        return Judgement("supported")
    return None


def _silent(facts: Facts) -> Judgement:
    """Accepted with a well-formed 200, and the effect is not there: whose doing is it?"""
    if facts.dropped:
        return Judgement("ignored", "accepted, and dropped: the usage is that of the request without it")
    if "garbled" in facts.attempts and not facts.controlled:
        return GARBLED
    if facts.kind == "journey" and not facts.scripted:
        return Judgement("inconclusive", "a model may lose its way in a long conversation")
    if facts.capable is None:
        return Judgement("inconclusive", "accepted without effect, and nobody knows whether this model can do it")
    if facts.kind in OBEYED_KINDS and facts.control != "shown":
        return Judgement("inconclusive", "never shown, and no control shows that this model does its part")
    if facts.kind == "witnessed" and facts.shown_otherwise and not facts.scripted:
        return Judgement("inconclusive", "not shown here, but in the other mode: it may be the model's chance")
    return Judgement("ignored", "accepted, and the effect is not there")


def _whose(facts: Facts) -> str:
    """Who did not do its part, as far as that is known, and what was there instead."""
    if facts.scripted:
        whose = "the scripted model does its part, so that is the doing of the server"
    else:
        whose = "the model did not do its part, or the server lost it"
    return f"{whose}; instead: {facts.instead}" if facts.instead else whose


def _unobserved(facts: Facts) -> Judgement:
    """The verdict where no attempt says anything about the server."""
    seen = frozenset(facts.attempts)
    if "too-long" in seen:
        return Judgement("not-run", "the prompt does not fit into this server's window", "too-long")
    if "too-much" in seen:
        return Judgement("not-run", "the answer is longer than what is read of one")
    if "garbled" in seen:
        return GARBLED
    if "unelicited" in seen:
        return Judgement("inconclusive", f"the premise never arose: {_whose(facts)}")
    if "held-up" in seen:
        return Judgement("inconclusive", "time decides, and the suite itself was held up: its machine was busy")
    if seen == {"slow"} and len(facts.attempts) > 1 and (facts.twin == "shown" or facts.control == "shown"):
        return Judgement("broken", "never answered in time, where its twin did")
    if "slow" in seen:
        return Judgement("not-run", "too slow")
    if "rate-limited" in seen:
        return Judgement("not-run", "rate limited")
    if "unreachable" in seen:
        return Judgement("error", "the endpoint could not be reached")
    if "error" in seen:
        return Judgement("error", "the suite itself failed")
    return Judgement("not-run", "not asked")


def decide_rule(level: Level, seen: int, violations: int) -> Verdict:
    """The verdict of a rule over all answers of a run: an invariant, so one counter-example is final."""
    if seen == 0:
        return "inconclusive"
    if violations == 0 or level == "may":
        return "supported"
    return "broken" if level == "must" else "partial"

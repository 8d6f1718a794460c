"""Sequences of requests as a state machine of hypothesis, and how a search ends at the first law that one breaks."""

from collections.abc import Callable

from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis import seed as seeded
from hypothesis.errors import FlakyFailure
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from conformance.fuzz.laws import BrokenLaw, Known

STEPS = 8
"""Steps of one sequence."""
Seen = Callable[[BrokenLaw], None]
"""Is given each law that a sequence breaks."""
Machine = Callable[[Seen], type[RuleBasedStateMachine]]


class SeenError(Exception):
    """A law was broken: what hypothesis shrinks."""


def unattended(examples: int) -> settings:
    """Hypothesis' settings for a search that depends on its seed alone, and reports one failure, the smallest."""
    return settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
    )


def first_broken(machine: Machine, *, seed: int, count: int, known: Known) -> BrokenLaw | None:
    """The first law that sequences break and nothing known explains, after the fewest steps."""
    smallest: list[BrokenLaw] = []

    def seen(broken: BrokenLaw) -> None:
        if known.explains(broken) or (smallest and broken.law != smallest[0].law):
            return
        smallest[1:] = [broken]  # the first stays: what is shrunk is its law
        raise SeenError

    limits = settings(unattended(count), stateful_step_count=STEPS)
    try:
        run_state_machine_as_test(seeded(seed)(machine(seen)), settings=limits)
    except (SeenError, FlakyFailure):
        return smallest[-1]
    return None

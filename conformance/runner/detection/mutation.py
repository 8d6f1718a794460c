"""The mutants: recorded correct exchanges, each changed in one place, judged without a network."""

from msgspec import Struct


class MutantFigures(Struct, frozen=True):
    """What became of the mutants."""

    counts: dict[str, int]
    silent: list[str]
    equivalent: dict[str, str]


def mutant_figures() -> MutantFigures:
    """The figures of all generated mutants."""
    return MutantFigures({"killed": 0, "of": 0, "equivalent": 0}, [], {})

"""The detection figures as computed: each fault's outcome, the summaries, and what must not get worse."""

from collections.abc import Mapping, Sequence

from conformance.detection.sweep import Worse
from conformance.engine.scripted_process import NamedFault
from conformance.runs.detection import Detection, FaultFigure, Outcome

KILLED_SHARE = 0.95
"""Of the mutants that are violations, at least."""


def figure_of(fault: NamedFault, worse: Sequence[Worse], reasons: Sequence[str]) -> FaultFigure:
    """What the worse rows amount to; `reasons` are the rules and cases that rightly kill this fault."""
    rules = sorted({row.id for row in worse if row.mode == ""})
    cases = sorted({row.id for row in worse if row.mode != ""})
    outcome: Outcome
    if fault.strength == "note":
        outcome = "false alarm" if worse else "note"
    elif not worse:
        outcome = "silent"
    else:
        outcome = "killed" if {*rules, *cases} & set(reasons) else "foreign"
    return FaultFigure(id=fault.id, says=fault.says, strength=fault.strength, outcome=outcome, rules=rules, cases=cases)


def summary(figures: Sequence[FaultFigure]) -> dict[str, int]:
    """Killed, of how many, and what of the rest."""
    faults = [figure for figure in figures if figure.strength == "fault"]
    return {
        "killed": sum(figure.outcome == "killed" for figure in faults),
        "of": len(faults),
        "foreign": sum(figure.outcome == "foreign" for figure in faults),
        "silent": sum(figure.outcome == "silent" for figure in faults),
        "false_alarms": sum(figure.outcome == "false alarm" for figure in figures),
    }


def got_worse(now: Detection, before: Detection | None) -> list[str]:
    """What CI must not let pass: a kill gone silent or foreign, any false alarm, fewer mutants killed."""
    outcomes = {figure.id: figure.outcome for figure in before.each_fault} if before else {}
    complaints = [
        f"{figure.id} was killed and is {figure.outcome} now: {figure.says}"
        for figure in now.each_fault
        if outcomes.get(figure.id) == "killed" and figure.outcome != "killed"
    ]
    complaints += [
        f"{figure.id} is {figure.outcome}: {', '.join(figure.rules + figure.cases)}"
        for figure in now.each_fault
        if figure.outcome in ("foreign", "false alarm") and outcomes.get(figure.id) != "killed"
    ]
    complaints += [
        f"legal variant {figure.id} ({figure.says}) raises {', '.join(figure.alarms)}"
        for figure in now.each_variant
        if figure.alarms
    ]
    complaints += [
        f"odd model {figure.id} ({figure.says}) is held against the server by {', '.join(figure.alarms)}"
        for figure in now.each_model
        if figure.alarms
    ]
    complaints += [f"mutant {name} is legal and raises {', '.join(rules)}" for name, rules in now.mutant_alarms.items()]
    if share(now.mutants) < (share(before.mutants) if before else KILLED_SHARE):
        complaints.append(f"mutants killed: {now.mutants}, which is less than it was")
    return complaints


def share(mutants: Mapping[str, int]) -> float:
    """Killed among those that are violations at all."""
    return mutants.get("killed", 0) / (mutants.get("of", 0) or 1)


BEGIN, END = "<!-- detection: written by `nox -s detect` from reports/detection.json -->", "<!-- end of detection -->"


def with_figures(page: str, figures: Detection) -> str:
    """A page whose detection block says these figures; a page without the block stays as it is."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    return f"{head}{begin}\n{in_words(figures)}\n{end}{tail}" if begin and end else page


def in_words(figures: Detection) -> str:
    """The three figures as a table."""
    faults, variants, models, mutants = figures.faults, figures.variants, figures.models, figures.mutants
    return "\n".join(
        [
            "| what | figure |",
            "|---|---|",
            f"| faults killed, each for its own reason | {faults['killed']} of {faults['of']} |",
            f"| legal variants that raise an alarm | {variants['false_alarms']} of {variants['of']} |",
            f"| odd models held against the server | {models.get('false_alarms', 0)} of {models.get('of', 0)} |",
            f"| mutants killed | {mutants['killed']} of {mutants['of']}, and {mutants['equivalent']} equivalent |",
        ]
    )

"""The detection figures as computed: each fault's outcome, the summaries, and what must not get worse."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from conformance.detection.client_figures import misjudged, table, true_first
from conformance.detection.sweep import Worse
from conformance.engine.scripted_process import NamedFault
from conformance.runs.detection import AlarmFigure, Detection, FaultFigure, FaultOutcome
from conformance.runs.log import CauseRow

KILLED_SHARE = 0.95
"""Of the mutants that are violations, at least."""


NAMED_SHARE = 0.95
"""Of the faults that are named first, at least; and of those with few red rows."""
SLACK = 0.02
"""By so much a share may differ between two runs: what a clock decides is not the same twice."""
FEW = 5
"""Red rows of one fault that a reader still takes in."""


class FirstView(Struct, frozen=True):
    """The first cause and the red rows of a run against one fault."""

    first: str = ""
    """The first cause."""
    named: bool = False
    red_rows: tuple[str, ...] = ()
    blocked: int = 0


NOT_VIEWED = FirstView()


def first_view(worse: Sequence[Worse], causes: Sequence[CauseRow], own: Sequence[str]) -> FirstView:
    """The first cause of a fault's run: `worse` are its rows as the causes left them, `own` names it at once."""
    places = {row.place for row in worse}
    due = [cause for cause in causes if places & set(cause.rows)]
    names = {name.partition("[")[0] for cause in due[:1] for name in (cause.id, *cause.rows[:1])}
    return FirstView(
        first=due[0].id if due else "",
        named=bool(names & set(own)),
        red_rows=tuple(sorted({row.surface for row in worse})),
        blocked=sum(cause.blocked for cause in due),
    )


def figure_of(
    fault: NamedFault, worse: Sequence[Worse], reasons: Sequence[str], view: FirstView = NOT_VIEWED
) -> FaultFigure:
    """The figure of a fault from its worse rows; `reasons` are the rules and cases that rightly kill it."""
    rules = sorted({row.id for row in worse if row.mode == ""})
    cases = sorted({row.id for row in worse if row.mode != ""})
    outcome: FaultOutcome
    if fault.strength == "note":
        outcome = "false alarm" if worse else "note"
    elif not worse:
        outcome = "silent"
    else:
        outcome = "killed" if {*rules, *cases} & set(reasons) else "foreign"
    return FaultFigure(
        id=fault.id,
        says=fault.says,
        strength=fault.strength,
        outcome=outcome,
        rules=rules,
        cases=cases,
        first=view.first,
        named=view.named,
        red_rows=list(view.red_rows),
        blocked=view.blocked,
    )


def naming(figures: Sequence[FaultFigure]) -> dict[str, int]:
    """The number of faults that the first cause names, of all that turn a row red."""
    met = _met(figures)
    return {"first": sum(figure.named for figure in met), "of": len(met)}


def redness(figures: Sequence[FaultFigure]) -> dict[str, int]:
    """The number of rows that one fault turns red: the median, and for how many faults they are few."""
    reds = sorted(len(figure.red_rows) for figure in _met(figures))
    return {
        "median": reds[len(reds) // 2] if reds else 0,
        "at_most_five": sum(red <= FEW for red in reds),
        "of": len(reds),
    }


def _met(figures: Sequence[FaultFigure]) -> list[FaultFigure]:
    return [figure for figure in figures if figure.strength == "fault" and figure.outcome != "silent"]


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


def joined(before: Detection, now: Detection) -> Detection:
    """The figures of a whole detection, in which those of some faults, variants and models are measured anew."""

    def newest(name: str) -> list[Any]:
        figures = {figure.id: figure for one in (before, now) for figure in getattr(one, name)}
        return list(figures.values())

    return summed(
        replace(
            before,
            each_fault=newest("each_fault"),
            each_variant=newest("each_variant"),
            each_model=newest("each_model"),
            each_client=newest("each_client"),
        )
    )


def summed(figures: Detection) -> Detection:
    """The figures with the summaries of each fault, variant, model and client; those of the mutants as they are."""
    return replace(
        figures,
        faults=summary(figures.each_fault),
        named=naming(figures.each_fault),
        red_rows=redness(figures.each_fault),
        variants=_alarmed(figures.each_variant),
        models=_alarmed(figures.each_model),
        readiness=table(figures.each_client),
        first_reasons=true_first(figures.each_client),
    )


def _alarmed(figures: Sequence[AlarmFigure]) -> dict[str, int]:
    """The variants or models that raise an alarm, of how many."""
    return {"false_alarms": sum(bool(figure.alarms) for figure in figures), "of": len(figures)}


def got_worse(now: Detection, before: Detection | None) -> list[str]:
    """The regressions that fail CI: a kill gone silent or foreign, a new false alarm, fewer mutants killed.

    What the committed figures show as open stays visible in them, and may only become less.
    """
    outcomes = {figure.id: figure.outcome for figure in before.each_fault} if before else {}
    complaints = [
        f"{figure.id} was killed and is {figure.outcome} now: {figure.says}"
        for figure in now.each_fault
        if outcomes.get(figure.id) == "killed" and figure.outcome != "killed"
    ]
    complaints += [
        f"{figure.id} is {figure.outcome}: {', '.join(figure.rules + figure.cases)}"
        for figure in now.each_fault
        if figure.outcome in ("foreign", "false alarm") and outcomes.get(figure.id) not in ("killed", figure.outcome)
    ]
    complaints += [
        f"legal variant {figure.id} ({figure.says}) raises {', '.join(fresh)}"
        for figure in now.each_variant
        if (fresh := _fresh(figure, before.each_variant if before else []))
    ]
    complaints += [
        f"odd model {figure.id} ({figure.says}) is held against the server by {', '.join(fresh)}"
        for figure in now.each_model
        if (fresh := _fresh(figure, before.each_model if before else []))
    ]
    complaints += [f"mutant {name} is legal and raises {', '.join(rules)}" for name, rules in now.mutant_alarms.items()]
    complaints += _shares(now, before)
    if share(now.mutants) < (share(before.mutants) if before else KILLED_SHARE):
        complaints.append(f"mutants killed: {now.mutants}, which is less than it was")
    known = misjudged(before.each_client) if before else []
    return complaints + [line for line in misjudged(now.each_client) if line not in known]


def _fresh(figure: AlarmFigure, before: Sequence[AlarmFigure]) -> list[str]:
    """The alarms of a variant or an odd model that the figures before did not have."""
    known = {alarm for earlier in before if earlier.id == figure.id for alarm in earlier.alarms}
    return [alarm for alarm in figure.alarms if alarm not in known]


def _shares(now: Detection, before: Detection | None) -> list[str]:
    """What a reader of any run relies on, the cause first and few rows red: as wanted, or no worse than it was."""
    found = []
    named, red = _share_of(now.named, "first"), _share_of(now.red_rows, "at_most_five")
    was_named = _share_of(before.named, "first") if before else 1.0
    was_red = _share_of(before.red_rows, "at_most_five") if before else 1.0
    if named < min(NAMED_SHARE, was_named - SLACK):
        found.append(f"faults named first: {now.named}, which is less than it was, and less than {NAMED_SHARE:.0%}")
    if now.red_rows.get("median", 0) > 1 or red < min(NAMED_SHARE, was_red - SLACK):
        found.append(f"red rows of one fault: {now.red_rows}; the median is to be 1, and {FEW} enough for 95 %")
    return found


def _share_of(figures: Mapping[str, int], name: str) -> float:
    """A share of figures that were measured; all of it where none were."""
    return figures[name] / figures["of"] if figures.get("of") else 1.0


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
    """The figures as a table."""
    faults, variants, models, mutants = figures.faults, figures.variants, figures.models, figures.mutants
    return "\n".join(
        [
            "| what | figure |",
            "|---|---|",
            f"| faults killed, each for its own reason | {faults['killed']} of {faults['of']} |",
            *_naming_in_words(figures),
            f"| legal variants that raise an alarm | {variants['false_alarms']} of {variants['of']} |",
            f"| odd models held against the server | {models.get('false_alarms', 0)} of {models.get('of', 0)} |",
            f"| mutants killed | {mutants['killed']} of {mutants['of']}, and {mutants['equivalent']} equivalent |",
            *_gateway_in_words(figures.gateway),
            *_reasons_in_words(figures.first_reasons),
            *_clients_in_words(figures.readiness),
        ]
    )


def _naming_in_words(figures: Detection) -> list[str]:
    """What a reader meets of a fault; nothing of figures that are older than this measure."""
    named, red = figures.named, figures.red_rows
    if not named or not red:
        return []
    few = f"{red['at_most_five']} of {red['of']}"
    return [
        f"| faults that the first cause of a run names | {named['first']} of {named['of']} |",
        f"| rows that one fault turns red | median {red['median']}, {FEW} or fewer for {few} |",
    ]


WAYS = {"up": "requests on their way up", "down": "answers on their way down"}


def _gateway_in_words(gateway: Mapping[str, Mapping[str, int]]) -> list[str]:
    """How many of the gateway's mutants were noticed, each way."""
    return [
        f"| mutants of a gateway noticed, {WAYS[way]} "
        f"| {some['noticed']} of {some['of']}, and {some['equivalent']} equivalent |"
        for way, some in gateway.items()
    ]


def _reasons_in_words(reasons: Mapping[str, int]) -> list[str]:
    if not reasons:
        return []
    return [f"| faults that break Claude Code, told by a true reason first | {reasons['true']} of {reasons['of']} |"]


VERDICTS = ("ready", "ready with limits", "not verified", "not ready")


def _clients_in_words(readiness: Mapping[str, Mapping[str, int]]) -> list[str]:
    """What the real client did with each fault, against what readiness says of it."""
    if not readiness:
        return []
    heads = " | ".join(VERDICTS)
    rows = [
        f"| {outcome} | {' | '.join(str(counts.get(verdict, 0)) for verdict in VERDICTS)} |"
        for outcome, counts in readiness.items()
    ]
    return ["", f"| the real Claude Code, shown a fault | {heads} |", "|---|---|---|---|---|", *rows]

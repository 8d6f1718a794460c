"""Readiness compared with the real client: a profile's verdict for each fault, beside the client's outcome."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import msgspec

from conformance.catalog.load import Catalog
from conformance.catalog.select import select_profile
from conformance.engine.question import Question
from conformance.engine.readiness import readiness
from conformance.errors import UserError
from conformance.runs.detection import ClientFigure, ClientOutcome
from conformance.runs.log import CaseRow, RuleRow

FOLDER = Path(__file__).with_name("clients")
PROFILE = "claude-code"
DRIVEN = 6
"""The column of the outcomes file with those of the Claude Agent SDK."""
OUTCOMES = FOLDER / f"{PROFILE}.tsv"
MISJUDGED_SHARE = 0.03
"""Of the faults with which the client works, at most so many may be called not ready or not verified."""
TRUE_REASON_SHARE = 0.95
"""Of the faults that break the client, of at least so many a true reason is named first."""

EXPECTED: Mapping[ClientOutcome, tuple[str, ...]] = {
    "works": ("ready", "ready with limits"),
    "degraded": ("ready with limits",),
    "limited": ("ready with limits",),
    "wrong": ("not ready",),
    "fails": ("not ready",),
}
"""Outcome to the verdicts that are right; the other outcomes say nothing."""


def outcomes(file: Path = OUTCOMES) -> dict[str, ClientOutcome]:
    """Fault to what the real client did with it; UserError with the line of what cannot be read."""
    found: dict[str, ClientOutcome] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        fault, _, rest = line.partition("\t")
        try:
            outcome = msgspec.convert(rest.partition("\t")[0], ClientOutcome)
        except msgspec.ValidationError:
            known = ", ".join(get_args(ClientOutcome))
            raise UserError(f"{file.name}:{number}: the second column is none of {known}") from None
        if fault in found:
            raise UserError(f"{file.name}:{number}: {fault} stands twice")
        found[fault] = outcome
    return found


def driven_outcomes(file: Path = OUTCOMES) -> dict[str, str]:
    """Fault to what the client did when another program drove it, for the few that were tried: the last column."""
    rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return {row[0]: row[DRIVEN] for row in rows if len(row) > DRIVEN}


def with_outcomes(text: str, lines: Mapping[str, Sequence[str]]) -> str:
    """The outcomes file with other lines for these faults: the columns after the fault, the digest last."""
    head, known = [], {}
    for line in text.splitlines():
        if line.startswith("#"):
            head.append(line)
        elif line:
            known[line.partition("\t")[0]] = line
    for fault, columns in lines.items():
        known[fault] = "\t".join([fault, *columns, *known.get(fault, "").split("\t")[DRIVEN:]])
    return "".join(f"{line}\n" for line in [*head, *(known[fault] for fault in sorted(known))])


def reasons(file: Path = FOLDER / "reasons.yaml") -> dict[str, list[str]]:
    """Fault to the needs that are its true reasons."""
    return msgspec.yaml.decode(file.read_bytes(), type=dict[str, list[str]])


def questions(catalog: Catalog) -> list[Question]:
    """The questions that readiness needs of a fault."""
    return [Question(case, mode) for case, mode in select_profile(catalog, PROFILE)]


def client_figure(
    catalog: Catalog, fault: str, outcome: ClientOutcome, rows: Sequence[CaseRow | RuleRow]
) -> ClientFigure:
    """The figure of one fault: readiness, beside the client's outcome."""
    answer = readiness(PROFILE, catalog.profiles[PROFILE], rows, {})
    if answer is None:
        return ClientFigure(id=fault, outcome=outcome, verdict="not verified")
    missing = [*answer.found.missing("blocks"), *answer.found.missing("degrades")]
    unverified = answer.found.unverified if answer.verdict == "not verified" else ()
    return ClientFigure(
        id=fault,
        outcome=outcome,
        verdict=answer.verdict,
        needs=[one.need.id for one in (*missing, *unverified)],
    )


def table(figures: Sequence[ClientFigure]) -> dict[str, dict[str, int]]:
    """Outcome to verdict to the number of faults, for the outcomes that say something."""
    counted = Counter((figure.outcome, figure.verdict) for figure in figures)
    return {
        outcome: {verdict: n for (of, verdict), n in sorted(counted.items()) if of == outcome}
        for outcome in EXPECTED
        if any(of == outcome for of, _ in counted)
    }


def misjudged(figures: Sequence[ClientFigure]) -> list[str]:
    """The failures of the figures: a client that breaks and is called ready, and too many alarms where it works."""
    wrong = [figure for figure in figures if figure.verdict not in EXPECTED.get(figure.outcome, (figure.verdict,))]
    broken = [figure for figure in figures if figure.outcome in ("wrong", "fails")]
    working = [figure for figure in figures if figure.outcome == "works"]
    alarms = [figure for figure in wrong if figure.outcome == "works"]
    complaints = [_said(figure) for figure in wrong if figure.outcome != "works"]
    if len(alarms) > MISJUDGED_SHARE * len(working):
        complaints += [_said(figure) for figure in alarms]
    astray = _astray(broken)
    if len(astray) > (1 - TRUE_REASON_SHARE) * len(broken):
        complaints += [
            f"{figure.id}: the first reason is {figure.needs[:1]}, which is not the true one" for figure in astray
        ]
    return complaints


def true_first(figures: Sequence[ClientFigure]) -> dict[str, int]:
    """Faults that break the client whose first reason in print is a true one, of how many."""
    broken = [figure for figure in figures if figure.outcome in ("wrong", "fails")]
    return {"true": len(broken) - len(_astray(broken)), "of": len(broken)}


def _astray(broken: Sequence[ClientFigure]) -> list[ClientFigure]:
    told = reasons()
    return [figure for figure in broken if not set(figure.needs[:1]) & set(told.get(figure.id, ()))]


def _said(figure: ClientFigure) -> str:
    needs = f" ({', '.join(figure.needs[:3])})" if figure.needs else ""
    return f"{figure.id}: with the real client it {_DID[figure.outcome]}, and readiness says {figure.verdict}{needs}"


_DID: Mapping[ClientOutcome, str] = {
    "works": "works",
    "degraded": "costs extra requests",
    "limited": "works with limits",
    "wrong": "goes wrong",
    "fails": "fails",
}

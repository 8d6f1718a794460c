"""The end of a run, written once: obedience, readiness, counts and exit code, for everything that judges.

`run`, a resumed run, `rejudge` and the detection all end here, so that no two of them can say different things.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from conformance.catalog.load import Catalog
from conformance.catalog.profile import Profile
from conformance.catalog.prompts import CONTROLLED_UPSTREAM
from conformance.engine.events import CaseBlocked, Ended, Noted
from conformance.engine.explanation import Met, explained, met_in
from conformance.engine.lights import Wait, waits_of
from conformance.engine.question import SCRIPTED, Record
from conformance.engine.readiness import ProfileReadiness, readiness, row_of
from conformance.errors import ExitCode
from conformance.judge.verdict import Observation
from conformance.runs.expectations import Expectations, exit_code
from conformance.runs.log import Behind, CaseRow, EndRow, ObedienceRow, RuleRow
from conformance.targets.probe_model import is_probe_model
from conformance.words import Mode

OBEYED: tuple[Observation, ...] = ("shown", "weak", "contradicted")
DISOBEYED: tuple[Observation, ...] = ("unelicited", "stopped", "absent")
"""Counted over controls only: what they ask is plain, so that a server has little to lose of it."""

PRINTED = "tools.not-as-text"
"""A control whose call was printed as text was obeyed by the model, or by half: whose doing it is, it does not show."""

A_MODELS_SHARE = 0.5
"""Whoever obeys fewer of the controls is a mock, or nobody knows what."""

RATE_LIMITED_SHARE = 0.2
"""With more of the questions than this rate limited, the run says nothing about the endpoint."""

Ending = Literal["finished", "interrupted", "bad usage", "suite failed"]
"""How the asking ended: `bad usage` where the caller's own arguments kept it from beginning."""


class Terms(Struct, frozen=True, kw_only=True):
    """The terms of a run's end: strictness, forgiven improvements, profiles and expectations."""

    strict: bool = False
    allow_improvements: bool = False
    first: bool = False
    """The earlier run to compare with is not there yet: whatever is found is what later runs are compared with."""
    profiles: Mapping[str, Profile] = {}
    unasked: Mapping[str, Sequence[str]] = {}
    """Profile to its needs that are newer than the run, where an earlier one is judged again."""
    profile: str | None = None
    """The profile that was asked for: where its client is not ready, and no entry says so, the run is no success."""
    expectations: Expectations = Expectations()
    model: str = ""
    """The name of the model that was asked."""


class RunFacts:
    """The facts from which the end of a run is computed, gathered while its questions are judged."""

    def __init__(self, controls: Collection[str] = ()) -> None:
        """`controls`: the cases whose observations show whether the model obeys."""
        self.rows: list[CaseRow | RuleRow] = []
        """Every row with a verdict, so without tendencies."""
        self.waits: dict[tuple[str, Mode], list[Wait]] = {}
        """How long each question's last attempt let wait."""
        self.met: dict[tuple[str, str], Met] = {}
        """What each question met, by case and mode."""
        self.suite_failures = 0
        self._controls = controls
        self._observations: Counter[Observation] = Counter()
        self._questions = 0
        self._rate_limited = 0

    def add(self, record: Record, row: CaseRow) -> None:
        """Counts a question that was judged."""
        self._questions += 1
        self._rate_limited += record.observations[-1:] == ("rate-limited",)
        if row.kind != "tendency":
            self.rows.append(row)
            if (met := met_in(record, row)) is not None:
                self.met[row.case, row.mode] = met
        if row.case in self._controls:
            printed = any(mark.id == PRINTED for mark in row.marks)
            self._observations.update([] if printed else record.observations[-1:])  # the last decides a question
        self.waits[row.case, row.mode] = waits_of(record)

    def obedience(self) -> ObedienceRow:
        """The obedience of the model: how often it did what the controls ask."""
        asked = sum(self._observations[name] for name in (*OBEYED, *DISOBEYED))
        obeyed = sum(self._observations[name] for name in OBEYED)
        return ObedienceRow(obeyed, asked)

    @property
    def mostly_rate_limited(self) -> bool:
        return self._rate_limited > RATE_LIMITED_SHARE * self._questions


def finish(
    facts: RunFacts, terms: Terms, ending: Ending, catalog: Catalog, *, complete: bool = True
) -> tuple[list[CaseBlocked | Noted], Ended]:
    """The last events of a run: what its causes hide, the causes, its notes, then its end.

    `complete` is False where the run that is judged again was cut short.
    """
    answers = {
        name: answer
        for name, profile in terms.profiles.items()
        if (answer := readiness(name, profile, facts.rows, facts.waits, terms.unasked.get(name, ()))) is not None
    }
    found = explained(facts.rows, facts.met, catalog)
    facts.rows = found.rows
    end = EndRow(
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        counts=dict(Counter(row.verdict for row in facts.rows)),
        complete=complete and ending != "interrupted",
        exit=_code(facts, terms, ending, answers),
        behind=behind(facts.rows, terms.model, facts.obedience(), catalog),
    )
    needs = [Noted(row_of(answer, terms.profiles[name])) for name, answer in answers.items()]
    events: list[CaseBlocked | Noted] = [*map(CaseBlocked, found.blocked), *map(Noted, found.causes)]
    return [*events, Noted(facts.obedience()), *needs], Ended(end, answers)


def behind(rows: Iterable[CaseRow | RuleRow], model: str, obedience: ObedienceRow, catalog: Catalog) -> Behind | None:
    """What stands behind the endpoint: the scripted model, if it proved itself, or a model by its name.

    None where nothing was shown; a proof counts before any name.
    """
    capability = catalog.capabilities.get(CONTROLLED_UPSTREAM)
    proofs = capability.proof if capability is not None else []
    proven = any(isinstance(row, CaseRow) and row.case in proofs and row.verdict == "supported" for row in rows)
    if proven or model == SCRIPTED:
        return "scripted model"
    if not obedience.of or obedience.obeyed < A_MODELS_SHARE * obedience.of:
        return None
    return "probe model" if is_probe_model(model) else "real model"


def _code(facts: RunFacts, terms: Terms, ending: Ending, answers: Mapping[str, ProfileReadiness]) -> int:
    match ending:
        case "interrupted":
            return ExitCode.INTERRUPTED
        case "bad usage":
            return ExitCode.BAD_USAGE
        case "suite failed":
            return ExitCode.OUR_FAULT
    if facts.suite_failures or facts.mostly_rate_limited:
        return ExitCode.OUR_FAULT
    return _with_client(_found(facts.rows, terms), terms, answers)


def _with_client(code: int, terms: Terms, answers: Mapping[str, ProfileReadiness]) -> int:
    """The exit code where a client was asked for: not ready is 1, and with `--strict` not verified is 3."""
    answer = answers.get(terms.profile or "")
    if answer is None or code not in (ExitCode.AS_EXPECTED, ExitCode.NOT_VERIFIED):
        return code
    if answer.verdict == "not ready" and not terms.expectations.expects(answer.profile, answer.verdict):
        return ExitCode.UNEXPECTED
    return ExitCode.NOT_VERIFIED if answer.verdict == "not verified" and terms.strict else code


def _found(rows: Sequence[CaseRow | RuleRow], terms: Terms) -> int:
    code = exit_code(
        [row.status for row in rows],
        [row.verdict for row in rows],
        strict=terms.strict,
        allow_improvements=terms.allow_improvements,
    )
    return ExitCode.AS_EXPECTED if terms.first and code == ExitCode.UNEXPECTED else code

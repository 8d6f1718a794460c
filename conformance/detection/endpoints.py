"""Endpoints of the suite that misbehave on demand: the reference endpoint, directly and as a gateway."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import chain

from msgspec import Struct

from conformance.catalog.load import Catalog
from conformance.catalog.prompts import CONTROLLED_UPSTREAM
from conformance.detection.sweep import RunVerdicts, place, questions_for, rows_of, sweep
from conformance.engine.plan import every_question
from conformance.engine.question import Question, Record
from conformance.engine.scripted_process import NamedFault, ScriptedProcess, named_faults
from conformance.engine.target_selection import REFERENCE_MODEL, who_is_asked
from conformance.probe.asking import ServedFixtures
from conformance.runs.log import CaseRow, RuleRow
from conformance.runs.options import RunOptions
from conformance.targets.target import Target

UPSTREAM = "upstream"
"""What a fault or a variant needs that shows only in front of one."""


class Endpoint(Struct, frozen=True, kw_only=True):
    """One endpoint, and which questions each of its misdeeds is asked."""

    target: Target
    asked: Sequence[Question]
    """Of the endpoint as it is correct."""
    faults: Mapping[str, Sequence[Question]]
    variants: Mapping[str, Sequence[Question]]
    models: Mapping[str, Sequence[Question]] = {}
    lacks: Mapping[str, Sequence[str]] = {}
    """The capabilities that an odd model does not have, though the endpoint declares them of its own."""


class Swept(Struct, frozen=True):
    """The results: the correct rows by their place, their records, and the outcome of each fault."""

    correct: Mapping[tuple[str, str], CaseRow | RuleRow]
    records: Mapping[Question, Record]
    faults: Mapping[str, RunVerdicts]
    variants: Mapping[str, RunVerdicts]
    models: Mapping[str, RunVerdicts]


def endpoints(
    catalog: Catalog,
    faults: Sequence[NamedFault],
    variants: Sequence[NamedFault],
    models: Sequence[NamedFault],
    tagged: Callable[[str], Sequence[str]],
    stack: ExitStack,
    *,
    full: bool,
) -> list[Endpoint]:
    """The reference endpoint, and the gateway for what shows in front of an upstream only.

    A fault is asked the base cases and those that `tagged` gives for it, a variant the base cases; in front of the
    upstream a variant is asked what needs one. An odd model is asked every case, large ones apart, in one of its modes.
    `full` asks every case of everybody.
    """
    every = [question for question in every_question(catalog) if question.case.kind != "tendency"]
    upstream = [question for question in every if CONTROLLED_UPSTREAM in question.case.needs]

    def of_fault(fault: NamedFault) -> Sequence[Question]:
        return every if full else questions_for(catalog, tagged(fault.id))

    before = {fault.id: of_fault(fault) for fault in faults if UPSTREAM not in fault.needs}
    behind = {fault.id: of_fault(fault) for fault in faults if UPSTREAM in fault.needs}
    plain = {
        variant.id: every if full else questions_for(catalog, ())
        for variant in variants
        if UPSTREAM not in variant.needs
    }
    passing = {variant.id: every if full else upstream for variant in variants}
    small = [question for question in every if question.case.size != "large"]
    odd = {model.id: every if full else _once(small, number) for number, model in enumerate(models)}
    reference = Endpoint(
        target=who_is_asked(RunOptions(), stack, _quiet),
        asked=_all_of(questions_for(catalog, ()), *before.values(), *plain.values(), *odd.values()),
        faults=before,
        variants=plain,
        models=odd,
        lacks={model.id: model.lacks for model in models},
    )
    before_upstream = Endpoint(
        target=gateway(stack),
        asked=_all_of(*behind.values(), *passing.values()),
        faults=behind,
        variants=passing,
    )
    return [reference, before_upstream]


def _all_of(*asked: Sequence[Question]) -> list[Question]:
    """Each question once: the correct endpoint is asked what any of its misdeeds is, and no more."""
    return list(dict.fromkeys(chain.from_iterable(asked)))


def _once(every: Sequence[Question], number: int) -> list[Question]:
    """Each case in one of its modes, another one for every second model."""
    by_case: dict[str, list[Question]] = {}
    for question in every:
        by_case.setdefault(question.case.id, []).append(question)
    return [modes[(number + position) % len(modes)] for position, modes in enumerate(by_case.values())]


def behind_upstream() -> set[str]:
    """The faults that only a gateway in front of an upstream can show."""
    return {fault.id for fault in named_faults() if UPSTREAM in fault.needs}


@contextmanager
def gateway_process() -> Iterator[str]:
    """The address of the correct gateway in front of the scripted model."""
    with (
        ScriptedProcess("openai") as upstream,
        ScriptedProcess("anthropic", ["--upstream", upstream.url]) as process,
    ):
        yield process.url


def gateway(stack: ExitStack) -> Target:
    """The correct gateway in front of the scripted model."""
    url = stack.enter_context(gateway_process())
    options = RunOptions(target="reference", base_url=url, model=REFERENCE_MODEL, capability=(CONTROLLED_UPSTREAM,))
    return who_is_asked(options, stack, _quiet)


def _quiet(_: str) -> None:
    """Nobody needs to be told who is asked."""


async def ask(catalog: Catalog, endpoint: Endpoint, fixtures: ServedFixtures) -> Swept:
    """Everything that an endpoint is to be asked."""
    correct, records = await rows_of(catalog, endpoint.target, endpoint.asked, fixtures)
    prefixes = {f"/fault/{name}": questions for name, questions in endpoint.faults.items()}
    prefixes |= {f"/variant/{name}": questions for name, questions in endpoint.variants.items()}
    prefixes |= {f"/model/{name}": questions for name, questions in endpoint.models.items()}
    lacks = {f"/model/{name}": capabilities for name, capabilities in endpoint.lacks.items()}
    rows = await sweep(catalog, endpoint.target, prefixes, fixtures, lacks)
    return Swept(
        {place(row): row for row in correct.rows},
        records,
        {name: rows[f"/fault/{name}"] for name in endpoint.faults},
        {name: rows[f"/variant/{name}"] for name in endpoint.variants},
        {name: rows[f"/model/{name}"] for name in endpoint.models},
    )

"""Asks every fault, variant, odd model and mutant, and gives the outcome of each."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import msgspec

from conformance.catalog.load import Catalog
from conformance.detection.client_figures import EXPECTED, client_figure, outcomes, questions
from conformance.detection.client_servers import sessions
from conformance.detection.endpoints import Endpoint, Swept, ask, behind_upstream, endpoints, gateway
from conformance.detection.figures import figure_of, first_view, summed
from conformance.detection.mutant_figures import mutant_figures
from conformance.detection.sweep import RunVerdicts, Worse, is_honest, questions_for, red_rows, sweep, worse_rows
from conformance.engine.fixture_server import FixtureServer
from conformance.engine.scripted_process import NamedFault, named_faults, named_models, named_variants
from conformance.engine.target_selection import who_is_asked
from conformance.probe.asking import ServedFixtures
from conformance.runs.detection import AlarmFigure, ClientFigure, Detection, FaultFigure
from conformance.runs.options import RunOptions

REASONS = Path(__file__).with_name("reasons.yaml")
OWN = Path(__file__).with_name("own.yaml")


def measure(catalog: Catalog, *, only: Collection[str] = (), full: bool = False) -> Detection:
    """All figures, or those of the faults, variants and models in `only`."""
    faults, variants, models = (
        [one for one in listed if not only or one.id in only]
        for listed in (named_faults(), named_variants(), named_models())
    )
    tagged = partial(_tagged, catalog)
    with ExitStack() as stack:
        fixtures = ServedFixtures(catalog.fixtures, stack.enter_context(FixtureServer(catalog.fixtures)).url)
        swept = asyncio.run(
            _asked(catalog, endpoints(catalog, faults, variants, models, tagged, stack, full=full), fixtures)
        )
        clients = asyncio.run(_clients(catalog, only, stack, fixtures))
    each_fault = _fault_figures(faults, swept, tagged)
    each_variant = [_variant_figure(variant, swept, catalog) for variant in variants]
    each_model = [
        _alarms(model, [row for seen in swept for row in red_rows(_of(seen.models, model).rows, seen.correct)])
        for model in models
    ]
    made_from = {} if only else {question: swept[0].records[question] for question in questions_for(catalog, ())}
    mutants = mutant_figures(made_from)  # some faults alone are a look at these, and no measure of the mutants
    return summed(
        Detection(
            faults={},
            variants={},
            mutants=mutants.counts,
            each_fault=each_fault,
            each_variant=each_variant,
            each_model=each_model,
            each_client=clients,
            each_server=sessions(),
            silent_mutants=mutants.silent,
            equivalent_mutants=mutants.equivalent,
            mutant_alarms=mutants.false_alarms,
        )
    )


def _fault_figures(
    faults: Sequence[NamedFault], swept: Sequence[Swept], tagged: Callable[[str], Collection[str]]
) -> list[FaultFigure]:
    """The figure of each fault; `tagged` are the cases that name it."""
    reasons = msgspec.yaml.decode(REASONS.read_bytes(), type=dict[str, list[str]])
    own = own_of_faults()
    return [
        figure_of(
            fault,
            [row for seen in swept for row in worse_rows(_of(seen.faults, fault).rows, seen.correct)],
            [*reasons.get(fault.id, []), *tagged(fault.id)],
            first_view(
                [row for seen in swept for row in worse_rows(_of(seen.faults, fault).final, seen.correct)],
                [cause for seen in swept for cause in _of(seen.faults, fault).causes],
                own.get(fault.id, []),
            ),
        )
        for fault in faults
    ]


def _variant_figure(variant: NamedFault, swept: Sequence[Swept], catalog: Catalog) -> AlarmFigure:
    """The alarms that a legal variant raises, but for the rows that it says it makes worse."""
    worse = [row for seen in swept for row in worse_rows(_of(seen.variants, variant).rows, seen.correct)]
    return _alarms(variant, [row for row in worse if not is_honest(row, variant.worsens, catalog)])


def own_of_faults() -> dict[str, list[str]]:
    """For each fault, at most three rules and cases of which a reader learns at once what is wrong."""
    return msgspec.yaml.decode(OWN.read_bytes(), type=dict[str, list[str]])


def _of(found: Mapping[str, RunVerdicts], one: NamedFault) -> RunVerdicts:
    return found.get(one.id, RunVerdicts())


async def _asked(catalog: Catalog, every: Sequence[Endpoint], fixtures: ServedFixtures) -> list[Swept]:
    return await asyncio.gather(*(ask(catalog, endpoint, fixtures) for endpoint in every))


async def _clients(
    catalog: Catalog, only: Collection[str], stack: ExitStack, fixtures: ServedFixtures
) -> list[ClientFigure]:
    """What readiness says of each fault that the real client was shown."""
    shown = {
        fault: outcome for fault, outcome in outcomes().items() if outcome in EXPECTED and (not only or fault in only)
    }
    asked, relayed = questions(catalog), behind_upstream()
    found: dict[str, RunVerdicts] = {}
    for target, faults in (
        (who_is_asked(RunOptions(), stack, lambda _: None), [fault for fault in shown if fault not in relayed]),
        (gateway(stack), [fault for fault in shown if fault in relayed]),
    ):
        found |= await sweep(catalog, target, dict.fromkeys((f"/fault/{one}" for one in faults), asked), fixtures)
    return [client_figure(catalog, fault, outcome, found[f"/fault/{fault}"].rows) for fault, outcome in shown.items()]


def _alarms(one: NamedFault, rows: Sequence[Worse]) -> AlarmFigure:
    return AlarmFigure(id=one.id, says=one.says, alarms=sorted({row.id for row in rows}))


def _tagged(catalog: Catalog, fault: str) -> list[str]:
    """The cases that say of themselves that this fault turns them red."""
    parent = fault.partition("-")[0]  # `ER19-text` is a second deed of `ER19`
    return [case.id for case in catalog.cases.values() if {fault, parent} & set(case.faults)]

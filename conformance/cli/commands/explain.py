"""`conformance explain ID`: what a rule, a case or a row is about, where it comes from, and what turns it red."""

import argparse
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from conformance.catalog.case import Case, modes_of
from conformance.catalog.load import Catalog, load_catalog
from conformance.catalog.problem import nearest
from conformance.catalog.surface import Row
from conformance.engine.scripted_process import NamedFault, named_faults
from conformance.errors import UserError
from conformance.harmless import harmless
from conformance.judge.rules import RULES, Rule
from conformance.runs.detection import read_figures, read_readings, readings_of

DETECTION = Path("reports", "detection.json")


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "id", metavar="RULE|CASE|ROW", help="such as stream.stop-each, tools.choice.tool, request.max_tokens"
    )
    parser.add_argument("--json", action="store_true", help="for programs: a list with each thing of that name")
    parser.add_argument("--cases", metavar="DIR", type=Path, help="another folder of cases than the one that ships")


def run(arguments: argparse.Namespace) -> int:
    catalog = load_catalog(arguments.cases)
    lines = list(_explained(arguments.id, catalog))
    if arguments.json:
        print(harmless(msgspec.json.format(msgspec.json.encode(_documents(arguments.id, catalog)), indent=2).decode()))
    else:
        print(harmless("\n".join(lines)))
    return 0


def _documents(name: str, catalog: Catalog) -> list[dict[str, Any]]:
    """What `explain` says, for programs: the rule, the case and the row of that name."""
    rule, case, row = RULES.get(name), catalog.cases.get(name), catalog.rows.get(name)
    return [
        *([_rule_document(rule, catalog)] if rule else []),
        *([_case_document(case, catalog)] if case else []),
        *([_row_document(row, catalog)] if row else []),
    ]


def _rule_document(rule: Rule, catalog: Catalog) -> dict[str, Any]:
    return {
        "kind": "rule",
        "id": rule.id,
        "says": rule.law,
        "level": rule.level,
        "row": rule.surface,
        "source": rule.source,
        "basis": rule.basis,
        "turned_red_by": _caught_by(rule.id),
        "cases": [case.id for case in catalog.cases.values() if rule.id in case.rules],
    }


def _case_document(case: Case, catalog: Catalog) -> dict[str, Any]:
    origin = catalog.origins[case.id]
    return {
        "kind": "case",
        "id": case.id,
        "says": case.title,
        "level": case.level,
        "claim": case.kind,
        "modes": modes_of(case),
        "row": case.surface,
        "spec": case.spec,
        "basis": case.basis,
        "needs": case.needs,
        "control": case.control,
        "twin": case.twin,
        "within": case.within,
        "faults": case.faults,
        "file": f"{origin.file}:{origin.line}",
    }


def _row_document(row: Row, catalog: Catalog) -> dict[str, Any]:
    return {
        "kind": "row",
        "id": row.id,
        "says": row.title,
        "tier": row.tier,
        "weight": row.weight,
        "level": row.level,
        "consequence": row.consequence,
        "source": row.source,
        "unasked": row.unasked,
        "cases": [case.id for case in catalog.cases.values() if case.surface == row.id],
        "rules": [rule.id for rule in RULES.values() if rule.surface == row.id],
    }


def _explained(name: str, catalog: Catalog) -> Iterator[str]:
    if name not in RULES and name not in catalog.cases and name not in catalog.rows:
        known = [*RULES, *catalog.cases, *catalog.rows]
        says = nearest(name, known) or _of_a_fault(name) or "; `conformance list cases`, `rows` and `rules` has them"
        raise UserError(f"there is no rule, case or row {name!r}{says}")
    if name in RULES:
        yield from _rule(RULES[name], catalog)
    if name in catalog.cases:
        yield from _case(catalog.cases[name], catalog)
    if name in catalog.rows:
        yield from _row(catalog.rows[name], catalog)


def _of_a_fault(name: str) -> str:
    fault = next((one for one in named_faults() if one.id == name), None)
    return f"; it is a fault ({fault.says}): `conformance serve --fault {name}` shows it" if fault else ""


def _rule(rule: Rule, catalog: Catalog) -> Iterator[str]:
    yield f"rule {rule.id} ({rule.level})"
    yield f"  {rule.law}"
    yield f"  source ({rule.basis}): {rule.source}"
    yield f"  speaks for the row {rule.surface}, on answers of the kind {', '.join(rule.on)}"
    if rule.leniency:
        yield f"  leniency: {rule.leniency}"
    yield from _killers(_caught_by(rule.id))
    yield from _sdks(rule.id)
    yield from _asked_by("named by", [case.id for case in catalog.cases.values() if rule.id in case.rules])


def _caught_by(rule: str) -> list[str]:
    """The faults that a rule caught when detection was last measured; empty without a measurement at hand."""
    measured = read_figures(DETECTION)
    return [f"{one.id}: {one.says}" for one in measured.each_fault if rule in one.rules] if measured else []


def _case(case: Case, catalog: Catalog) -> Iterator[str]:
    origin = catalog.origins[case.id]
    yield f"case {case.id} ({case.level}, {case.kind}, {' and '.join(modes_of(case))})"
    yield f"  {case.title}"
    if case.spec is not None:
        yield f"  {case.spec.says}"
        yield f"  source{f' ({case.basis})' if case.basis else ''}: {case.spec.url}"
    yield f"  asks the row {case.surface}; {origin.file}:{origin.line}"
    for about, names in (
        ("needs", case.needs),
        ("control", [case.control]),
        ("accepted twin", [case.twin]),
        ("judged within", [case.within]),
    ):
        if any(names):
            yield f"  {about}: {', '.join(name for name in names if name)}"
    if case.note:
        yield f"  note: {case.note}"
    faults = {fault.id: fault for fault in named_faults()}
    killers = [f"{name}: {_sentence(faults.get(name))}" for name in case.faults]
    yield from _killers(killers)
    yield from _sdks(case.id, case.faults)


def _sentence(fault: NamedFault | None) -> str:
    return fault.says if fault else "the generic fault of this kind"


def _row(row: Row, catalog: Catalog) -> Iterator[str]:
    place = [row.tier, row.weight, f"level {row.level}" if row.level else "", f"since {row.since}" if row.since else ""]
    yield f"row {row.id} ({', '.join(filter(None, place))})"
    yield f"  {row.title}"
    yield f"  why {row.weight}: {row.why}"
    yield f"  without it: {row.consequence}"
    yield from (f"  source: {source}" for source in row.source)
    if row.reason:
        yield f"  its effect cannot be seen: {row.reason}"
    if row.unasked:
        yield f"  not asked: {row.unasked}"
    yield from _asked_by("cases", [case.id for case in catalog.cases.values() if case.surface == row.id])
    yield from _asked_by("rules", [rule.id for rule in RULES.values() if rule.surface == row.id])


def _killers(killers: list[str]) -> Iterator[str]:
    if killers:
        yield "  turned red by:"
        yield from (f"    {killer}" for killer in killers)


def _sdks(name: str, faults: Collection[str] = ()) -> Iterator[str]:
    """What the official SDKs make of the faults that a rule or case is about."""
    if readings := readings_of(name, read_readings(), faults):
        yield "  what the official SDKs make of answers with such a fault:"
        yield from (f"    {reading.fault}, {reading}" for reading in readings)


def _asked_by(about: str, names: list[str]) -> Iterator[str]:
    if names:
        yield f"  {about}: {', '.join(names)}"

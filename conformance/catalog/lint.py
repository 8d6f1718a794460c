"""`conformance lint`: checks across the files of a catalog, after each file has loaded.

Every question has a row and every row a question or a reason; every refusal has its accepted twin; nothing that depends
on the model's obedience can turn a server red; and something must turn each case red.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args

from msgspec import UNSET

from conformance.catalog.case import Case, Check, asks_of, modes_of, steps_of
from conformance.catalog.difference import differences
from conformance.catalog.load import PROFILES, SURFACE, Catalog
from conformance.catalog.matchers import BOUNDS, is_absence, matcher_of, pattern_mistake
from conformance.catalog.parts import leans
from conformance.catalog.problem import Problem, nearest, shown
from conformance.catalog.profile import Need, Profile, parted
from conformance.catalog.prompts import CONTROLLED_UPSTREAM, SEPARATED, conversations, is_glued, speaks
from conformance.catalog.select import SelectionError, select
from conformance.catalog.skeleton import FILL_IN, unfilled
from conformance.catalog.surface import Row
from conformance.words import OBEYED_KINDS, Basis

GENERIC = ("drop", "refuse", "accept")
"""Faults that reach every request: a field is lost, a field is refused, a refusal does not come."""
WITHOUT_SECTIONS = ("https://github.com/",)
"""Addresses of source files, whose lines move, and of issues: nothing in them has a name."""
FILLED_IN = ("model", "stream")
"""Fields that a run adds to what a case says."""
_IN_A_NONCE = re.compile(r"[a-z2-9]{1,4}")
_SAID = ("text", "thinking", "input", "partial_json")
"""Parts of an answer whose content is the model's choice."""


def lint(catalog: Catalog, rules: Mapping[str, str], faults: Collection[str]) -> list[Problem]:
    """The problems of a catalog that loads.

    `rules` maps the id of each rule to the row that it speaks for; `faults` are the ids of the named faults.
    """
    found = [
        _problem(catalog, case, says)
        for case in catalog.cases.values()
        for says in (
            *_names(catalog, case, rules),
            *(f"fill in `{key}`" for key in unfilled(case)),
            *_grounds(case),
            *_faults(case, faults),
            *_twin(catalog, case),
            *_evidence(catalog, case),
            *_prompts(case),
            *_by_chance(case),
        )
    ]
    found += _abouts(catalog)
    found += _rows(catalog, rules)
    found += _renames(catalog)
    found += _profiles(catalog, rules)
    return sorted(set(found))


def _abouts(catalog: Catalog) -> list[Problem]:
    """The files that do not say yet what their cases are about."""
    unsaid = [catalog.origins[id_].file for id_, about in catalog.abouts.items() if about.startswith(FILL_IN)]
    return [Problem(shown(file), 3, "about", "fill in `about`") for file in dict.fromkeys(unsaid)]


def _problem(catalog: Catalog, case: Case, says: str) -> Problem:
    origin = catalog.origins[case.id]
    return Problem(shown(origin.file), origin.line, case.id, says)


def _row_problem(catalog: Catalog, row: Row, says: str) -> Problem:
    origin = catalog.row_origins[row.id]
    return Problem(shown(origin.file), origin.line, row.id, says)


def _names(catalog: Catalog, case: Case, rules: Mapping[str, str]) -> Iterator[str]:
    """Words that must stand for something."""
    for row in (case.surface, *case.touches):
        if row not in catalog.rows:
            yield f"there is no row `{row}` in {SURFACE}/{nearest(row, catalog.rows)}"
    for rule in case.rules:
        if rule not in rules:
            yield f"there is no rule `{rule}`{nearest(rule, rules)}"
    for capability in (*case.needs, *case.lacks):
        if capability not in catalog.capabilities:
            yield f"there is no capability `{capability}`{nearest(capability, catalog.capabilities)}"
    yield from _leans(catalog, case)


def _grounds(case: Case) -> Iterator[str]:
    """Where a claim comes from, and on what a must rests."""
    if case.spec is None:
        yield "it has no `spec`: say where its claim comes from"
    elif case.level == "must" and "#" not in case.spec.url and not case.spec.url.startswith(WITHOUT_SECTIONS):
        yield f"a must cites its section: {case.spec.url} needs an `#anchor`"
    if case.level == "must" and case.basis is None:
        words = ", ".join(get_args(Basis))
        yield f"a must says on what it rests: give `basis`, one of {words}"


def _leans(catalog: Catalog, case: Case) -> Iterator[str]:
    """The cases that a case leans on must be answered."""
    for key, name in leans(case):
        if catalog.cases[name].refuse:
            yield f"`{key}` names {name}, which is itself refused and shows nothing"


def _faults(case: Case, faults: Collection[str]) -> Iterator[str]:
    """At least one fault, and each of them possible; a tendency has no verdict that one could turn."""
    if case.kind != "tendency" and not case.faults:
        yield "no fault turns this case red: name one, or drop:PATH, refuse:PATH, accept:CASE"
    for fault in case.faults:
        kind, colon, argument = fault.partition(":")
        if not colon:
            if fault not in faults:
                yield f"there is no fault `{fault}`{nearest(fault, faults)}"
        elif kind not in GENERIC:
            yield f"there is no fault `{fault}`{nearest(kind, GENERIC)}"
        elif kind == "accept":
            if argument != case.id or not case.refuse:
                yield f"`{fault}` makes sense in the refusal {argument} only"
        elif argument not in FILLED_IN and not any(
            _holds(part, argument.split(".")) for ask in asks_of(case) for part in (ask.body, ask.multipart)
        ):
            yield f"`{fault}` is about a field that this case does not send"


def _holds(value: Any, path: list[str]) -> bool:
    for step in path:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return False
    return True


def _twin(catalog: Catalog, case: Case) -> Iterator[str]:
    """A refusal proves something only beside a request that is accepted and differs in one thing."""
    if case.provenance == "vendor-example" and not case.twin:
        yield "a vendor's own example needs a twin in the probe language that carries the verdict"
    if not case.refuse:
        return
    if not case.twin:
        yield "a refusal needs a twin: the accepted case that differs from it in one thing"
    elif twin := catalog.cases.get(case.twin):
        places = differences(asks_of(case)[-1], asks_of(twin)[-1])
        if len(places) != 1:
            yield f"its twin {twin.id} must differ in one place; it differs in {', '.join(places) or 'none'}"


def _evidence(catalog: Catalog, case: Case) -> Iterator[str]:
    """Nothing that the model may fail to do counts against the server."""
    if case.kind == "tendency" or not case.effect:
        return
    guarded = bool(case.premise or case.control or any(step.premise for step in steps_of(case)))
    if case.kind == "journey" and case.journey is UNSET:
        yield "a case of kind journey has a `journey`, or is judged `within` one"
    if case.kind == "journey" and not case.control:
        yield "what a journey loses means nothing without a `control` that shows the model's part"
    if case.kind in OBEYED_KINDS:
        if (
            case.kind == "witnessed"
            and not case.control
            and not any(other.control == case.id for other in catalog.cases.values())
        ):
            yield "a witnessed effect that is never seen means nothing without a `control` that shows the model's part"
        return
    if guarded:
        return
    if is_absence(case.effect[0]):
        yield "its effect is an absence: without `premise` or `control` a server that does nothing passes"
    if any(_is_said(check) for check in case.effect):
        yield f"its effect is the model's choice: give `premise` or `control`, or make it `witnessed` (now {case.kind})"


def _by_chance(case: Case) -> Iterator[str]:
    """What must not be in an answer may not be in a nonce either: one with `ter` in it accused a correct server."""
    if "{nonce}" not in str(asks_of(case)):
        return
    for check in case.effect:
        name, argument = matcher_of(check)
        if name == "excludes" and isinstance(argument, str) and _IN_A_NONCE.fullmatch(argument):
            yield f"`excludes: {argument}`: a nonce may hold these letters; exclude more of them, or a capital"


def _is_said(check: Check) -> bool:
    """Whether a check looks at what the model chose to say, rather than at what the server owes."""
    name, argument = matcher_of(check)
    if "{nonce}" in str(argument):
        return True
    last = check.at.replace("[", " ").replace("|", " ").split()
    tail = {part.rsplit(".", 1)[-1] for part in last}
    return bool(tail & set(_SAID)) and name not in BOUNDS | {"type", "present", "absent", "unique"}


def _prompts(case: Case) -> Iterator[str]:
    if case.provenance == "vendor-example" or case.refuse:
        return
    upstream = CONTROLLED_UPSTREAM in case.needs
    for ask in asks_of(case):
        for messages in conversations(ask):
            if messages and not speaks(messages, upstream=upstream):
                yield "its prompt is outside the probe language: the last user turn holds no instruction"
            if case.surface != SEPARATED and is_glued(messages):
                yield "an instruction in a block after another one begins with a line break: some servers join blocks"


def _rows(catalog: Catalog, rules: Mapping[str, str]) -> Iterator[Problem]:
    asked = {case.surface for case in catalog.cases.values()} | set(rules.values())
    accepted = {case.surface for case in catalog.cases.values() if case.accepted}
    shown_otherwise = {case.surface for case in catalog.cases.values() if not case.accepted} | set(rules.values())
    for row in catalog.rows.values():
        if row.id not in asked and not row.unasked:
            says = "neither a case nor a rule asks this row, and no `unasked` says why"
            yield _row_problem(catalog, row, says)
        if row.id in asked and row.unasked:
            yield _row_problem(catalog, row, "it says `unasked`, but something asks it")
        if row.observable and row.id in accepted - shown_otherwise:
            says = "only acceptance cases ask this row: ask for its effect, or say `observable: false` and the reason"
            yield _row_problem(catalog, row, says)


def _renames(catalog: Catalog) -> Iterator[Problem]:
    """An old id means one thing for ever."""
    owners: dict[str, str] = {}
    for case in catalog.cases.values():
        for old in case.renamed_from:
            if old in catalog.cases:
                yield _problem(catalog, case, f"it was renamed from {old}, which is the id of another case")
            if owners.setdefault(old, case.id) != case.id:
                yield _problem(catalog, case, f"it was renamed from {old}, and so was {owners[old]}")
    row_owners: dict[str, str] = {}
    for row in catalog.rows.values():
        for old in row.renamed_from:
            if old in catalog.rows or row_owners.setdefault(old, row.id) != row.id:
                says = f"it was renamed from {old}, which stands for another row"
                yield _row_problem(catalog, row, says)


def profile_problems(catalog: Catalog, name: str, rules: Collection[str]) -> Iterator[Problem]:
    """The problems of a profile that loads: unknown questions, needs that say nothing or stand twice."""
    profile = catalog.profiles.get(name)
    if profile is None:
        return
    file = shown(catalog.folder / PROFILES / f"{name}.yaml")
    for place, says in _profile_mistakes(catalog, profile, rules):
        yield Problem(file, 1, place, says)
    for expression in profile.select:
        try:
            select(catalog, expression)
        except SelectionError as error:
            yield Problem(file, 1, "select", str(error))


def _profile_mistakes(catalog: Catalog, profile: Profile, rules: Collection[str]) -> Iterator[tuple[str, str]]:
    ids = [need.id for need in profile.needs]
    for need in profile.needs:
        if ids.count(need.id) > 1:
            yield need.id, "another need has this id"
        for other in filter(None, (need.part_of, need.after)):
            if other not in ids:
                yield need.id, f"there is no need `{other}`{nearest(other, ids)}"
        yield from _need_mistakes(catalog, need, rules)
    yield from _version_mistakes(catalog, profile, rules)
    yield from _named_mistakes(catalog, profile)
    for tolerance in profile.tolerates:
        if tolerance.rule.partition(":")[0] not in rules:
            yield "tolerates", f"there is no rule `{tolerance.rule}`{nearest(tolerance.rule, rules)}"


def _version_mistakes(catalog: Catalog, profile: Profile, rules: Collection[str]) -> Iterator[tuple[str, str]]:
    ids = [need.id for need in profile.needs]
    for version in profile.versions:
        if not version.needs:
            yield version.version, "it names no need of its own, so nothing is asked in its shapes"
        for need in version.needs:
            yield from _need_mistakes(catalog, need, rules)
        for name in version.without:
            if name not in ids:
                yield version.version, f"there is no need `{name}`{nearest(name, ids)}"


def _named_mistakes(catalog: Catalog, profile: Profile) -> Iterator[tuple[str, str]]:
    """Mistakes in what the profile names beside its needs: cases alone, no rules."""
    places = {
        "model": profile.model,
        "calls": profile.calls,
        "first_body": [profile.first_body],
        "two_turns": [profile.two_turns],
    }
    for place, questions in places.items():
        for question in filter(None, questions):
            for says in _unknown_question(catalog, question, ()):
                yield place, says


def _need_mistakes(catalog: Catalog, need: Need, rules: Collection[str]) -> Iterator[tuple[str, str]]:
    if bool(need.questions) == bool(need.steady):
        yield (
            need.id,
            "it names no question, so nothing shows whether it is met"
            if not need.steady
            else ("`steady` is seen in all questions, and names none"),
        )
    if need.known and not (need.known.words or need.known.instead):
        yield need.id, "`known` says neither the `words` that the client understands nor what it asks `instead`"
    if need.unseen == "missing" and need.meets.ways and not need.meets.sentence("inconclusive"):
        yield need.id, "`unseen: missing` needs a sentence: say under `unseen` of `meets` what the user meets then"
    if need.meets.unseen and need.unseen != "missing":
        yield need.id, "`meets` has a sentence for `unseen`, which is never shown unless `unseen` is `missing`"
    for words in need.known.words if need.known else ():
        if complaint := pattern_mistake(words):
            yield need.id, f"`known`: {complaint}"
    if not need.meets.ways:
        yield need.id, "`meets` is empty: say what the user meets where it is refused, ignored or broken"
    for question in need.questions:
        for says in _unknown_question(catalog, question, rules):
            yield need.id, says
    for question in need.known.instead if need.known else ():
        for says in _unknown_question(catalog, question, ()):
            yield need.id, says


def _unknown_question(catalog: Catalog, question: str, rules: Collection[str]) -> Iterator[str]:
    name, modes = parted(question)
    if name.partition(":")[0] in rules:
        return
    if name not in catalog.cases:
        yield f"there is no case or rule `{name}`{nearest(name, [*catalog.cases, *rules])}"
    elif not set(modes) & set(modes_of(catalog.cases[name])):
        yield f"`{question}` is never asked: the case has no such mode"


def _profiles(catalog: Catalog, rules: Collection[str]) -> Iterator[Problem]:
    for name in catalog.profiles:
        yield from profile_problems(catalog, name, rules)
    for name, capability in catalog.capabilities.items():
        for case in (*capability.proof, *filter(None, [capability.declined_beside])):
            if case not in catalog.cases:
                says = f"its proof names no case: {case}{nearest(case, catalog.cases)}"
                yield Problem(shown(catalog.folder / "capabilities.yaml"), 1, name, says)
        if capability.betrayed_by is not None and capability.betrayed_by not in rules:
            says = f"`betrayed_by` names no rule: {capability.betrayed_by}{nearest(capability.betrayed_by, rules)}"
            yield Problem(shown(catalog.folder / "capabilities.yaml"), 1, name, says)

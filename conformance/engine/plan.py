"""The plan of a run: all questions, those of a profile, those that an expression selects, or a shard of these."""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from conformance.catalog.case import Case, modes_of
from conformance.catalog.lint import profile_problems
from conformance.catalog.load import Catalog
from conformance.catalog.problem import CatalogError
from conformance.catalog.select import select, select_profile
from conformance.engine.question import PLAIN, Question, in_mode
from conformance.errors import UserError
from conformance.judge.rules import RULES
from conformance.runs.options import RunOptions

FORM = re.compile(r"([1-9]\d{0,3})/([1-9]\d{0,3})")


class Shard(Struct, frozen=True):
    """A part of a run: its number, and of how many."""

    number: int
    """From 1."""
    of: int

    @classmethod
    def of_text(cls, text: str) -> "Shard":
        """The shard that `I/N` names; UserError where it names none."""
        found = FORM.fullmatch(text)
        if found is None or int(found[1]) > int(found[2]):
            raise UserError(f"--shard {text!r} is no part of a whole: write I/N with I from 1 to N, such as 2/4")
        return cls(int(found[1]), int(found[2]))

    def part_of(self, questions: Sequence[Question]) -> list[Question]:
        """Every Nth question, so that neighbours, which cost about the same, are spread over the shards."""
        return list(questions[self.number - 1 :: self.of])


def plan(catalog: Catalog, options: RunOptions) -> list[Question]:
    """The questions in the order of their files; with profile and expression both, what is in both.

    Of a shard: its part, and what that leans on, so that a shard can be judged alone. Large questions are asked of a
    thorough run only.
    """
    pairs = select(catalog, options.select or "")
    if options.profile is not None:
        if mistakes := list(profile_problems(catalog, options.profile, RULES)):
            raise CatalogError(mistakes)
        chosen = {(case.id, mode) for case, mode in select_profile(catalog, options.profile)}
        pairs = [(case, mode) for case, mode in pairs if (case.id, mode) in chosen]
    if not catalog.cases:
        raise UserError("there is no case in the folder that --cases names")
    if not pairs:
        raise UserError("nothing is selected: no case of that profile fits --select as well")
    if not options.thorough:
        pairs = [(case, mode) for case, mode in pairs if case.size != "large"]
        if not pairs:
            raise UserError("only large questions are selected; --thorough asks them too")
    for case, _ in pairs:
        for name in depends_on(case):
            if name not in catalog.cases:
                origin = catalog.origins[case.id]
                raise UserError(f"{origin.file}:{origin.line}: {case.id} leans on {name}, and there is no such case")
    questions = [Question(case, mode) for case, mode in pairs]
    if options.shard is not None:
        questions = Shard.of_text(options.shard).part_of(questions)
        if not questions:
            raise UserError(f"--shard {options.shard} is empty: only {len(pairs)} questions are selected")
    wanted = with_dependencies(catalog, questions)
    return [question for question in every_question(catalog) if question in wanted]


def every_question(catalog: Catalog) -> list[Question]:
    """All questions in the order of their files."""
    return [Question(case, mode) for case in catalog.cases.values() for mode in modes_of(case)]


def with_dependencies(catalog: Catalog, questions: Iterable[Question]) -> dict[Question, None]:
    """These questions and all that they lean on: a verdict without its control and twin could not be read."""
    found: dict[Question, None] = {}
    waiting = list(questions)
    while waiting:
        question = waiting.pop()
        if question not in found:
            found[question] = None
            names = [name for name in depends_on(question.case) if name in catalog.cases]
            waiting += [in_mode(catalog.cases[name], question.mode) for name in names]
    return found


def depends_on(case: Case) -> list[str]:
    """The cases that a case leans on: control, twin, the same without the content, a plain one beside it, a journey."""
    plain = None if case.without is None else PLAIN
    return [name for name in (case.control, case.twin, case.without, case.within, plain) if name is not None]


def plain_controls(catalog: Catalog, questions: Iterable[Question]) -> frozenset[str]:
    """The controls that any server passes on: what they show of the model's obedience, no missing feature hides."""
    named = {question.case.control for question in questions if question.case.control is not None}
    rows = {name: catalog.rows.get(catalog.cases[name].surface) for name in named}
    return frozenset(name for name, row in rows.items() if row is not None and row.tier == "core")

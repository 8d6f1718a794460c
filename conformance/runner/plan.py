"""Which questions a run asks: all of them, those of a profile, or those that an expression selects."""

from conformance.catalog.case import Case
from conformance.catalog.load import Catalog
from conformance.catalog.select import SelectionError, select, select_profile
from conformance.runner.mistakes import Mistake
from conformance.runner.options import RunOptions
from conformance.runner.question import Question


def plan(catalog: Catalog, options: RunOptions) -> list[Question]:
    """The questions in the order of their files; with profile and expression both, what is in both."""
    try:
        pairs = select(catalog, options.select or "")
        if options.profile is not None:
            wanted = {(case.id, mode) for case, mode in select_profile(catalog, options.profile)}
            pairs = [(case, mode) for case, mode in pairs if (case.id, mode) in wanted]
    except SelectionError as problem:
        raise Mistake(str(problem)) from problem
    if not pairs:
        raise Mistake("nothing is selected: no case of that profile fits --select as well")
    for case, _ in pairs:
        for name in depends_on(case):
            if name not in catalog.cases:
                origin = catalog.origins[case.id]
                raise Mistake(f"{origin.file}:{origin.line}: {case.id} leans on {name}, and there is no such case")
    return [Question(case, mode) for case, mode in pairs]


def depends_on(case: Case) -> list[str]:
    """The cases that a case leans on: control, twin, and the same question without the content."""
    return [name for name in (case.control, case.twin, case.without) if name is not None]

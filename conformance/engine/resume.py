"""Resumes a killed run: reads what it recorded, and asks the rest."""

from pathlib import Path

from msgspec.structs import replace

from conformance.catalog.load import Catalog
from conformance.engine.question import Earlier, Question
from conformance.engine.records import earlier_of, target_named
from conformance.engine.scheduler import BUDGET_SPENT
from conformance.errors import UserError
from conformance.runs.evidence_store import EvidenceStore
from conformance.runs.log import RunRow, is_unbegun, lacks_head, read_log, write_head
from conformance.runs.options import RunOptions
from conformance.targets.address import origin
from conformance.targets.target import Target

REFERENCE = "reference"
"""The endpoint that listens on another port every time."""


def is_begun(folder: Path | None) -> bool:
    """Whether there is something to go on with in the folder of a run that is to be resumed; True without one.

    A run that was killed in its first moments leaves a folder with no row in it, or with half of the first.
    """
    return folder is None or not is_unbegun(folder)


def with_earlier_choices(options: RunOptions) -> RunOptions:
    """The options of a resumed run: in its folder, asking what it asked then where nothing else is said now.

    One that has left no row begins anew in its folder, and one whose head is missing knows only what is said now.
    """
    if options.resume is None:
        return options
    if is_unbegun(options.resume):
        return replace(options, resume=None, out=options.resume)
    if lacks_head(options.resume):
        return replace(options, out=options.resume)
    log = read_log(options.resume)
    before = log.options
    target = options.target or target_named(log)
    typed = options.base_url is not None or (options.target is not None and before.base_url is None)
    if options.shard is not None and options.shard != log.shard:
        raise UserError(
            f"{options.resume} is {log.lacks or 'a whole run'}, not shard {options.shard}; leave out --shard"
        )
    return replace(
        options,
        address_from=options.address_from if typed else options.resume,
        target=target,
        base_url=options.base_url or before.base_url,
        out=options.resume if options.resume.is_dir() else options.resume.parent,
        select=options.select or before.select,
        shard=log.shard or None,
        profile=options.profile or log.run.profile,
        model=options.model or log.run.target.model or None,
    )


def mend_head(folder: Path, head: RunRow, target: Target) -> bool:
    """Writes the head of a log whose first line was lost; whether it was. UserError when it asked another one."""
    if not lacks_head(folder):
        return False
    store = EvidenceStore(folder)
    asked = next((store.read(name).request.url for name in store), target.base_url)
    if target.name != REFERENCE and origin(asked) != origin(target.base_url):
        raise UserError(f"{folder} asked {asked}, not {target.base_url}; leave out --resume")
    write_head(folder, head)
    return True


def earlier_part(folder: Path, catalog: Catalog, target: Target) -> dict[Question, Earlier]:
    """What an earlier run of the same target recorded; UserError when it asked another one.

    What it did not ask since its budget was spent is asked now.
    """
    log = read_log(folder)
    asked = log.run.target
    if (asked.name, asked.model) != (target.name, target.model):
        raise UserError(
            f"{folder} asked {asked.name} with {asked.model}, not {target.name} with {target.model}; leave out --resume"
        )
    found = earlier_of(log, catalog, target).questions
    return {question: earlier for question, earlier in found.items() if earlier.record.prevented != BUDGET_SPENT}

"""Resumes a killed run: reads what it recorded, and asks the rest."""

from pathlib import Path

from msgspec.structs import replace

from conformance.catalog.load import Catalog
from conformance.engine.options import RunOptions
from conformance.engine.question import Earlier, Question
from conformance.engine.records import earlier_of
from conformance.errors import UserError
from conformance.runs.log import read_log
from conformance.targets.target import Target


def with_earlier_choices(options: RunOptions) -> RunOptions:
    """The options of a resumed run: in its folder, asking what it asked then where nothing else is said now."""
    if options.resume is None:
        return options
    log = read_log(options.resume)
    before = log.run
    if options.shard is not None and options.shard != log.shard:
        raise UserError(
            f"{options.resume} is {log.lacks or 'a whole run'}, not shard {options.shard}; leave out --shard"
        )
    return replace(
        options,
        target=options.target or before.options.get("target"),
        base_url=options.base_url or before.options.get("base_url"),
        out=options.resume if options.resume.is_dir() else options.resume.parent,
        select=options.select or before.options.get("select"),
        shard=log.shard or None,
        profile=options.profile or before.profile,
        model=options.model or before.target.model or None,
    )


def earlier_part(folder: Path, catalog: Catalog, target: Target) -> dict[Question, Earlier]:
    """What an earlier run of the same target recorded and judged; UserError when it asked somebody else."""
    log = read_log(folder)
    asked = log.run.target
    if (asked.name, asked.model) != (target.name, target.model):
        raise UserError(
            f"{folder} asked {asked.name} with {asked.model}, not {target.name} with {target.model}; leave out --resume"
        )
    return earlier_of(log, catalog, target).questions

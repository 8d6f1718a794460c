"""The configuration of a repository: what its runs ask, from `conformance.toml` or a table of `pyproject.toml`.

It is looked for in the current folder and the folders above it, up to the root of the repository; what is typed goes
before what it says. It can name no key and no variable of one, and no folder outside its own: a repository of a
stranger may be wrong, but not dangerous.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from conformance.catalog.described import schema_of
from conformance.catalog.msgspec_messages import in_words, message_and_path, unknown_key
from conformance.cli.parser import near_or_all
from conformance.errors import UserError
from conformance.files import LARGEST_TEXT, read_within, resolved
from conformance.runs.options import RunOptions
from conformance.targets.load import files_behind
from conformance.targets.resolve import is_file

FILE = "conformance.toml"
PROJECT = "pyproject.toml"
SCHEMA = "configuration.schema.json"


class Configuration(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename="kebab"):
    """The options of `conformance run` in a repository, where none are typed."""

    base_url: str | None = None
    """Where the endpoint listens."""
    target: str | None = None
    """Whose documented gaps count: a target of the suite, `none`, or a file, from the folder of this one."""
    model: str | None = None
    """The model to ask."""
    profile: str | None = None
    """A named selection with a question of its own, such as `quick` or `claude-code`."""
    select: str | None = None
    """Which questions are asked, such as `area:tools level:must`."""
    out: str | None = None
    """The folder for log and report, below the folder of this file."""


class ConfigurationError(UserError):
    """A configuration that cannot be read; the message names the file, the key and what there is instead."""


def configured(options: RunOptions, folder: Path) -> RunOptions:
    """The options, with what the repository of a folder says where nothing was typed."""
    file = _file(folder)
    if file is None:
        return options
    stated = _read(file)
    chosen = options.resume is not None or options.profile is not None or options.select is not None
    return replace(
        options,
        address_from=file if _says_who(stated, options) else None,
        base_url=options.base_url or stated.base_url,
        target=options.target or _target(stated.target, file),
        model=options.model or stated.model,
        profile=options.profile if chosen else stated.profile,
        select=options.select if chosen else stated.select,
        out=options.out or (None if options.resume is not None else _out(stated.out, file)),
    )


def _says_who(stated: Configuration, options: RunOptions) -> bool:
    """Whether it is the file that says where the endpoint is: a key that the caller names does not go there."""
    if options.base_url is not None:
        return False
    return stated.base_url is not None or (options.target is None and is_file(stated.target or ""))


def configuration_schema() -> dict[str, Any]:
    """The JSON Schema by which editors complete and check a `conformance.toml`."""
    return schema_of(Configuration, "The configuration of a repository for the conformance suite")


def _file(folder: Path) -> Path | None:
    """The nearest file that configures the suite."""
    return next((file for place in _upwards(resolved(folder)) for file in _files(place)), None)


def _files(folder: Path) -> Iterator[Path]:
    if (folder / FILE).is_file():
        yield folder / FILE
    project = folder / PROJECT
    if project.is_file() and "[tool.conformance]" in read_within(project, LARGEST_TEXT).decode(errors="replace"):
        yield project


def _upwards(folder: Path) -> Iterator[Path]:
    for place in (folder, *folder.parents):
        yield place
        if (place / ".git").exists():
            return


def _read(file: Path) -> Configuration:
    try:
        document = msgspec.toml.decode(read_within(file, LARGEST_TEXT).decode())
        stated = document.get("tool", {}).get("conformance", {}) if file.name == PROJECT else document
        return msgspec.convert(stated, Configuration)
    except msgspec.ValidationError as problem:
        raise ConfigurationError(f"{file}: {_explained(str(problem))}") from problem
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{file} is no TOML file: {problem}") from problem


def _explained(message: str) -> str:
    says, path = message_and_path(message)
    key = unknown_key(says)
    if key is None:
        return f"{'.'.join(map(str, path))}: {in_words(says)}"
    legal = [field.encode_name for field in msgspec.structs.fields(Configuration)]
    return f"unknown key {key!r}{near_or_all(key, legal)}"


def _target(stated: str | None, file: Path) -> str | None:
    """A target by its name as it is; the path of one from where the file lies, and below it."""
    if stated is None or not is_file(stated):
        return stated
    for read in files_behind(file.parent / stated):
        if not read.is_relative_to(file.parent):
            raise ConfigurationError(f"{file}: target: {read} is not below {file.parent}; --target can name any file")
    return str(file.parent / stated)


def _out(stated: str | None, file: Path) -> Path | None:
    if stated is None:
        return None
    out = resolved(file.parent / stated)
    if not out.is_relative_to(file.parent):
        raise ConfigurationError(f"{file}: out: {stated} is not below {file.parent}; --out can name any folder")
    return out

"""Writes the skeleton of a new case into the file of its family: it loads, and lint names what is to be filled in."""

from pathlib import Path

import conformance
from conformance.catalog.case import Case
from conformance.catalog.described import CASE_SCHEMA
from conformance.catalog.load import FIXTURES, ID, PROFILES, SURFACE, Catalog, cases_folder
from conformance.catalog.problem import CatalogError, Problem, alike, shown
from conformance.files import replace_file

FILL_IN = "FILL IN"
"""How a text begins that somebody still has to write."""
CONTROL = "messages.text"

FILE = """\
# yaml-language-server: $schema=../{schema}
family: {family}
about: "{fill_in}: how the endpoint does what these cases ask, in one sentence."
cases:
{case}"""

CASE = """\
  - id: {id}
    title: "{fill_in}: what the endpoint does when it is right, in one sentence"
    surface: {surface}
    kind: {kind}
    basis: documented  # or recorded, sdk, client, inferred
    spec:
      url: "{fill_in}: the address of the document, with its #section"
      says: "{fill_in}: what the document requires, in one sentence of our own"
    ask:
      body:  # add what the case is about
        max_tokens: 256
        messages: [{{role: user, content: "Reply with exactly: {{nonce}}"}}]
    effect:  # the first is the feature; the others, what the answer must say about it
      - {effect}
    faults: []
"""
WITNESSED = "witnessed  # one answer that shows it proves it; or obligation, invariant, tendency: docs/cases.md"


def write_skeleton(catalog: Catalog, id_: str, surface: str | None) -> Path:
    """Writes a case with this id about a row into the file of its family, and returns the file.

    The id says where: `tools.choice.tool` is the case `tool` of `tools/choice.yaml`, `stop.max-tokens` of
    `stop/stop.yaml`. CatalogError for an id that is none or is taken, and for a row that is not there.
    """
    file = _file_of(catalog, id_)
    if surface not in catalog.rows:
        given = f"there is no row `{surface}`" if surface else "say which row the case is about: --surface ROW"
        near = ", ".join(alike(surface or id_, catalog.rows))
        raise CatalogError([Problem(shown(file), 1, "surface", f"{given}; near it: {near}")])
    case = _case(id_, surface, control=CONTROL if CONTROL in catalog.cases else None)
    if file.is_file():
        text = file.read_text(encoding="utf-8").rstrip("\n") + "\n\n" + case
    else:
        family = ".".join(file.relative_to(catalog.folder).with_suffix("").parts)
        family = file.parent.name if file.parent.name == file.stem else family
        text = FILE.format(schema=CASE_SCHEMA, family=family, case=case, fill_in=FILL_IN)
    file.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file, text.encode())
    return file


def unfilled(case: Case) -> list[str]:
    """The keys of a case that still hold what the skeleton wrote."""
    texts = {"title": case.title}
    if case.spec is not None:
        texts |= {"spec.url": case.spec.url, "spec.says": case.spec.says}
    return [key for key, text in texts.items() if text.startswith(FILL_IN)]


def _file_of(catalog: Catalog, id_: str) -> Path:
    """The file of the family that an id belongs to; CatalogError where a case with this id may not be written."""
    area, *middle = id_.split(".")[:-1] or [id_]
    file = catalog.folder / area / f"{'-'.join(middle) or area}.yaml"
    if not ID.fullmatch(id_):
        says = f"`{id_}` is no id: words of a-z, 0-9 and hyphens, joined by dots, such as `tools.choice.tool`"
        raise CatalogError([Problem(shown(file), 1, "id", says)])
    if area in (SURFACE, PROFILES, FIXTURES):
        raise CatalogError([Problem(shown(file), 1, "id", f"the folder {area}/ holds no cases; begin with an area")])
    if id_ in catalog.cases:
        origin = catalog.origins[id_]
        raise CatalogError([Problem(shown(origin.file), origin.line, "id", f"the case {id_} stands here already")])
    if catalog.folder.resolve().is_relative_to(Path(conformance.__file__).resolve().parent):
        says = (
            "this folder is part of the installed package, and the next update would overwrite the case; work in a"
            f" clone of the repository, or in a copy: `cp -r {cases_folder()} cases`, then add `--cases cases`"
        )
        raise CatalogError([Problem(shown(catalog.folder), 1, "", says)])
    return file


def _case(id_: str, surface: str, control: str | None) -> str:
    kind = WITNESSED + (f"\n    control: {control}  # shows that this model does its part" if control else "")
    effect = '{at: text, contains: "{nonce}"}'
    return CASE.format(id=id_, surface=surface, kind=kind, effect=effect, fill_in=FILL_IN)

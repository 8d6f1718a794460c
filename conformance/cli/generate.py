"""`python -m conformance.cli.generate` writes into a checkout what is made from the types: schemas, tables of the docs.

In a page of `docs/`, what stands between `<!-- keys: TYPE -->` and `<!-- end -->` is the table of the keys of that
type, between `<!-- matchers -->` or `<!-- directives -->` and the end that of theirs. A test compares what stands there
with what this module would write.
"""

import re
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from conformance.catalog import fidelity, fixtures, matchers
from conformance.catalog.case import CaseFile
from conformance.catalog.described import (
    CASE_SCHEMA,
    PROFILE_SCHEMA,
    SURFACE_SCHEMA,
    case_schema,
    field_texts,
    field_types,
    profile_schema,
    schema_text,
    structs_in,
    surface_schema,
)
from conformance.catalog.load import cases_folder
from conformance.catalog.surface import AreaFile
from conformance.cli import configuration
from conformance.runs import rows
from conformance.targets.load import FOLDER as TARGETS
from conformance.targets.target import TARGET_SCHEMA, TargetFile, target_schema

LOG_ROWS = (
    rows.RunRow, rows.CatalogRow, rows.CaseRow, rows.RuleRow, rows.CauseRow, rows.ReadinessRow, rows.ObedienceRow,
    rows.TendencyRow, rows.EndRow,
)  # fmt: skip
FILES = (CaseFile, AreaFile, TargetFile, configuration.Configuration)
TYPES: dict[str, type[Struct]] = {name: kind for file in (*FILES, *LOG_ROWS) for name, kind in structs_in(file).items()}
"""The types whose keys the docs list, by name."""

BLOCK = re.compile(r"<!-- (?P<what>keys|matchers|directives)(?:: (?P<type>\w+))? -->\n.*?<!-- end -->", re.DOTALL)


def docs_folder() -> Path:
    """The folder of the documentation, in a checkout."""
    return cases_folder().parent / "docs"


def generated() -> dict[Path, str]:
    """Each generated file with the text that it should have."""
    cases = cases_folder()
    schemas = {
        cases / CASE_SCHEMA: schema_text(case_schema()),
        cases / SURFACE_SCHEMA: schema_text(surface_schema()),
        cases / PROFILE_SCHEMA: schema_text(profile_schema()),
        TARGETS / TARGET_SCHEMA: schema_text(target_schema()),
        Path(configuration.__file__).with_name(configuration.SCHEMA): schema_text(configuration.configuration_schema()),
    }
    pages = {page: BLOCK.sub(_block, page.read_text(encoding="utf-8")) for page in sorted(docs_folder().glob("*.md"))}
    return schemas | pages | fidelity.files(cases)


def _block(found: re.Match[str]) -> str:
    head, end = found[0].splitlines()[0], "<!-- end -->"
    if found["what"] == "keys":
        return f"{head}\n\n{_keys(TYPES[found['type']])}\n\n{end}"
    text = matchers.__doc__ if found["what"] == "matchers" else fixtures.__doc__
    table = [line for line in (text or "").splitlines() if line.startswith("|")]
    return "\n".join([head, "", *table, "", end])


def _keys(kind: type[Struct]) -> str:
    """The table of the keys of a type; the matchers of a check have a table of their own."""
    texts = field_texts(kind)
    elsewhere = {name.rstrip("_") for name in matchers.MATCHERS} if kind.__name__ == "Check" else set()
    lines = [
        f"| `{key}` | {_cell(types)} | {_cell(texts.get(key, ''))} |"
        for key, types in field_types(kind).items()
        if key not in elsewhere
    ]
    return "\n".join(["| key | value | meaning |", "|---|---|---|", *lines])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(write: Callable[[Path, str], object] = lambda file, text: file.write_text(text, encoding="utf-8")) -> None:
    """Writes every generated file."""
    for file, text in generated().items():
        write(file, text)


if __name__ == "__main__":
    main()

"""`python -m conformance.cli.generate` writes into a checkout what is made from the types: schemas, tables of the docs.

A test compares what stands there with what this module would write.
"""

from pathlib import Path

from conformance.catalog.described import schema_text
from conformance.catalog.location import cases_folder
from conformance.catalog.schema import (
    CASE_SCHEMA,
    PROFILE_SCHEMA,
    SURFACE_SCHEMA,
    case_schema,
    profile_schema,
    surface_schema,
)
from conformance.targets.load import FOLDER as TARGETS
from conformance.targets.schema import TARGET_SCHEMA, target_schema


def generated() -> dict[Path, str]:
    """Each generated file with the text that it should have."""
    cases = cases_folder()
    return {
        cases / CASE_SCHEMA: schema_text(case_schema()),
        cases / SURFACE_SCHEMA: schema_text(surface_schema()),
        cases / PROFILE_SCHEMA: schema_text(profile_schema()),
        TARGETS / TARGET_SCHEMA: schema_text(target_schema()),
    }


if __name__ == "__main__":
    for file, text in generated().items():
        file.write_text(text, encoding="utf-8")

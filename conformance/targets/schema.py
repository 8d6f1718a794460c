"""The JSON Schema by which editors complete and check target files, generated from the types."""

from typing import Any

from conformance.catalog.described import schema_of
from conformance.targets.target import TargetFile

TARGET_SCHEMA = "target.schema.json"


def target_schema() -> dict[str, Any]:
    """The schema of a target file."""
    return schema_of(TargetFile, "A target of the conformance suite")

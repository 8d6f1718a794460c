"""The JSON Schemas by which editors complete and check the files of `cases/`, generated from the types."""

import re
from typing import Any

from conformance.catalog import matchers
from conformance.catalog.case import CaseFile
from conformance.catalog.described import schema_of
from conformance.catalog.fixtures import DIRECTIVES
from conformance.catalog.profile import Profile
from conformance.catalog.surface import AreaFile

CASE_SCHEMA = "case.schema.json"
SURFACE_SCHEMA = "surface.schema.json"
PROFILE_SCHEMA = "profile.schema.json"


def case_schema() -> dict[str, Any]:
    """The schema of a file of cases."""
    schema = schema_of(CaseFile, "A file of conformance cases")
    definitions = schema["$defs"]
    for key, text in matcher_texts().items():
        definitions["Check"]["properties"][key]["description"] = f"Holds when the value {text}."
    raw = definitions["Ask"]["properties"]["raw"]
    definitions["Ask"]["properties"]["raw"] = {
        "description": raw["description"],
        "anyOf": [{"type": "string"}, {"$ref": "#/$defs/Directive"}],
    }
    definitions["Ask"]["properties"]["headers"]["additionalProperties"]["anyOf"].append({"$ref": "#/$defs/Directive"})
    definitions["Directive"] = {
        "description": "Stands for a fixture or a long text; may also stand anywhere within `body` and `headers`.",
        "type": "object",
        "anyOf": [{"required": [directive]} for directive in DIRECTIVES],
    }
    definitions["Check"]["oneOf"] = [{"required": [name.rstrip("_")]} for name in matchers.MATCHERS]
    definitions["Case"]["oneOf"] = [{"required": ["ask"]}, {"required": ["steps"]}]
    return schema


def surface_schema() -> dict[str, Any]:
    """The schema of a file of rows."""
    return schema_of(AreaFile, "The rows of one area of the surface")


def profile_schema() -> dict[str, Any]:
    """The schema of a profile."""
    return schema_of(Profile, "A profile: which questions are asked, and what their answers mean for one client")


def matcher_texts() -> dict[str, str]:
    """Matcher to what a value is that it holds for, from the table that documents them."""
    meanings: dict[str, str] = {}
    for line in (matchers.__doc__ or "").splitlines():
        if line.startswith("| `"):
            _, names, meaning, _ = line.split("|")
            meanings |= dict.fromkeys(re.findall(r"`(\w+)", names), meaning.strip())
    return meanings

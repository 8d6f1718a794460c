"""The files that the suite publishes and writes: the schema for editors, skeletons of cases, the real catalog."""

import json
import subprocess
import sys

import jsonschema_rs
import msgspec
import pytest
import yaml

from conformance.catalog.case import Check
from conformance.catalog.lint import lint
from conformance.catalog.load import case_files, load_catalog
from conformance.catalog.location import cases_folder
from conformance.catalog.matchers import MATCHERS
from conformance.catalog.problem import CatalogError
from conformance.catalog.schema import FILE, case_schema, schema_text
from conformance.catalog.skeleton import write_skeleton
from conformance.judge.rules import RULES
from conformance.scripted.listing import list_faults


def test_the_published_schema_is_the_one_of_the_types():
    assert (cases_folder() / FILE).read_text() == schema_text()


def test_the_schema_is_printed_by_the_command_that_its_page_names():
    printed = subprocess.run(
        [sys.executable, "-m", "conformance.catalog.schema"], capture_output=True, text=True, check=True
    )
    assert printed.stdout == schema_text()


def test_the_schema_accepts_what_loads_and_describes_every_matcher():
    validator = jsonschema_rs.validator_for(case_schema())
    for file in case_files(cases_folder()):
        errors = [f"{file.name}: {error.message}" for error in validator.iter_errors(_as_json(file))]
        assert errors == []
    checks = case_schema()["$defs"]["Check"]["properties"]
    assert all("description" in checks[name.rstrip("_")] for name in MATCHERS)


def _as_json(file):
    """The file as an editor's YAML language server sees it: YAML 1.2, where a date is text."""
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.yaml_implicit_resolvers = {
        sign: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
        for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return yaml.load(file.read_text(), loader)


@pytest.mark.parametrize("mistake", [{"efect": []}, {"kind": "obligaton"}, {"effect": [{"at": "text"}]}, {"raw": 3}])
def test_the_schema_refuses_mistakes(mistake):
    case = {"id": "a.b", "title": "T", "surface": "request.messages", "ask": {"body": {}}} | mistake
    file = {"family": "a", "about": "A", "cases": [case]}
    assert not jsonschema_rs.validator_for(case_schema()).is_valid(file)


def test_every_matcher_is_a_field_of_a_check():
    known = {field.encode_name for field in msgspec.structs.fields(Check)}
    assert {name.rstrip("_") for name in MATCHERS} == known - {"at", "level", "why"}


@pytest.mark.parametrize(
    ("id_", "file"),
    [("tools.choice.mine", "tools/choice.yaml"), ("stop.mine", "stop/stop.yaml"), ("a.b.c.d", "a/b-c.yaml")],
)
def test_a_skeleton_loads_at_once_in_the_file_of_its_family(write, id_, file):
    folder = write()
    written = write_skeleton(load_catalog(folder), id_)
    catalog = load_catalog(folder)
    assert written == folder / file
    assert catalog.origins[id_].file == written
    assert catalog.cases[id_].control == "messages.text"
    assert len(catalog.cases) == 4


@pytest.mark.parametrize(
    ("id_", "told"),
    [
        ("tools", "is no id"),
        ("Tools.Choice", "is no id"),
        ("../x.y", "is no id"),
        ("messages.text", "stands here already"),
    ],
)
def test_a_skeleton_is_not_written_under_a_bad_id(write, id_, told):
    folder = write()
    before = sorted(folder.rglob("*"))
    with pytest.raises(CatalogError, match=told):
        write_skeleton(load_catalog(folder), id_)
    assert sorted(folder.rglob("*")) == before


def test_the_suite_s_own_catalog_is_clean():
    catalog = load_catalog()
    assert len(catalog.rows) >= 250
    assert len(catalog.cases) >= 300
    rules = {rule.id: rule.surface for rule in RULES.values()}
    problems = lint(catalog, rules, {fault.id for fault in list_faults()})
    assert [str(problem) for problem in problems] == []
    assert json.loads((catalog.folder / FILE).read_text())["$schema"].startswith("https://json-schema.org/")

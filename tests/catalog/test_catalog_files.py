"""The files that the suite publishes and writes, the real catalog and its texts, and msgspec's wording of errors."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import jsonschema_rs
import msgspec
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as some
from msgspec import Struct

from conformance.catalog import fidelity
from conformance.catalog.case import Check
from conformance.catalog.described import CASE_SCHEMA, SURFACE_SCHEMA, case_schema, surface_schema
from conformance.catalog.document import Document
from conformance.catalog.lint import lint
from conformance.catalog.load import case_files, cases_folder, load_catalog
from conformance.catalog.matchers import MATCHERS
from conformance.catalog.msgspec_messages import illegal_word, in_words, message_and_path, unknown_key
from conformance.cli.generate import generated
from conformance.judge.rules import RULES
from conformance.scripted.listing import list_faults
from conformance.targets.load import FOLDER as TARGETS
from conformance.targets.load import target_names
from conformance.targets.target import TARGET_SCHEMA, target_schema


def test_what_is_generated_is_up_to_date() -> None:
    stale = [file.name for file, text in generated().items() if file.read_text() != text]
    assert not stale, "run `python -m conformance.cli.generate`"


@pytest.mark.parametrize("schema", [case_schema(), surface_schema(), target_schema()], ids=lambda one: one["title"])
def test_a_schema_describes_every_key(schema: dict[str, Any]) -> None:
    properties = [
        (name, key, text)
        for name, definition in schema["$defs"].items()
        for key, text in definition.get("properties", {}).items()
    ]
    assert len(properties) > 10
    assert [(name, key) for name, key, text in properties if not text.get("description")] == []


def files_by_schema() -> Iterator[tuple[Path, Path]]:
    """Every file of the suite that a schema is for, with that schema's file."""
    cases = cases_folder()
    yield from ((file, cases / CASE_SCHEMA) for file in case_files(cases))
    yield from ((cases / "surface" / f"{area}.yaml", cases / SURFACE_SCHEMA) for area in load_catalog().areas)
    yield from ((TARGETS / f"{name}.yaml", TARGETS / TARGET_SCHEMA) for name in target_names())


def test_every_file_names_its_schema_and_is_valid_under_it() -> None:
    validators: dict[Path, jsonschema_rs.Validator] = {}
    for file, schema in files_by_schema():
        first = file.read_text().splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema="), file
        assert (file.parent / first.partition("=")[2]).resolve() == schema, file
        if schema not in validators:
            validators[schema] = jsonschema_rs.validator_for(json.loads(schema.read_text()))
        assert [f"{file.name}: {error.message}" for error in validators[schema].iter_errors(_as_json(file))] == []


def _as_json(file: Path) -> Any:
    """The file as an editor's YAML language server sees it: YAML 1.2, where a date is text."""

    class Loader(yaml.CSafeLoader):
        yaml_implicit_resolvers = {
            sign: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith("timestamp")]
            for sign, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
        }

    return yaml.load(file.read_text(), Loader)


@pytest.mark.parametrize("mistake", [{"efect": []}, {"kind": "obligaton"}, {"effect": [{"at": "text"}]}, {"raw": 3}])
def test_the_schema_refuses_mistakes(mistake: dict[str, Any]) -> None:
    case = {"id": "a.b", "title": "T", "surface": "request.messages", "ask": {"body": {}}} | mistake
    file = {"family": "a", "about": "A", "cases": [case]}
    assert not jsonschema_rs.validator_for(case_schema()).is_valid(file)


def test_every_matcher_is_a_field_of_a_check() -> None:
    known = {field.encode_name for field in msgspec.structs.fields(Check)}
    assert {name.rstrip("_") for name in MATCHERS} == known - {"at", "level", "why"}


def test_the_suite_s_own_catalog_is_clean() -> None:
    catalog = load_catalog()
    assert len(catalog.rows) >= 650
    assert len(catalog.cases) >= 1000
    rules = {rule.id: rule.surface for rule in RULES.values()}
    problems = lint(catalog, rules, {fault.id for fault in list_faults()})
    assert [str(problem) for problem in problems] == []


class Leaf(Struct, forbid_unknown_fields=True):
    word: Literal["json", "stream"]
    number: int = 0


class Tree(Struct, forbid_unknown_fields=True):
    leaves: list[Leaf] = []
    named: dict[str, Leaf] = {}


def told(value: Any) -> tuple[str, tuple[str | int, ...]]:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(value, Tree)
    return message_and_path(str(error.value))


def test_an_unknown_key_and_its_place() -> None:
    says, path = told({"leaves": [{"word": "json"}, {"word": "json", "wrod": 1}]})
    assert (unknown_key(says), path) == ("wrod", ("leaves", 1))


def test_a_word_that_is_none_of_the_legal_ones() -> None:
    says, path = told({"leaves": [{"word": "jsno"}]})
    assert (illegal_word(says), path) == ("'jsno'", ("leaves", 0, "word"))


def test_a_path_ends_where_msgspec_does_not_name_the_key() -> None:
    says, path = told({"named": {"x": {"word": "json", "number": "one"}}})
    assert (in_words(says), path) == ("expected `int`, got `str`", ("named",))


def test_a_missing_key() -> None:
    says, path = told({"leaves": [{}]})
    assert (in_words(says), path) == ("missing key `word`", ("leaves", 0))
    assert unknown_key(says) is illegal_word(says) is None


LETTERS = some.characters(exclude_categories=["Cs"])
TEXTS = some.text(LETTERS, min_size=1)
KEYS = some.text(LETTERS, min_size=1).filter(lambda key: not key.startswith("$"))
VALUES = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**53), 2**53)
    | some.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cases")


def _cases(folder: Path, specimen: dict[str, Any]) -> dict[str, Any]:
    table = folder / fidelity.TABLE
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_bytes(msgspec.yaml.encode({"kind": {"title": "Things", "consequence": "None.", **specimen}}))
    files = fidelity.files(folder)
    written = folder / "written.yaml"
    written.write_text(files[folder / fidelity.CASES], encoding="utf-8", newline="")
    read: Any = Document(written).value
    return {case["id"]: case for case in read["cases"]}


@given(text=TEXTS)
def test_a_text_is_asked_as_it_stands_in_the_table(text: str, made: Path) -> None:
    cases = _cases(made, {"text": text})
    wanted = f"{{nonce}} {text} {{nonce}}"
    assert [check["equals"] for check in cases["fidelity.answer.kind"]["effect"]] == [wanted, wanted]
    given_back = cases["fidelity.request.kind"]["steps"][0]["ask"]["body"]["messages"][-1]["content"][0]["content"]
    assert given_back == wanted


@given(value=some.dictionaries(KEYS, VALUES, min_size=1, max_size=3))
@example(value={"k" * 999: 1, "k" * 1000: 1, "k" * 1100: {"\u0300" * 200: "inside"}})
def test_a_value_is_asked_as_it_stands_in_the_table(value: dict[str, Any], made: Path) -> None:
    cases = _cases(made, {"value": value})
    assert cases["fidelity.answer.kind"]["effect"][0]["equals"] == {"word": "{nonce}", **value}
    assert set(cases) == {"fidelity.answer.kind", "fidelity.request.kind", "fidelity.request.kind-upstream"}


def test_every_kind_is_asked_in_both_directions_if_it_means_something_in_both() -> None:
    catalog = load_catalog()
    table = msgspec.yaml.decode((catalog.folder / fidelity.TABLE).read_bytes(), type=dict[str, Any])
    for kind in table:
        names = [f"fidelity.request.{kind}-upstream", *([] if kind in fidelity.UPWARD else [f"fidelity.answer.{kind}"])]
        rows = [catalog.cases[name].surface for name in names]
        assert rows == [f"fidelity.{name.split('.')[1]}.{kind.replace('-', '_')}" for name in names]

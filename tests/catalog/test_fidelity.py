"""The cases that are made from the table of specimens: what they ask is what the table holds, whatever that is."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from conformance.catalog import fidelity
from conformance.catalog.document import Document
from conformance.catalog.load import load_catalog

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

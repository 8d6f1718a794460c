"""What the SDKs make of faults: the worst of four answers counts, against the SDK's own of the correct endpoint."""

from pathlib import Path
from typing import Any

import pytest

from conformance.detection.witnesses import Answer, Witnessed, read_testimonies, table_of, written
from conformance.errors import UserError

TEXT: dict[str, Any] = {"texts": ["alpha"], "calls": [], "stop": "end_turn"}
CORRECT = [Answer("reference", "text json", TEXT), Answer("reference", "text stream", TEXT)]


@pytest.mark.parametrize(
    ("json", "stream", "said"),
    [
        (Answer("X", "text json", TEXT), Answer("X", "text stream", TEXT), "accepts"),
        (Answer("X", "text json", TEXT), Answer("X", "text stream", None, "TypeError"), "rejects: TypeError"),
        (Answer("X", "text json", None, "E"), Answer("X", "text stream", {**TEXT, "texts": [""]}), "misreads: texts"),
        (Answer("X", "text json", {**TEXT, "stop": None}), Answer("X", "text stream", TEXT), "misreads: stop"),
    ],
)
def test_the_worst_of_the_answers_counts(json: Answer, stream: Answer, said: str) -> None:
    for order in ([json, stream], [stream, json]):
        assert str(table_of({"python 1": [*CORRECT, *order]})["X"]["python 1"]) == said


def test_the_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    table = {
        "ST02": {"python 1": Witnessed("accepts"), "go 1": Witnessed("rejects", "*errors.errorString")},
        "TO07": {"python 1": Witnessed("misreads", "calls, stop")},
    }
    file = tmp_path / "by-fault.tsv"
    file.write_text(written(table, ["python 1", "go 1"]))
    assert read_testimonies(file) == table


def test_a_word_that_is_none_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "by-fault.tsv"
    file.write_text("fault\tpython 1\nST02\tlikes it\n")
    with pytest.raises(UserError, match=r"by-fault\.tsv: ST02: 'likes it' is none of accepts, rejects, misreads"):
        read_testimonies(file)


def test_the_committed_table_speaks_of_streams_that_clients_read_differently() -> None:
    table = read_testimonies()
    assert len(table) >= 36
    said = {sdk.partition(" ")[0]: testimony.says for sdk, testimony in table["ST02"].items()}
    assert (said["python"], said["typescript"]) == ("accepts", "rejects")

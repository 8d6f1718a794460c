"""Snapshots: the shapes of a server's answers in one file, `reports/snapshots/SERVER.json`, each shape written once.

{"shapes": [SHAPE, ...], "questions": {"case[mode]": NUMBER OF ITS SHAPE}}
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from conformance.doors import UNDECODABLE
from conformance.errors import UserError
from conformance.files import LARGEST_TEXT, as_name, read_within, replace_file
from conformance.runs.rows import CaseRow

FOLDER = Path("reports") / "snapshots"


class _File(Struct, frozen=True):
    shapes: list[Any]
    questions: dict[str, int]


def snapshot_file(server: str, folder: Path = FOLDER) -> Path:
    """The path of a server's snapshot."""
    return folder / f"{as_name(server)}.json"


def read_snapshot(path: Path) -> dict[str, Any]:
    """Question, `case[mode]`, to the shape of its answer; empty where there is no file. UserError where it is none."""
    if not path.is_file():
        return {}
    try:
        file = msgspec.json.decode(read_within(path, LARGEST_TEXT), type=_File)
        return {question: file.shapes[number] for question, number in file.questions.items()}
    except (*UNDECODABLE, IndexError) as problem:
        raise UserError(f"{path} is no snapshot: {problem}; write it anew with -- --snapshot-update") from problem


def write_snapshot(path: Path, rows: Iterable[CaseRow]) -> None:
    """Writes the shapes of a run's answers, a shape a line, so that a change is a few lines of a diff."""
    shapes: dict[bytes, int] = {}
    questions: dict[str, int] = {}
    for row in rows:
        if row.shape is not None:
            questions[question_of(row)] = shapes.setdefault(msgspec.json.encode(row.shape), len(shapes))
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = b",\n".join(shapes)
    named = b",\n".join(msgspec.json.encode(name) + b":%d" % number for name, number in sorted(questions.items()))
    replace_file(path, b'{"shapes":[\n' + lines + b'\n],"questions":{\n' + named + b"\n}}\n")


def question_of(row: CaseRow) -> str:
    return f"{row.case}[{row.mode}]"


def parts_of(shape: Any, at: str = "") -> Iterable[str]:
    """A shape as lines, one for each value: `body.usage.input_tokens number`."""
    match shape:
        case dict():
            for name, value in shape.items():
                yield from parts_of(value, f"{at}.{name}" if at else str(name))
        case list():
            for value in shape:
                yield from parts_of(value, f"{at}[]")
        case _:
            yield f"{at} {shape}"


def shape_difference(before: Any, after: Any) -> tuple[list[str], list[str]]:
    """The parts that only the first shape has, and those that only the second has; a changed order has neither."""
    old, new = dict.fromkeys(parts_of(before)), dict.fromkeys(parts_of(after))
    return [part for part in old if part not in new], [part for part in new if part not in old]


def shape_changes(
    before: Mapping[str, CaseRow], after: Mapping[str, CaseRow]
) -> dict[str, tuple[list[str], list[str]]]:
    """The questions that two runs asked alike and that were answered in another shape, with what is gone and new."""
    return {
        name: shape_difference(before[name].shape, row.shape)
        for name, row in after.items()
        if name in before
        and row.case_sha256 == before[name].case_sha256
        and None not in (row.shape, before[name].shape)
        and row.shape != before[name].shape
    }

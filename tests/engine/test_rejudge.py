"""A run that is judged again says what it said: the same rows, notes and end, but for the times."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from command_line import Command

TIMES = ("seconds", "finished", "timing", "warnings")


def whole_log(folder: Path) -> list[dict[str, Any]]:
    """Every row of a log, without what only a clock decides."""
    return [
        {name: _timeless(value) for name, value in msgspec.json.decode(line).items() if name not in TIMES}
        for line in (folder / "run.jsonl").read_bytes().splitlines()
    ]


def _timeless(value: Any) -> Any:
    return {name: one for name, one in value.items() if name not in TIMES} if isinstance(value, dict) else value


@pytest.mark.parametrize(
    "words",
    [
        ["--profile", "claude-code"],
        ["--select", "examples.* or usage.* or thinking.* or models.*", "--strict"],
        ["--select", "tools.choice.*", "--allow-improvements"],
    ],
    ids=["a profile", "tendencies", "a few cases"],
)
def test_a_rejudged_log_is_the_log_of_its_run(conformance: Command, tmp_path: Path, words: list[str]) -> None:
    asked = conformance("run", *words, "--out", "one")
    again = conformance("rejudge", "one", "-o", "two")
    assert again.returncode == asked.returncode, again.stderr
    assert whole_log(tmp_path / "two") == whole_log(tmp_path / "one")

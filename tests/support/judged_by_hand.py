"""The red rows of recorded runs of real servers, as judged by hand."""

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

from conformance.catalog.load import load_catalog
from conformance.engine.rejudge import rejudge
from conformance.runs.log import RunLog, read_log

LIST = Path(__file__).parents[1] / "recorded" / "judged_by_hand.yaml"


class Rows(Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of the matrix that one observation explains."""

    why: str
    rows: list[str]


class JudgedRun(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a person found in one recorded run, with curl or by reading the recorded bytes."""

    run: str
    """The folder of the run under `reports/runs`."""
    server: str
    model: str
    """What stood behind the server."""
    red: list[Rows]
    """Broken, ignored or refused, and rightly so: each must stay red, or be blocked by a named cause."""
    not_red: list[Rows]
    """Red when the run was recorded, and wrongly so: none may be red."""
    not_judged: list[Rows] = []
    """Red when the run was recorded, and this run proves nothing of them."""
    lost: list[Rows] = []
    """Rows of `red` that today's questions and rules do not find in these answers, with the reason."""
    not_supported: list[Rows] = []
    """Supported when the run was recorded, and wrongly so: none may be supported by these answers."""


def rows_of(groups: list[Rows]) -> list[str]:
    """The ids of all rows of some groups."""
    return [row for group in groups for row in group.rows]


def judged_runs() -> list[JudgedRun]:
    """All runs that were judged by hand."""
    return msgspec.yaml.decode(LIST.read_bytes(), type=list[JudgedRun])


@cache
def judged_again(run: Path) -> RunLog:
    """A recorded run by today's rules and cases: judged once, for all tests that look at it.

    REJUDGED names a folder in which `python -m conformance.cli.published rejudge --into` has just put those published.
    """
    folder = os.environ.get("REJUDGED")
    if folder and (Path(folder) / run.name).is_dir():
        return read_log(Path(folder) / run.name)
    with TemporaryDirectory() as out:
        rejudge(read_log(run), load_catalog(), Path(out))
        return read_log(Path(out))

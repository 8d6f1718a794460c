"""Writes the page and the small files of runs into a folder."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from conformance.errors import UserError
from conformance.files import folder_below, read_within, replace_file
from conformance.report.matrix import matrix_of
from conformance.runs.detection import read_figures
from conformance.runs.log import FILE, PACKED, RunLog
from conformance.runs.run_folder import is_run_log

PAGE = "index.html"
BADGES = "badges"
MARKS = {
    "summary.md": b"The whole matrix with the evidence of every cell",
    "junit.xml": b'<testsuites name="conformance"',
    "badge.json": b'"label": "messages api',
    "matrix.json": b'"areas": {',
    "verdict.json": b'"conformance": "',
}
"""The files beside a page, and what stands in each that this suite wrote."""
OF_A_PAGE = b"Messages API conformance</title>"
LARGEST_REPORT = 64 * 2**20
"""Bytes of a file that may be a report of ours."""


def refuse_others(out: Path) -> None:
    """UserError where a report would take the place of a file that this suite did not write.

    `out` is the folder, or the `.html` file itself. What lies in the folder of a run belongs to the run.
    """
    page = out if out.suffix == ".html" else out / PAGE
    if any(is_run_log(page.parent / name) for name in (FILE, PACKED)):
        return
    for name, mark in {page.name: OF_A_PAGE, **MARKS}.items():
        file = page.parent / name
        if os.path.lexists(file) and not _holds(file, mark):
            raise UserError(f"{file} was not written by this suite: name another folder with -o, or take it away")


def _holds(file: Path, mark: bytes) -> bool:
    """Whether a plain file holds what only ours do."""
    try:
        return not file.is_symlink() and mark in read_within(file, LARGEST_REPORT)
    except OSError:
        return False


def render(runs: Sequence[RunLog], out: Path, *, detection: Path | None = None) -> Path:
    """Writes the page of all these runs and gives its path.

    `out` is the folder, made where it is missing, or the `.html` file itself; `detection` is a `detection.json`.
    """
    from conformance.report.html import page_html

    path = out if out.suffix == ".html" else out / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = read_figures(detection) if detection is not None else None
    replace_file(path, page_html(matrix_of(runs), figures).encode())
    return path


def write_summaries(runs: Sequence[RunLog], out: Path) -> list[Path]:
    """Writes summary, JUnit, matrix, verdict and badges into a folder and gives their paths.

    `verdict.json` and `badge.json` are those of the last column; `badges/` has the badges of all.
    """
    from conformance.report.answers import badges, verdict_document
    from conformance.report.junit import junit_xml
    from conformance.report.summary import badge, matrix_document, summary_md

    matrix = matrix_of(runs)
    out.mkdir(parents=True, exist_ok=True)
    contents = {
        "summary.md": summary_md(matrix, page=PAGE).encode(),
        "junit.xml": junit_xml(matrix),
        "badge.json": _json(badge(matrix)),
        "matrix.json": _json(matrix_document(matrix)),
        **{f"{BADGES}/{name}": _json(one) for column in matrix.columns for name, one in badges(column).items()},
    }
    if matrix.columns:
        contents["verdict.json"] = _json(verdict_document(matrix.columns[-1]))
    folder_below(out, BADGES)
    for name, content in contents.items():
        replace_file(out / name, content)
    return [out / name for name in contents]


def _json(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"

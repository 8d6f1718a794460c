"""Writes the page and the small files of runs into a folder."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from conformance.report.matrix import matrix_of
from conformance.runs.detection import read_figures
from conformance.runs.log import RunLog

PAGE = "index.html"


def render(runs: Sequence[RunLog], out: Path, *, detection: Path | None = None) -> Path:
    """Writes the page of all these runs and gives its path.

    `out` is the folder, made where it is missing, or the `.html` file itself; `detection` is a `detection.json`.
    """
    from conformance.report.html import page_html

    path = out if out.suffix == ".html" else out / PAGE
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = read_figures(detection) if detection is not None else None
    path.write_text(page_html(matrix_of(runs), figures), encoding="utf-8", newline="\n")
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
        **{f"badges/{name}": _json(one) for column in matrix.columns for name, one in badges(column).items()},
    }
    if matrix.columns:
        contents["verdict.json"] = _json(verdict_document(matrix.columns[-1]))
    (out / "badges").mkdir(exist_ok=True)
    for name, content in contents.items():
        (out / name).write_bytes(content)
    return [out / name for name in contents]


def _json(document: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"

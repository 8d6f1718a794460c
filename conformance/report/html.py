"""The HTML page: templates, style and script from `page/`, in one self-contained file."""

import base64
import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import msgspec
from jinja2.bccache import Bucket, BytecodeCache

from conformance.cache import Cache
from conformance.harmless import harmless
from conformance.report.causes import homes
from conformance.report.closing import closing_of
from conformance.report.javascript import joined
from conformance.report.levels import breaks
from conformance.report.matrix import UNEXPECTED, Cell, Matrix, most_important
from conformance.report.page_data import page_data
from conformance.report.readiness import readiness_of
from conformance.report.servers import servers_of
from conformance.report.summary import headline, reason
from conformance.report.trend import trends_of
from conformance.report.wording import DRIFT_MEANS, SDK_MEANS, STATUS_MEANS, UNVERIFIED_MEANS, VERDICT_MEANS
from conformance.runs.detection import Detection
from conformance.runs.log import RowInfo
from conformance.words import READINESS_VERDICTS

TEMPLATES = 32
"""Compiled templates that are kept: the page has two."""
SOURCES = Path(__file__).parent / "page"
STYLES = ("page.css", "matrix.css")
ENTRY = "main.js"


def page_html(matrix: Matrix, detection: Detection | None = None) -> str:
    """The page as text: the same runs give the same page."""
    style, script = _source(STYLES), joined(SOURCES, ENTRY)
    return template().render(
        matrix=matrix,
        columns=matrix.columns,
        detection=detection,
        readiness_verdicts=READINESS_VERDICTS,
        readiness=readiness_of(matrix),
        servers=servers_of(matrix, detection.each_server if detection else ()),
        first=_first(matrix),
        trends=trends_of(matrix.columns),
        verdicts=VERDICT_MEANS,
        statuses=STATUS_MEANS,
        sdk=SDK_MEANS,
        drift_means=DRIFT_MEANS,
        unverified_means=UNVERIFIED_MEANS,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=embedded(page_data(matrix)),
    )


@cache
def template() -> jinja2.Template:
    """The page's template with its parts, compiled once: that takes most of the time of a small page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SOURCES),
        bytecode_cache=_KeptTemplates(),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.undefined = jinja2.StrictUndefined
    environment.finalize = lambda value: harmless(value) if type(value) is str else value
    environment.filters["headline"] = headline
    environment.filters["closing"] = closing_of
    environment.filters["homes"] = lambda column: homes(column.log)
    environment.get_template("parts.html")
    return environment.get_template("page.html")


def _first(matrix: Matrix) -> list[tuple[RowInfo, Cell, str]]:
    """What a reader of a single run should look at first: what is unexpected, or breaks the API's promise."""
    if len(matrix.columns) != 1 or matrix.columns[0].log.causes:
        return []
    listed = most_important(matrix.columns[0], {row.id: row for row in matrix.rows})
    urgent = [(row, cell) for row, cell in listed if cell.status in UNEXPECTED or breaks(row, cell.judged)]
    return [(row, cell, reason(cell)) for row, cell in urgent]


def embedded(document: Any) -> str:
    """JSON that may stand in a script element: nothing in it can end the element, or begin a comment or another."""
    text = msgspec.json.encode(document).decode()
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _source(names: tuple[str, ...]) -> str:
    return "\n" + "\n".join((SOURCES / name).read_text(encoding="utf-8") for name in names)


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


class _KeptTemplates(BytecodeCache):
    """Compiled templates, kept for the next process: to compile them takes half of a short run.

    Each by the hash of its source, of this module, which sets jinja2 up, and of what compiles.
    """

    def __init__(self) -> None:
        self._cache = Cache("templates", TEMPLATES)
        here = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
        self._made_by = f"{jinja2.__version__} {sys.version} {here}"

    def load_bytecode(self, bucket: Bucket) -> None:
        content = self._cache.read(self._name(bucket))
        if content is not None:
            bucket.bytecode_from_string(content)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._cache.keep(self._name(bucket), bucket.bytecode_to_string())

    def _name(self, bucket: Bucket) -> str:
        return hashlib.sha256(f"{self._made_by} {bucket.key} {bucket.checksum}".encode()).hexdigest()[:32]
